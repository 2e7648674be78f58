package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/httpapi"
	"github.com/nod-auth/nod/shared/protocol"
)

// lastClient is the caller's address as the log's last request line has it.
func (w *world) lastClient() string {
	w.t.Helper()
	lines := strings.Split(strings.TrimSpace(w.logs.String()), "\n")
	var l struct{ Client string }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &l); err != nil {
		w.t.Fatal(err)
	}
	return l.Client
}

func TestT29_AForwardedAddressCountsFromATrustedProxyOnly(t *testing.T) {
	loopback := netip.MustParsePrefix("127.0.0.0/8")
	proxies := netip.MustParsePrefix("10.1.0.0/16")
	hundred := strings.TrimSuffix(strings.Repeat("198.51.100.1, ", 100), ", ")
	for name, tc := range map[string]struct {
		trusted []netip.Prefix
		header  []string
		want    string
	}{
		"from an untrusted peer: loopback":   {nil, []string{"127.0.0.2"}, "127.0.0.1"},
		"from an untrusted peer: an address": {nil, []string{"198.51.100.1"}, "127.0.0.1"},
		"from an untrusted peer: garbage":    {nil, []string{"x; drop"}, "127.0.0.1"},
		"from a trusted one":                 {[]netip.Prefix{loopback}, []string{"198.51.100.1"}, "198.51.100.1"},
		"only the right-most is the proxy's": {[]netip.Prefix{loopback}, []string{"127.0.0.9, 203.0.113.1, 198.51.100.1"}, "198.51.100.1"},
		"through a second trusted proxy":     {[]netip.Prefix{loopback, proxies}, []string{"203.0.113.1, 198.51.100.1, 10.1.2.3"}, "198.51.100.1"},
		"in two headers":                     {[]netip.Prefix{loopback}, []string{"203.0.113.1", "198.51.100.1"}, "198.51.100.1"},
		"empty":                              {[]netip.Prefix{loopback}, []string{""}, "127.0.0.1"},
		"garbage":                            {[]netip.Prefix{loopback}, []string{"not an address"}, "127.0.0.1"},
		"garbage behind a proxy":             {[]netip.Prefix{loopback, proxies}, []string{"evil, 10.1.2.3"}, "10.1.2.3"},
		"a hundred hops":                     {[]netip.Prefix{loopback}, []string{hundred}, "198.51.100.1"},
		"with a zone":                        {[]netip.Prefix{loopback}, []string{"fe80::1%eth0"}, "fe80::1"},
		"mapped":                             {[]netip.Prefix{loopback}, []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(p *httpapi.Params) { p.Proxies = tc.trusted })
			req := httptest.NewRequestWithContext(t.Context(), "GET", "/healthz", nil)
			req.RemoteAddr = "127.0.0.1:4711"
			req.Header["X-Forwarded-For"] = tc.header
			w.api.ServeHTTP(httptest.NewRecorder(), req)
			if got := w.lastClient(); got != tc.want {
				t.Errorf("client is %q, want %q", got, tc.want)
			}
		})
	}
}

func TestT36_TheSchemeIsNotTheCallersToSay(t *testing.T) {
	for name, tc := range map[string]struct {
		trusted []netip.Prefix
		want    bool
	}{
		"from anyone":          {nil, false},
		"from a trusted proxy": {[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, true},
	} {
		w := newWorld(t, func(p *httpapi.Params) { p.Proxies = tc.trusted })
		a := w.call("GET", "/healthz", "", map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "on", "X-Forwarded-Protocol": "https"})
		if got := a.Header.Get("Strict-Transport-Security") != ""; got != tc.want {
			t.Errorf("%s: https is %v, want %v", name, got, tc.want)
		}
	}
}

func TestMetricsAreForLoopbackOnly(t *testing.T) {
	w := newWorld(t)
	get := func(remote string, header map[string]string) *httptest.ResponseRecorder {
		req := httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil)
		req.RemoteAddr = remote
		for k, v := range header {
			req.Header.Set(k, v)
		}
		rec := httptest.NewRecorder()
		w.api.ServeHTTP(rec, req)
		return rec
	}
	w.enroll("ada")
	if rec := get("127.0.0.1:1", nil); rec.Code != 200 || !strings.Contains(rec.Body.String(), `nod_http_requests_total{operation="enrollDevice",status="201"} 1`) {
		t.Errorf("from loopback: %d %s", rec.Code, rec.Body)
	}
	if rec := get("198.51.100.1:1", nil); rec.Code != 404 {
		t.Errorf("from elsewhere: %d", rec.Code)
	}
	if rec := get("127.0.0.1:1", map[string]string{"X-Forwarded-For": "198.51.100.1"}); rec.Code != 404 {
		t.Errorf("through a proxy on this machine: %d", rec.Code)
	}
	hidden := newWorld(t, func(p *httpapi.Params) { p.HideMetrics = true })
	if a := hidden.call("GET", "/metrics", "", nil); a.Status != 404 {
		t.Errorf("with an address of their own: %d", a.Status)
	}
}

