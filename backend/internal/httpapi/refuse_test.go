package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/shared/protocol"
)

// scenario is one request of the application and what its answer must and must not hold.
type scenario struct {
	name         string
	method, path string
	body         string
	header       map[string]string // replaces or, with "", removes a header of a good request
	status       int
	code         string
	contains     []string
	lacks        []string
}

func (s scenario) run(t *testing.T, w *world) answer {
	t.Helper()
	header := w.appHeader(s.body)
	for k, v := range s.header {
		header[k] = v
	}
	a := w.call(s.method, s.path, s.body, header)
	if a.Status != s.status || a.code() != s.code {
		t.Errorf("got %d %q, want %d %q: %s", a.Status, a.code(), s.status, s.code, a.Body)
	}
	for _, want := range s.contains {
		if !strings.Contains(a.Body, want) {
			t.Errorf("the answer lacks %s: %s", want, a.Body)
		}
	}
	for _, not := range s.lacks {
		if strings.Contains(a.Body, not) {
			t.Errorf("the answer holds %s: %s", not, a.Body)
		}
	}
	if a.Header.Get("X-Request-Id") == "" || a.Header.Get("Date") == "" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers are missing: %v", a.Header)
	}
	if s.code != "" && !strings.Contains(a.Body, a.Header.Get("X-Request-Id")) {
		t.Errorf("the problem does not carry the request id: %s", a.Body)
	}
	return a
}

