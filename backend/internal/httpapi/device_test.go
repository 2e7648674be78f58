package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/shared/protocol"
)

func (p *phone) signedProof(change func(*protocol.Proof)) string {
	m := &protocol.Proof{Issuer: p.ID, ID: protocol.RandomText(16), IssuedAt: protocol.At(p.w.now()), Method: "GET", URL: publicURL + "/device/v1/challenges", Nonce: p.nonce}
	change(m)
	return must[string](p.w.t)(protocol.Sign(p.Device, m))
}

// Without a proof, and with an old nonce, the device is told the nonce; with it, the next proof passes (RFC 9449 section 8).
func TestANonceIsGivenAndRenewed(t *testing.T) {
	w := newWorld(t)
	p := w.enroll("ada")
	read := func(proof string) answer {
		return w.call("GET", "/device/v1/challenges", "", map[string]string{"DPoP": proof})
	}
	a := read("")
	if a.Status != 401 || a.code() != "use_dpop_nonce" || a.Header.Get("DPoP-Nonce") == "" || !strings.Contains(a.Header.Get("WWW-Authenticate"), "DPoP") {
		t.Fatalf("without a proof: %d %s %v", a.Status, a.Body, a.Header)
	}
	p.nonce = a.Header.Get("DPoP-Nonce")
	if a := read(p.signedProof(func(*protocol.Proof) {})); a.Status != 200 || a.Header.Get("DPoP-Nonce") == "" {
		t.Fatalf("with the nonce: %d %s", a.Status, a.Body)
	}
	w.advance(30 * time.Minute)
	if a := read(p.signedProof(func(*protocol.Proof) {})); a.code() != "use_dpop_nonce" {
		t.Fatalf("with an old nonce: %d %s", a.Status, a.Body)
	}
	if a := read(p.signedProof(func(m *protocol.Proof) { m.Nonce = "" })); a.code() != "use_dpop_nonce" {
		t.Fatalf("without a nonce: %d %s", a.Status, a.Body)
	}
}

// A device whose clock is a day off works all the same: the nonce is the time (T42).
func TestT42_AWrongDeviceClockDoesNotMatter(t *testing.T) {
	w := newWorld(t)
	p := w.enroll("ada")
	for _, off := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		proof := p.signedProof(func(m *protocol.Proof) { m.IssuedAt = protocol.At(w.now().Add(off)) })
		if a := w.call("GET", "/device/v1/challenges", "", map[string]string{"DPoP": proof}); a.Status != 200 {
			t.Errorf("clock off by %v: %d %s", off, a.Status, a.Body)
		}
	}
}

