package httpapi_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nod-auth/nod/shared/protocol"
)

// Canaries stand in every member that a caller can fill, through every endpoint, with the log at debug level. None may be
// in the log, the metrics or a problem document; the secrets that the server makes itself may not be there either.
func TestT31_NoSecretAndNoNameLeaves(t *testing.T) {
	w := newWorld(t)
	const canary = "cAnArYcAnArY"
	w.key = w.newKey(w.app, "challenges", "enrollments", "users", "audit")
	secrets := []string{canary, w.key, strings.TrimPrefix(w.key, "nod_sk_")}
	var problems []string
	note := func(a answer) answer {
		if a.code() != "" {
			problems = append(problems, a.Body)
		}
		return a
	}

	id, inv := w.invite(canary)
	secrets = append(secrets, inv.Token)
	p, _ := w.register(inv, func(e *protocol.Enrollment) { e.Device.Name, e.Device.Model = canary, canary })
	secrets = append(secrets, p.Code, p.Enrolling)
	note(w.appCall("POST", "/v1/enrollments/"+id+"/confirm", `{"code":"`+p.Code+`"}`))
	body := `{"user_ref":"` + canary + `","transaction":"` + canary + `","session":"` + canary + `","action":{"kind":"sign_in","title":"` + canary + `","message":"` + canary +
		`"},"context":{"user_agent":"` + canary + `","location":"` + canary + `","browser":"` + canary + `"},"details":[{"label":"` + canary + `","value":"` + canary + `"}],"match":{"digits":6}}`
	a := note(w.appCall("POST", "/v1/challenges", body))
	if a.Status != 201 {
		t.Fatalf("create: %d %s", a.Status, a.Body)
	}
	m := a.json(t)
	number, browser := m["match"].(map[string]any)["number"].(string), m["browser_token"].(string)
	secrets = append(secrets, number, browser, p.nonce)
	jws := p.pending()[0]
	_, wrong := p.decision(jws, protocol.Approve, "000000")
	secrets = append(secrets, jws, wrong)
	note(p.send(protocol.ChallengeID(m["id"].(string)), wrong))
	note(w.call("GET", "/browser/v1/challenges/"+m["id"].(string), "", map[string]string{"Authorization": "Bearer " + browser}))

	// Wrong in every way a caller can be wrong.
	for _, bad := range []string{"{" + canary, `{"` + canary + `":1}`, `{"user_ref":{"` + canary + `":1}}`, strings.Replace(body, `"sign_in"`, `"`+canary+`"`, 1),
		strings.Replace(body, `"match":{"digits":6}`, `"match":{"mode":"`+canary+`"}`, 1), strings.Replace(body, canary, canary+"\\u0000", 1)} {
		note(w.appCall("POST", "/v1/challenges", bad))
	}
	for _, path := range []string{"/" + canary, "/v1/challenges/" + canary, "/v1/users/" + canary + "%00/devices", "/v1/audit-events?" + canary + "=1", "/v1/audit-events?after=" + canary, "/v1/users/" + canary + "/devices/" + canary} {
		note(w.appCall("GET", path, ""))
		note(w.appCall("DELETE", path, ""))
	}
	for _, header := range []map[string]string{{"Authorization": "Bearer nod_sk_" + canary}, {"Authorization": canary}, {"Cookie": "nod_browser=" + canary}, {"X-Request-Id": canary},
		{"User-Agent": canary}, {"Referer": "https://" + canary}, {"Origin": "https://" + canary}, {"X-Forwarded-For": canary}, {"Idempotency-Key": canary}, {"DPoP": canary}, {"Content-Type": canary}, {"Accept": canary}} {
		for _, path := range []string{"/v1/challenges", "/device/v1/challenges", "/device/v1/updates", "/browser/v1/challenges/" + m["id"].(string)} {
			note(w.call("POST", path, canary, header))
			note(w.call("GET", path, "", header))
		}
	}

	rec := httptest.NewRecorder()
	w.metrics.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	if len(problems) < 20 || strings.Count(w.logs.String(), "\n") < 60 {
		t.Fatalf("only %d problems and %d log lines were looked at", len(problems), strings.Count(w.logs.String(), "\n"))
	}
	for place, text := range map[string]string{"log": w.logs.String(), "metrics": rec.Body.String(), "problems": strings.Join(problems, "\n")} {
		for i, s := range secrets {
			if at := strings.Index(text, s); at >= 0 {
				t.Errorf("secret %d stands in the %s: %s", i, place, text[max(0, at-200):min(len(text), at+80)])
			}
		}
	}
}