func TestBadInputIsRefusedWithAClearWord(t *testing.T) {
	w := newWorld(t)
	w.enroll("ada")
	const sent = "sEnTvAlUe"
	challenge := func(more string) string {
		return `{"user_ref":"ada","transaction":"x","action":{"kind":"sign_in"}` + more + `}`
	}
	for _, s := range []scenario{
		{name: "no JSON", method: "POST", path: "/v1/challenges", body: "{" + sent, status: 400, code: "malformed_request", lacks: []string{sent}},
		{name: "two values", method: "POST", path: "/v1/challenges", body: challenge("") + "{}", status: 400, code: "malformed_request"},
		{name: "an empty body", method: "POST", path: "/v1/challenges", header: map[string]string{"Content-Type": "application/json"}, status: 400, code: "malformed_request"},
		{name: "no object", method: "POST", path: "/v1/challenges", body: "[]", status: 400, code: "validation_failed"},
		{name: "a wrong type", method: "POST", path: "/v1/challenges", body: challenge(`,"ttl_seconds":"` + sent + `"`), status: 400, code: "validation_failed", contains: []string{"#/ttl_seconds", "integer"}, lacks: []string{sent}},
		{name: "an unknown member", method: "POST", path: "/v1/challenges", body: challenge(`,"ttl":5`), status: 400, code: "validation_failed", contains: []string{"#/ttl", "is not known"}},
		{name: "a member's case", method: "POST", path: "/v1/challenges", body: strings.Replace(challenge(""), "user_ref", "User_Ref", 1), status: 400, code: "validation_failed", contains: []string{"#/user_ref", "is required"}},
		{name: "no transaction", method: "POST", path: "/v1/challenges", body: `{"user_ref":"ada","action":{"kind":"sign_in"}}`, status: 400, code: "validation_failed", contains: []string{"#/transaction", "is required"}},
		{name: "several faults at once", method: "POST", path: "/v1/challenges", body: `{"user_ref":5,"action":{}}`, status: 400, code: "validation_failed", contains: []string{"#/user_ref", "#/transaction", "#/action/kind"}},
		{name: "a time to live out of range", method: "POST", path: "/v1/challenges", body: challenge(`,"ttl_seconds":601`), status: 400, code: "validation_failed", contains: []string{"#/ttl_seconds", "more than 600"}},
		{name: "a fraction of a second", method: "POST", path: "/v1/challenges", body: challenge(`,"ttl_seconds":60.5`), status: 400, code: "validation_failed", contains: []string{"#/ttl_seconds"}},
		{name: "a detail without a label", method: "POST", path: "/v1/challenges", body: challenge(`,"details":[{"value":"1"}]`), status: 400, code: "validation_failed", contains: []string{"#/details/0/label"}},
		{name: "text that reads backwards", method: "POST", path: "/v1/challenges", body: challenge(`,"details":[{"label":"a","value":"\u202e` + sent + `"}]`), status: 400, code: "validation_failed", lacks: []string{sent}},
		{name: "an address that is none", method: "POST", path: "/v1/challenges", body: challenge(`,"context":{"ip":"` + sent + `"}`), status: 400, code: "validation_failed", contains: []string{"#/context/ip"}, lacks: []string{sent}},
		{name: "the server's own action", method: "POST", path: "/v1/challenges", body: `{"user_ref":"ada","transaction":"x","action":{"kind":"add_device"}}`, status: 400, code: "validation_failed", contains: []string{"#/action/kind"}},
		{name: "less than policy demands", method: "POST", path: "/v1/challenges", body: challenge(`,"match":{"mode":"none"}`), status: 422, code: "requirement_not_met", contains: []string{"#/match/mode"}},
		{name: "T19: an empty user", method: "POST", path: "/v1/enrollments", body: `{"user_ref":""}`, status: 400, code: "validation_failed", contains: []string{"#/user_ref"}},
		{name: "T19: a huge user", method: "POST", path: "/v1/enrollments", body: `{"user_ref":"` + strings.Repeat("u", 129) + `"}`, status: 400, code: "validation_failed", contains: []string{"#/user_ref", "longer than 128"}},
		{name: "T19: a NUL in the user", method: "POST", path: "/v1/enrollments", body: `{"user_ref":"a\u0000b"}`, status: 400, code: "validation_failed", contains: []string{"#/user_ref"}},
		{name: "T19: a huge body", method: "POST", path: "/v1/enrollments", body: `{"user_ref":"` + strings.Repeat("u", 64<<10) + `"}`, status: 413, code: "body_too_large"},
		{name: "a form", method: "POST", path: "/v1/enrollments", body: "user_ref=ada", header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, status: 415, code: "unsupported_media_type", contains: []string{"application/json"}},
		{name: "no content type", method: "POST", path: "/v1/enrollments", body: `{"user_ref":"ada"}`, header: map[string]string{"Content-Type": ""}, status: 415, code: "unsupported_media_type"},
		{name: "a compressed body", method: "POST", path: "/v1/enrollments", body: `{"user_ref":"ada"}`, header: map[string]string{"Content-Encoding": "gzip"}, status: 415, code: "unsupported_media_type"},
		{name: "another charset", method: "POST", path: "/v1/enrollments", body: `{"user_ref":"ada"}`, header: map[string]string{"Content-Type": "application/json; charset=utf-16"}, status: 415, code: "unsupported_media_type"},
		{name: "utf-8 said aloud", method: "POST", path: "/v1/enrollments", body: `{"user_ref":"ada"}`, header: map[string]string{"Content-Type": "application/json; charset=UTF-8"}, status: 201},
		{name: "an Accept that takes nothing", method: "GET", path: "/v1/users/ada/devices", header: map[string]string{"Accept": "text/html"}, status: 406, code: "not_acceptable"},
		{name: "an Accept that takes all", method: "GET", path: "/v1/users/ada/devices", header: map[string]string{"Accept": "text/html, */*;q=0.1"}, status: 200},
		{name: "an unknown parameter", method: "GET", path: "/v1/challenges/" + string(protocol.NewID[protocol.ChallengeID]()) + "?wiat=" + sent, status: 400, code: "validation_failed", contains: []string{"query/wiat"}, lacks: []string{sent}},
		{name: "a wait that is no number", method: "GET", path: "/v1/challenges/" + string(protocol.NewID[protocol.ChallengeID]()) + "?wait=" + sent, status: 400, code: "validation_failed", contains: []string{"query/wait"}, lacks: []string{sent}},
		{name: "a wait that is too long", method: "GET", path: "/v1/challenges/" + string(protocol.NewID[protocol.ChallengeID]()) + "?wait=61", status: 400, code: "validation_failed", contains: []string{"query/wait", "60"}},
		{name: "a wait twice", method: "GET", path: "/v1/challenges/" + string(protocol.NewID[protocol.ChallengeID]()) + "?wait=1&wait=2", status: 400, code: "validation_failed", contains: []string{"more than once"}},
		{name: "an id of the wrong shape", method: "GET", path: "/v1/challenges/chl_" + sent, status: 404, code: "not_found", lacks: []string{sent}},
		{name: "an id of another kind", method: "GET", path: "/v1/challenges/" + string(protocol.NewID[protocol.DeviceID]()), status: 404, code: "not_found"},
		{name: "no such path", method: "GET", path: "/v2/challenges", status: 404, code: "not_found"},
		{name: "no such method", method: "DELETE", path: "/v1/challenges", status: 405, code: "method_not_allowed"},
		{name: "T36: another method in the query", method: "POST", path: "/v1/enrollments?_method=GET", body: `{"user_ref":"ada"}`, status: 400, code: "validation_failed"},
		{name: "T36: another method in a header", method: "POST", path: "/v1/users/ada/devices", header: map[string]string{"X-HTTP-Method-Override": "GET"}, status: 405, code: "method_not_allowed"},
		{name: "T36: a slash at the end is no redirect", method: "GET", path: "/v1/users/ada/devices/", status: 404, code: "not_found"},
		{name: "T36: a path that a browser takes for a host", method: "GET", path: "//evil.example/v1", status: 404, code: "not_found"},
		{name: "T36: a tab before a host", method: "GET", path: "/%09/evil.example", status: 404, code: "not_found"},
		{name: "T35: an encoded letter", method: "GET", path: "/%6detrics", status: 404, code: "not_found"},
		{name: "T35: an encoded slash", method: "GET", path: "/v1%2Fusers/ada/devices", status: 404, code: "not_found"},
		{name: "T35: dots", method: "GET", path: "/healthz/../metrics", status: 404, code: "not_found"},
		{name: "a user_ref that is not UTF-8", method: "GET", path: "/v1/users/%ff/devices", status: 400, code: "validation_failed", contains: []string{"path/user_ref"}},
		{name: "a user_ref with a slash", method: "GET", path: "/v1/users/a%2Fb/devices", status: 200, contains: []string{`"devices":[]`}},
		{name: "a code that is none", method: "POST", path: "/v1/enrollments/" + string(protocol.NewID[protocol.EnrollmentID]()) + "/confirm", body: `{"code":"12a456"}`, status: 400, code: "validation_failed", contains: []string{"#/code"}, lacks: []string{"12a456"}},
		{name: "an unknown enrollment", method: "POST", path: "/v1/enrollments/" + string(protocol.NewID[protocol.EnrollmentID]()) + "/confirm", body: `{"code":"123456"}`, status: 404, code: "not_found"},
	} {
		t.Run(s.name, func(t *testing.T) { s.run(t, w) })
	}
}