func TestIdempotency(t *testing.T) {
	w := newWorld(t)
	p := w.enroll("ada")
	create := func(key, body string) answer {
		h := w.appHeader(body)
		h["Idempotency-Key"] = key
		return w.call("POST", "/v1/challenges", body, h)
	}
	body := `{"user_ref":"ada","transaction":"x","action":{"kind":"sign_in"}}`
	first, again := create("k1", body), create("k1", "  "+body)
	if first.Status != 201 || !sameAnswer(first, again) {
		t.Errorf("first: %d %s\nagain: %d %s", first.Status, first.Body, again.Status, again.Body)
	}
	if n := len(p.pending()); n != 1 {
		t.Errorf("%d challenges were made, want 1", n)
	}
	if a := create("k1", strings.Replace(body, `"x"`, `"y"`, 1)); a.Status != 422 || a.code() != "idempotency_key_reused" {
		t.Errorf("another body: %d %s", a.Status, a.Body)
	}
	if a := create("k2", body); a.Status != 409 || a.code() != "transaction_in_use" {
		t.Errorf("another key for the same transaction: %d %s", a.Status, a.Body)
	}
	if a := create("k2", strings.Replace(body, `"x"`, `"z"`, 1)); a.Status != 201 || a.json(t)["id"] == first.json(t)["id"] {
		t.Errorf("another key: %d %s", a.Status, a.Body)
	}
	if a := create("k 3", body); a.Status != 400 {
		t.Errorf("a key with a space: %d %s", a.Status, a.Body)
	}
	enroll := func() answer {
		h := w.appHeader("x")
		h["Idempotency-Key"] = "e1"
		return w.call("POST", "/v1/enrollments", `{"user_ref":"bob"}`, h)
	}
	if a, b := enroll(), enroll(); a.Status != 201 || !sameAnswer(a, b) {
		t.Errorf("first: %d %s\nagain: %d %s", a.Status, a.Body, b.Status, b.Body)
	}
}

func TestBrowserSeesItsOneChallengeOnly(t *testing.T) {
	w := newWorld(t)
	p := w.enroll("ada")
	c, other := w.challenge("ada", "login-1"), w.challenge("ada", "login-2")
	read := func(id string, header map[string]string) answer {
		return w.call("GET", "/browser/v1/challenges/"+id, "", header)
	}
	bearer := map[string]string{"Authorization": "Bearer " + c.Browser}
	a := read(c.ID, bearer)
	m := a.json(t)
	if a.Status != 200 || m["status"] != "pending" || len(m) != 3 {
		t.Errorf("its own: %d %s", a.Status, a.Body)
	}
	unknown := read(c.ID, map[string]string{"Authorization": "Bearer nod_bt_" + strings.Repeat("A", 43)})
	for name, got := range map[string]answer{
		"another challenge":          read(other.ID, bearer),
		"no challenge":               read(string(protocol.NewID[protocol.ChallengeID]()), bearer),
		"no id":                      read("x", bearer),
		"no token":                   read(c.ID, nil),
		"an API key":                 read(c.ID, map[string]string{"Authorization": "Bearer " + w.key}),
		"the token in the query":     read(c.ID+"?token="+c.Browser, nil),
		"a cookie from another site": read(c.ID, map[string]string{"Cookie": "nod_browser=" + c.Browser, "Sec-Fetch-Site": "cross-site"}),
	} {
		if got.Status != 401 || !sameAnswer(got, unknown) {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	if a := read(c.ID, map[string]string{"Cookie": "nod_browser=" + c.Browser, "Sec-Fetch-Site": "same-origin"}); a.Status != 200 {
		t.Errorf("the cookie from the server's own page: %d %s", a.Status, a.Body)
	}
	for _, jws := range p.pending() {
		p.decide(jws, protocol.Deny, "")
	}
	if a := read(c.ID, bearer); a.json(t)["status"] != "closed" || strings.Contains(a.Body, "denied") {
		t.Errorf("after a deny: %s", a.Body)
	}
	w.advance(10 * time.Minute)
	if a := read(c.ID, bearer); a.Status != 401 {
		t.Errorf("long after: %d %s", a.Status, a.Body)
	}
}

func TestOnlyListedOriginsReadAnswers(t *testing.T) {
	w := newWorld(t)
	w.enroll("ada")
	c := w.challenge("ada", "login-1")
	path := "/browser/v1/challenges/" + c.ID
	for origin, want := range map[string]string{"https://www.example.com": "https://www.example.com", "https://evil.example": "", "null": "", "http://www.example.com": ""} {
		a := w.call("GET", path, "", map[string]string{"Authorization": "Bearer " + c.Browser, "Origin": origin})
		if got := a.Header.Get("Access-Control-Allow-Origin"); got != want || a.Header.Get("Vary") != "Origin" {
			t.Errorf("origin %s: allowed is %q, want %q", origin, got, want)
		}
		if a.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Error("credentials are allowed")
		}
	}
	a := w.call(http.MethodOptions, path, "", map[string]string{"Origin": "https://www.example.com", "Access-Control-Request-Method": "GET"})
	if a.Status != 204 || a.Header.Get("Access-Control-Allow-Headers") != "Authorization" {
		t.Errorf("preflight: %d %v", a.Status, a.Header)
	}
	if a := w.call(http.MethodOptions, "/v1/challenges", "", map[string]string{"Origin": "https://www.example.com"}); a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("the application API has CORS: %v", a.Header)
	}
}

