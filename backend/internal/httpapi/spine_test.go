package httpapi_test

import (
	"testing"

	"github.com/nod-auth/nod/shared/protocol"
)

// The whole way: invitation, registration, code, challenge, answer, signed result that verifies offline.
func TestFromInvitationToResult(t *testing.T) {
	w := newWorld(t)
	p := w.enroll("ada")
	c := w.challenge("ada", "login-1")
	jws := p.pending()
	if len(jws) != 1 {
		t.Fatalf("%d pending challenges", len(jws))
	}
	if a := p.decide(jws[0], protocol.Approve, c.Number); a.Status != 200 {
		t.Fatalf("decide: %d %s", a.Status, a.Body)
	}
	a := w.appCall("GET", "/v1/challenges/"+c.ID+"?wait=5", "")
	m := a.json(t)
	if a.Status != 200 || m["status"] != "approved" {
		t.Fatalf("read: %d %s", a.Status, a.Body)
	}
	r, err := protocol.VerifyResult(m["result"].(string), p.Keys, protocol.Expectation{Issuer: publicURL, Tenant: w.tenant.ID, Audience: w.app.ID, Subject: "ada", Transaction: "login-1", Now: w.now()})
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != protocol.StatusApproved || r.ACR != protocol.ACRNumber {
		t.Errorf("result is %+v", r)
	}
}