// A body is not looked at, and no parameter is judged, before the caller is known: all of these are one answer.
func TestT18_BeforeTheCredentialThereIsOneAnswer(t *testing.T) {
	w := newWorld(t)
	w.enroll("ada")
	c := w.challenge("ada", "x")
	revoked := w.newKey(w.app, "challenges")
	revokeKey(t, w, revoked)
	random := string(tenant.NewSecret(tenant.SecretPrefix))
	var first answer
	for name, authorization := range map[string]string{"none": "", "another scheme": "Basic " + w.key, "no secret": "Bearer ", "garbage": "Bearer x", "unknown": "Bearer " + random,
		"revoked": "Bearer " + revoked, "a browser token": "Bearer " + c.Browser, "a good key in the wrong case": "Bearer " + strings.ToUpper(w.key)} {
		for _, path := range []string{"/v1/challenges/" + c.ID, "/v1/challenges/nonsense?wait=x", "/v1/users/ada/devices"} {
			a := w.call("GET", path, "", map[string]string{"Authorization": authorization})
			if first.Status == 0 {
				first = a
			}
			if a.Status != 401 || !sameAnswer(a, first) {
				t.Errorf("%s on %s: %d %s", name, path, a.Status, a.Body)
			}
		}
	}
	if a := w.call("POST", "/v1/challenges", strings.Repeat("x", 1<<20), nil); a.code() != "unauthorized" {
		t.Errorf("a huge body without a key: %d %s", a.Status, a.Body)
	}
}