func TestPublicKeys(t *testing.T) {
	w := newWorld(t)
	a := w.call("GET", "/.well-known/nod/"+string(w.tenant.ID)+"/jwks.json", "", nil)
	if a.Status != 200 || !strings.Contains(a.Body, `"kty":"EC"`) || strings.Contains(a.Body, `"d"`) || !strings.Contains(a.Header.Get("Cache-Control"), "max-age") {
		t.Errorf("JWKS: %d %s", a.Status, a.Body)
	}
	a = w.call("GET", "/.well-known/nod/"+string(w.tenant.ID)+"/keys", "", nil)
	if _, err := protocol.VerifyKeys(a.Body, w.tenant.Root.Thumbprint(), 0, w.now()); err != nil || a.Header.Get("Content-Type") != "application/jose" {
		t.Errorf("keys: %d %s: %v", a.Status, a.Body, err)
	}
	for _, id := range []string{string(protocol.NewID[protocol.TenantID]()), "x"} {
		if a := w.call("GET", "/.well-known/nod/"+id+"/keys", "", nil); a.code() != "not_found" {
			t.Errorf("tenant %s: %d %s", id, a.Status, a.Body)
		}
	}
}

func TestAuditEventsAreReadInOrder(t *testing.T) {
	w := newWorld(t)
	w.enroll("ada")
	if a := w.appCall("GET", "/v1/audit-events", ""); !strings.Contains(a.Body, `"events":[]`) {
		t.Errorf("before sealing: %s", a.Body)
	}
	w.seal()
	first := w.appCall("GET", "/v1/audit-events?limit=2", "").json(t)["events"].([]any)
	rest := w.appCall("GET", "/v1/audit-events?after=2", "").json(t)["events"].([]any)
	if len(first) != 2 || len(rest) < 3 {
		t.Fatalf("%d and %d events", len(first), len(rest))
	}
	for i, e := range append(first, rest...) {
		m := e.(map[string]any)
		if int(m["seq"].(float64)) != i+1 || m["hash"] == "" {
			t.Errorf("event %d is %v", i+1, m)
		}
	}
	if last := rest[len(rest)-1].(map[string]any); last["type"] != "device.activated" || last["user_ref"] != "ada" {
		t.Errorf("last event is %v", last)
	}
}

// The page behind the invitation's link is the same for every link, and fetches, stores and reflects nothing (T10, T36).
func TestT36_TheInvitationsPageReflectsNothing(t *testing.T) {
	w := newWorld(t)
	_, inv := w.invite("ada")
	plain := w.call("GET", "/enroll", "", nil)
	link := w.call("GET", strings.TrimPrefix(strings.SplitN(inv.Link(), "#", 2)[0], publicURL), "", nil)
	evil := w.call("GET", `/enroll?n=<script>alert(1)</script>&s=//evil.example`, "", map[string]string{"Referer": "https://evil.example"})
	for _, a := range []answer{plain, link, evil} {
		if a.Status != 200 || a.Body != plain.Body {
			t.Errorf("the page differs: %d %s", a.Status, a.Body)
		}
	}
	policy := plain.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || plain.Header.Get("Referrer-Policy") != "no-referrer" || plain.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers: %v", plain.Header)
	}
	for _, not := range []string{"http:", "https:", "evil", "Ada", "fetch(", "innerHTML", "eval"} {
		if strings.Contains(plain.Body, not) {
			t.Errorf("the page holds %q", not)
		}
	}
}