// Whatever is wrong before a valid signature of a device that is not revoked, the answer is the same.
func TestT18_ADeviceThatIsNotKnownLearnsNothing(t *testing.T) {
	w := newWorld(t)
	p, revoked := w.enroll("ada"), w.enroll("bob")
	if a := w.appCall("DELETE", "/v1/users/bob/devices/"+string(revoked.ID), ""); a.Status != 204 {
		t.Fatalf("revoke: %d %s", a.Status, a.Body)
	}
	stranger := *p
	stranger.Device = newSigner(t)
	broken := p.signedProof(func(*protocol.Proof) {})
	broken = broken[:len(broken)-4] + "AAAA"
	approvalSigned := *p
	approvalSigned.Device = p.Approval
	var first answer
	for name, proof := range map[string]string{
		"an unknown key":              stranger.signedProof(func(*protocol.Proof) {}),
		"a broken signature":          broken,
		"a revoked device":            revoked.signedProof(func(m *protocol.Proof) { m.Nonce = p.nonce }),
		"another device's id":         p.signedProof(func(m *protocol.Proof) { m.Issuer = revoked.ID }),
		"another method":              p.signedProof(func(m *protocol.Proof) { m.Method = "POST" }),
		"another path":                p.signedProof(func(m *protocol.Proof) { m.URL = publicURL + "/device/v1/events" }),
		"another host":                p.signedProof(func(m *protocol.Proof) { m.URL = "https://evil.example/device/v1/challenges" }),
		"the approval key":            approvalSigned.signedProof(func(*protocol.Proof) {}),
		"no JWS":                      "nonsense",
		"another type of message":     p.Enrolling,
		"two parts and a half-known":  "a.b.c",
		"a proof and something after": p.signedProof(func(*protocol.Proof) {}) + ",x",
	} {
		a := w.call("GET", "/device/v1/challenges", "", map[string]string{"DPoP": proof})
		if first.Status == 0 {
			first = a
		}
		if a.Status != 401 || a.code() != "device_unauthorized" || !sameAnswer(a, first) {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	c := w.challenge("ada", "x")
	for name, jws := range map[string]string{
		"a stranger's decision": second(stranger.decisionOn(protocol.ChallengeID(c.ID), protocol.Hash("x"))),
		"a revoked device's":    second(revoked.decisionOn(protocol.ChallengeID(c.ID), protocol.Hash("x"))),
	} {
		if a := p.send(protocol.ChallengeID(c.ID), jws); a.Status != 401 || !sameAnswer(a, first) {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	if a := w.appCall("GET", "/v1/challenges/"+c.ID, ""); a.json(t)["status"] != "pending" {
		t.Errorf("the challenge moved: %s", a.Body)
	}
}

func second(_ protocol.ChallengeID, s string) string { return s }

// Until the code is typed the device is unconfirmed: it can read its state and answer nothing (T10).
func TestT10_AnUnconfirmedDeviceAnswersNothing(t *testing.T) {
	w := newWorld(t)
	id, inv := w.invite("ada")
	p, a := w.register(inv, nil)
	if a.Status != 201 {
		t.Fatalf("register: %d %s", a.Status, a.Body)
	}
	if a := w.call("POST", "/device/v1/enrollments", p.Enrolling, map[string]string{"Content-Type": "application/jose"}); a.Status != 201 {
		t.Errorf("identical bytes again: %d %s", a.Status, a.Body)
	}
	if _, a := w.register(inv, nil); a.Status != 410 || a.code() != "invitation_invalid" {
		t.Errorf("another device with the same invitation: %d %s", a.Status, a.Body)
	}
	if a := p.get("/device/v1/challenges"); !strings.Contains(a.Body, `"status":"unconfirmed"`) || !strings.Contains(a.Body, `"challenges":[]`) {
		t.Errorf("unconfirmed: %d %s", a.Status, a.Body)
	}
	if a := w.appCall("POST", "/v1/challenges", `{"user_ref":"ada","transaction":"x","action":{"kind":"sign_in"}}`); a.code() != "user_has_no_device" {
		t.Errorf("challenge: %d %s", a.Status, a.Body)
	}
	wrong := "000000"
	if p.Code == wrong {
		wrong = "000001"
	}
	if a := w.appCall("POST", "/v1/enrollments/"+id+"/confirm", `{"code":"`+wrong+`"}`); a.Status != 422 || a.code() != "confirm_code_wrong" {
		t.Errorf("a wrong code: %d %s", a.Status, a.Body)
	}
	if a := w.appCall("POST", "/v1/enrollments/"+id+"/confirm", `{"code":"`+p.Code+`"}`); a.Status != 409 {
		t.Errorf("the right code afterwards: %d %s", a.Status, a.Body)
	}
	if a := p.get("/device/v1/challenges"); a.code() != "device_unauthorized" {
		t.Errorf("after the wrong code: %d %s", a.Status, a.Body)
	}
}

func TestT10_AnInvitationEnds(t *testing.T) {
	w := newWorld(t)
	_, inv := w.invite("ada")
	w.advance(11 * time.Minute)
	if _, a := w.register(inv, nil); a.Status != 410 || a.code() != "invitation_invalid" {
		t.Errorf("after eleven minutes: %d %s", a.Status, a.Body)
	}
}

// Only a key with the scope enrollments may confirm, and only of the inviting application (T10).
func TestT10_AnotherSessionCannotConfirm(t *testing.T) {
	w := newWorld(t)
	id, inv := w.invite("ada")
	p, _ := w.register(inv, nil)
	key := w.newKey(w.app, tenant.ScopeChallenges, tenant.ScopeUsers, tenant.ScopeAudit)
	header := map[string]string{"Authorization": "Bearer " + key, "Content-Type": "application/json"}
	if a := w.call("POST", "/v1/enrollments/"+id+"/confirm", `{"code":"`+p.Code+`"}`, header); a.code() != "forbidden_scope" {
		t.Errorf("without the scope: %d %s", a.Status, a.Body)
	}
}

// The same decision again has the same outcome; another one comes too late; on another challenge it is refused (T5).
func TestT05_ADecisionCannotBeReplayed(t *testing.T) {
	w := newWorld(t)
	p := w.enroll("ada")
	c := w.challenge("ada", "login-1")
	jws := p.pending()[0]
	id, decision := p.decision(jws, protocol.Approve, c.Number)
	for range 2 {
		if a := p.send(id, decision); a.Status != 200 || !strings.Contains(a.Body, `"approved"`) {
			t.Fatalf("decide: %d %s", a.Status, a.Body)
		}
	}
	if a := p.decide(jws, protocol.Deny, ""); a.Status != 409 || a.code() != "challenge_already_decided" {
		t.Errorf("a second decision: %d %s", a.Status, a.Body)
	}
	next := w.challenge("ada", "login-2")
	if a := p.send(protocol.ChallengeID(next.ID), decision); a.Status == 200 {
		t.Errorf("the decision on another challenge: %d %s", a.Status, a.Body)
	}
}

func TestT07_AWrongNumberEndsTheChallenge(t *testing.T) {
	w := newWorld(t)
	p := w.enroll("ada")
	c := w.challenge("ada", "login-1")
	jws := p.pending()[0]
	wrong := "00"
	if c.Number == wrong {
		wrong = "01"
	}
	a := p.decide(jws, protocol.Approve, wrong)
	if a.Status != 422 || a.code() != "number_wrong" || strings.Contains(a.Body, c.Number) && len(c.Number) > 2 {
		t.Errorf("wrong number: %d %s", a.Status, a.Body)
	}
	if a := w.appCall("GET", "/v1/challenges/"+c.ID, ""); a.json(t)["status"] != "failed" {
		t.Errorf("after it: %s", a.Body)
	}
	if a := p.decide(jws, protocol.Approve, c.Number); a.code() != "challenge_already_decided" {
		t.Errorf("the right number afterwards: %d %s", a.Status, a.Body)
	}
}

// The account's state is checked at create, at the decision and at the result, here at the HTTP door (T24).
func TestT24_ALockBetweenTheStepsStopsTheNextOne(t *testing.T) {
	w := newWorld(t)
	p := w.enroll("ada")
	c := w.challenge("ada", "login-1")
	jws := p.pending()[0]
	w.setDisabled("ada", true)
	if a := p.decide(jws, protocol.Approve, c.Number); a.code() != "user_disabled" {
		t.Errorf("approve after a disable: %d %s", a.Status, a.Body)
	}
	if a := w.appCall("POST", "/v1/challenges", `{"user_ref":"ada","transaction":"x","action":{"kind":"sign_in"}}`); a.code() != "user_disabled" {
		t.Errorf("create after a disable: %d %s", a.Status, a.Body)
	}
	w.setDisabled("ada", false)
	if a := p.decide(jws, protocol.Approve, c.Number); a.Status != 200 {
		t.Fatalf("approve: %d %s", a.Status, a.Body)
	}
	w.setDisabled("ada", true)
	a := w.appCall("GET", "/v1/challenges/"+c.ID, "")
	if m := a.json(t); m["status"] != "approved" || m["result"] != nil {
		t.Errorf("the result of a disabled user: %s", a.Body)
	}
	w.setDisabled("ada", false)
	if m := w.appCall("GET", "/v1/challenges/"+c.ID, "").json(t); m["result"] == nil {
		t.Error("no result after the user is enabled again")
	}
	if a := p.decide(jws, protocol.Report, ""); a.Status != 200 {
		t.Fatalf("a report on a final challenge: %d %s", a.Status, a.Body)
	}
	if m := w.appCall("GET", "/v1/challenges/"+c.ID, "").json(t); m["status"] != "approved" || m["reported"] != true || m["result"] != nil {
		t.Errorf("after a report: %v", m)
	}
}

// A device changes itself by signed updates only (T4).
func TestT04_UpdatesAreSignedByTheDevice(t *testing.T) {
	w := newWorld(t)
	p := w.enroll("ada")
	update := func(signer *protocol.Signer, change func(*protocol.Update)) answer {
		u := &protocol.Update{Issuer: p.ID, Audience: publicURL, Tenant: w.tenant.ID, ID: protocol.RandomText(16), IssuedAt: protocol.At(w.now()), Nonce: p.nonce,
			Method: "POST", URL: publicURL + "/device/v1/updates", Action: protocol.UpdateRename, Name: "New name"}
		change(u)
		raw := must[string](t)(protocol.Sign(signer, u))
		return w.call("POST", "/device/v1/updates", raw, map[string]string{"Content-Type": "application/jose"})
	}
	if a := update(newSigner(t), func(*protocol.Update) {}); a.code() != "device_unauthorized" {
		t.Errorf("another key: %d %s", a.Status, a.Body)
	}
	if a := update(p.Device, func(u *protocol.Update) { u.Nonce = "old" }); a.code() != "use_dpop_nonce" || a.Header.Get("DPoP-Nonce") == "" {
		t.Errorf("an old nonce: %d %s", a.Status, a.Body)
	}
	const once = "AAAAAAAAAAAAAAAAAAAAAA"
	if a := update(p.Device, func(u *protocol.Update) { u.ID = once }); a.Status != 200 || !strings.Contains(a.Body, `"active"`) {
		t.Errorf("rename: %d %s", a.Status, a.Body)
	}
	if a := update(p.Device, func(u *protocol.Update) { u.ID = once; u.Name = "Again" }); a.code() != "replayed" {
		t.Errorf("the same jti: %d %s", a.Status, a.Body)
	}
	if a := w.appCall("GET", "/v1/users/ada/devices", ""); !strings.Contains(a.Body, "New name") {
		t.Errorf("devices: %s", a.Body)
	}
	if a := update(p.Device, func(u *protocol.Update) { u.Action, u.Name = protocol.UpdateUnenroll, "" }); a.Status != 200 || !strings.Contains(a.Body, `"revoked"`) {
		t.Errorf("unenroll: %d %s", a.Status, a.Body)
	}
	if a := p.get("/device/v1/challenges"); a.code() != "device_unauthorized" {
		t.Errorf("after unenroll: %d %s", a.Status, a.Body)
	}
}

// A second device needs the first one's approval; the page shows the number, also when it is loaded again (T10).
func TestT10_AnExistingDeviceMustAgree(t *testing.T) {
	w := newWorld(t)
	first := w.enroll("ada")
	add := func() (id string, second *phone, number string) {
		id, inv := w.invite("ada")
		second, _ = w.register(inv, nil)
		a := w.appCall("POST", "/v1/enrollments/"+id+"/confirm", `{"code":"`+second.Code+`"}`)
		again := w.appCall("GET", "/v1/enrollments/"+id, "")
		if a.Status != 200 || a.json(t)["status"] != "awaiting_approval" || !sameAnswer(a, again) {
			t.Fatalf("confirm: %d %s\nread: %d %s", a.Status, a.Body, again.Status, again.Body)
		}
		match := a.json(t)["approval"].(map[string]any)["match"].(map[string]any)
		if a := second.get("/device/v1/challenges"); !strings.Contains(a.Body, "unconfirmed") || !strings.Contains(a.Body, `"challenges":[]`) {
			t.Fatalf("the new device: %s", a.Body)
		}
		return id, second, match["number"].(string)
	}
	id, second, _ := add()
	first.decide(first.pending()[0], protocol.Deny, "")
	if a := w.appCall("GET", "/v1/enrollments/"+id, ""); a.json(t)["status"] != "failed" || a.json(t)["approval"] != nil {
		t.Errorf("after a deny: %s", a.Body)
	}
	if a := second.get("/device/v1/challenges"); a.code() != "device_unauthorized" {
		t.Errorf("the denied device: %d %s", a.Status, a.Body)
	}
	id, second, number := add()
	if a := first.decide(first.pending()[0], protocol.Approve, number); a.Status != 200 {
		t.Fatalf("approve: %d %s", a.Status, a.Body)
	}
	if a := w.appCall("GET", "/v1/enrollments/"+id, ""); a.json(t)["status"] != "active" {
		t.Errorf("after the approval: %s", a.Body)
	}
	if a := second.get("/device/v1/challenges"); !strings.Contains(a.Body, `"active"`) {
		t.Errorf("the approved device: %s", a.Body)
	}
	if a := w.appCall("POST", "/v1/enrollments/"+id+"/confirm", `{"code":"`+second.Code+`"}`); a.code() != "enrollment_not_pending" {
		t.Errorf("confirm again: %d %s", a.Status, a.Body)
	}
}