func revokeKey(t *testing.T, w *world, secret string) {
	t.Helper()
	caller, err := w.tenants.Authenticate(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.tenants.RevokeAPIKey(t.Context(), w.tenant.ID, caller.Key.ID); err != nil {
		t.Fatal(err)
	}
}

// An unknown user and a user without a device are one answer.
func TestT18_UsersCannotBeEnumerated(t *testing.T) {
	w := newWorld(t)
	w.invite("invited") // known, without a device
	ask := func(user string) answer {
		return w.appCall("POST", "/v1/challenges", `{"user_ref":"`+user+`","transaction":"x","action":{"kind":"sign_in"}}`)
	}
	known, unknown := ask("invited"), ask("unknown")
	if known.code() != "user_has_no_device" || !sameAnswer(known, unknown) {
		t.Errorf("known: %d %s\nunknown: %d %s", known.Status, known.Body, unknown.Status, unknown.Body)
	}
	known, unknown = w.appCall("GET", "/v1/users/invited/devices", ""), w.appCall("GET", "/v1/users/unknown/devices", "")
	if !sameAnswer(known, unknown) {
		t.Errorf("known: %d %s\nunknown: %d %s", known.Status, known.Body, unknown.Status, unknown.Body)
	}
}

// Each application operation needs exactly its scope; a key with all the others is refused.
func TestScopes(t *testing.T) {
	w := newWorld(t)
	scopes := map[string]tenant.Scope{"enrollments": "enrollments", "challenges": "challenges", "users": "users", "audit": "audit"}
	o := objects{string(protocol.NewID[protocol.EnrollmentID]()), string(protocol.NewID[protocol.ChallengeID]()), string(protocol.NewID[protocol.DeviceID]()), "ada", ""}
	n := 0
	forEachOperation(t, func(method, path string, op *openapi3.Operation) {
		scope, ok := scopes[op.Tags[0]]
		if !ok {
			return
		}
		n++
		var others []tenant.Scope
		for _, s := range tenant.Scopes() {
			if s != scope {
				others = append(others, s)
			}
		}
		header := func(key string) map[string]string {
			return map[string]string{"Authorization": "Bearer " + key, "Content-Type": "application/json"}
		}
		if a := w.call(method, o.path(path), o.body(op.OperationID), header(w.newKey(w.app, others...))); a.code() != "forbidden_scope" {
			t.Errorf("%s without %s: %d %s", op.OperationID, scope, a.Status, a.Body)
		}
		if a := w.call(method, o.path(path), o.body(op.OperationID), header(w.newKey(w.app, scope))); a.Status == 401 || a.Status == 403 {
			t.Errorf("%s with %s: %d %s", op.OperationID, scope, a.Status, a.Body)
		}
	})
	if n < 10 {
		t.Errorf("only %d operations were tried", n)
	}
}

func TestT20_NothingOversizedOrEncryptedReachesAParser(t *testing.T) {
	w := newWorld(t)
	dots := strings.Repeat(".", 1<<20)
	jwe := "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a2V5.aXY.Y2lwaGVy.dGFn"
	for _, path := range []string{"/device/v1/enrollments", "/device/v1/updates", "/device/v1/challenges/" + string(protocol.NewID[protocol.ChallengeID]()) + "/decision"} {
		jose := map[string]string{"Content-Type": "application/jose"}
		if a := w.call("POST", path, dots, jose); a.Status != 413 || a.code() != "body_too_large" {
			t.Errorf("1 MB of dots on %s: %d %s", path, a.Status, a.Body)
		}
		if a := w.call("POST", path, jwe, jose); a.Status != 400 || a.code() != "malformed_request" {
			t.Errorf("a JWE on %s: %d %s", path, a.Status, a.Body)
		}
		for _, body := range []string{"", ".", "..", "...", "a.b", "a.b.c.d", "a b.c.d", "a.b.c\n", `{"payload":"","signatures":[]}`} {
			if a := w.call("POST", path, body, jose); a.Status != 400 && a.Status != 401 {
				t.Errorf("%q on %s: %d %s", body, path, a.Status, a.Body)
			}
		}
		if a := w.call("POST", path, "a.b.c", map[string]string{"Content-Type": "application/json"}); a.code() != "unsupported_media_type" {
			t.Errorf("JSON on %s: %d %s", path, a.Status, a.Body)
		}
	}
	for _, path := range []string{"/device/v1/challenges", "/device/v1/events"} {
		for _, proof := range []string{jwe, "a.b.c", strings.Repeat(".", 6000)} {
			if a := w.call("GET", path, "", map[string]string{"DPoP": proof}); a.Status != 401 || a.code() != "device_unauthorized" {
				t.Errorf("proof of %d bytes on %s: %d %s", len(proof), path, a.Status, a.Body)
			}
		}
	}
}

// A chunked body says no length; it is cut at the cap all the same.
func TestT20_ABodyWithoutALengthIsCapped(t *testing.T) {
	w := newWorld(t)
	req, err := http.NewRequestWithContext(t.Context(), "POST", w.URL+"/device/v1/updates", unsized{strings.NewReader(strings.Repeat("a", 1<<20))})
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/jose")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 413 {
		t.Errorf("status %d, want 413", res.StatusCode)
	}
}

type unsized struct{ r *strings.Reader }

func (u unsized) Read(p []byte) (int, error) { return u.r.Read(p) }
