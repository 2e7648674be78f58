package protocol_test

import (
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
)

func wantCode(t *testing.T, err error, code protocol.ErrorCode) {
	t.Helper()
	if !errors.Is(err, &protocol.Error{Code: code}) {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestT05_AnApprovalProvesNothingAboutAnotherChallenge(t *testing.T) {
	p := newParty(t)
	first, second := p.challenge(), p.challenge()
	a, b := must(protocol.Sign(p.tenant, first)), must(protocol.Sign(p.tenant, second))
	decision := must(protocol.Sign(p.approval, p.decision(first, a)))
	if _, err := protocol.VerifyResult(must(protocol.Sign(p.tenant, p.result(first, a, decision))), p.keys, p.expect()); err != nil {
		t.Fatal(err)
	}
	_, err := protocol.VerifyResult(must(protocol.Sign(p.tenant, p.result(second, b, decision))), p.keys, p.expect())
	wantCode(t, err, protocol.CodeEvidence)
}

func TestT05_TheSameChallengeSignedAgainIsAnotherOne(t *testing.T) {
	p := newParty(t)
	c := p.challenge()
	a, b := must(protocol.Sign(p.tenant, c)), must(protocol.Sign(p.tenant, c))
	if a == b {
		t.Skip("skipped: two ECDSA signatures of the same message came out equal, so there is nothing to compare")
	}
	_, err := protocol.VerifyResult(must(protocol.Sign(p.tenant, p.result(c, b, must(protocol.Sign(p.approval, p.decision(c, a)))))), p.keys, p.expect())
	wantCode(t, err, protocol.CodeEvidence)
}

func TestT06_AnAmountChangedOnTheWayIsNotShown(t *testing.T) {
	p := newParty(t)
	raw := must(protocol.Sign(p.tenant, p.challenge()))
	parts := strings.Split(raw, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), "10 EUR", "99 EUR", 1)))
	_, err = protocol.VerifyChallenge(strings.Join(parts, "."), p.keys, p.deviceID)
	wantCode(t, err, protocol.CodeSignature)
}

func TestT06_ADecisionOnAnotherTextOfTheChallengeProvesNothing(t *testing.T) {
	p := newParty(t)
	c := p.challenge()
	shown := *c
	shown.Details = []protocol.Detail{{Label: "Amount", Value: "99 EUR", Kind: "amount"}}
	asked, answered := must(protocol.Sign(p.tenant, c)), must(protocol.Sign(p.tenant, &shown))
	_, err := protocol.VerifyResult(must(protocol.Sign(p.tenant, p.result(c, asked, must(protocol.Sign(p.approval, p.decision(c, answered)))))), p.keys, p.expect())
	wantCode(t, err, protocol.CodeEvidence)
}

func TestT10_TheTokenStandsInTheFragmentOnly(t *testing.T) {
	i := protocol.Invitation{Server: testServer, Company: "Example Bank", User: "ada", Token: protocol.RandomText(32), Root: newSigner(t).KeyID()}
	for _, text := range []string{i.URI("nod"), i.Link()} {
		before, after, _ := strings.Cut(text, "#")
		if strings.Contains(before, i.Token) || !strings.Contains(after, i.Token) {
			t.Errorf("%s: the token is not where browsers keep it from servers", text)
		}
		u, err := url.Parse(text)
		if err != nil || strings.Contains(u.RequestURI(), i.Token) {
			t.Errorf("a request for the link would carry the token: %v", err)
		}
	}
}

func TestT10_AProofOfTheApprovalKeyIsForOneInvitationAndOneDevice(t *testing.T) {
	device, thief, approval, root := newSigner(t), newSigner(t), newSigner(t), newSigner(t)
	token := protocol.RandomText(32)
	proof := must(protocol.Sign(approval, &protocol.ApprovalProof{Audience: testServer, TokenHash: protocol.TokenHash(token), DeviceKey: device.KeyID()}))
	enroll := func(s *protocol.Signer, token string) error {
		_, err := protocol.VerifyEnrollment(must(protocol.Sign(s, &protocol.Enrollment{Audience: testServer, IssuedAt: at(0), ExpiresAt: at(time.Minute), Token: token, Root: root.KeyID(),
			Approval: protocol.ApprovalKey{JWK: approval.Public(), Proof: proof}, Device: protocol.DeviceInfo{Name: "d", Platform: "linux"},
			Levels: protocol.KeyLevels{Device: protocol.LevelSoftware, Approval: protocol.LevelSoftware}, Handle: protocol.RandomText(16)})))
		return err
	}
	if err := enroll(device, token); err != nil {
		t.Fatal(err)
	}
	wantCode(t, enroll(thief, token), protocol.CodeMismatch)
	wantCode(t, enroll(device, protocol.RandomText(32)), protocol.CodeMismatch)
}

func TestT12_AChallengeOfARogueServerIsNotShown(t *testing.T) {
	p, rogue := newParty(t), newParty(t)
	c := p.challenge()
	_, err := protocol.VerifyChallenge(must(protocol.Sign(rogue.tenant, c)), p.keys, p.deviceID)
	wantCode(t, err, protocol.CodeUnknownKey)
	statement := *p.keys
	statement.Keys = rogue.keys.Keys
	for name, s := range map[string]*protocol.Signer{"the rogue root": rogue.root, "the rogue tenant key": rogue.tenant, "the tenant's own signing key": p.tenant} {
		if _, err := protocol.VerifyKeys(must(protocol.Sign(s, &statement)), p.root.KeyID(), 0, testNow); err == nil {
			t.Errorf("%s may name signing keys", name)
		}
		statement.Root = s.Public()
		if _, err := protocol.VerifyKeys(forgedKeys(t, s, &statement), p.root.KeyID(), 0, testNow); err == nil {
			t.Errorf("%s may name itself as root", name)
		}
		statement.Root = p.root.Public()
	}
}

// forgedKeys signs a statement that Sign refuses, if it does.
func forgedKeys(t *testing.T, s *protocol.Signer, k *protocol.Keys) string {
	t.Helper()
	raw, err := protocol.Sign(s, k)
	if err != nil {
		return ""
	}
	return raw
}

func TestT12_InsecureServersAreRefusedInInvitationsAndMessages(t *testing.T) {
	for _, v := range loadVectors(t).Servers {
		if v.Error == "" {
			continue
		}
		i := protocol.Invitation{Server: v.Text, Token: protocol.RandomText(32), Root: newSigner(t).KeyID()}
		if _, err := protocol.ParseInvitation(i.URI("nod"), "nod"); err == nil {
			t.Errorf("an invitation to %q is accepted", v.Text)
		}
		p := newParty(t)
		c := p.challenge()
		c.Issuer = v.Text
		if _, err := protocol.Sign(p.tenant, c); err == nil {
			t.Errorf("a challenge of %q is signed", v.Text)
		}
	}
}

func TestT14_AClaimedLevelCountsAsSoftware(t *testing.T) {
	p := newParty(t)
	c := p.challenge()
	c.Requirements.KeyLevel = protocol.LevelTEE
	raw := must(protocol.Sign(p.tenant, c))
	r := p.result(c, raw, must(protocol.Sign(p.approval, p.decision(c, raw))))
	if _, err := protocol.VerifyResult(must(protocol.Sign(p.tenant, r)), p.keys, p.expect()); err != nil {
		t.Fatal(err)
	}
	r.Level, r.Proven, r.AMR = protocol.LevelStrongBox, false, nil
	_, err := protocol.VerifyResult(must(protocol.Sign(p.tenant, r)), p.keys, p.expect())
	wantCode(t, err, protocol.CodeEvidence)
	if protocol.MeetsLevel("vault", protocol.LevelStrongBox, true) {
		t.Error("a level that does not exist is met")
	}
}

// parsers are the entry points that read text from outside.
func parsers(p *party) map[string]func(string) error {
	key := protocol.One(p.approval.Public())
	return map[string]func(string) error{
		"enrollment": func(s string) error { _, err := protocol.VerifyEnrollment(s); return err },
		"enrolled":   func(s string) error { _, err := protocol.VerifyEnrolled(s, p.keys, ""); return err },
		"keys":       func(s string) error { _, err := protocol.VerifyKeys(s, p.root.KeyID(), 0, testNow); return err },
		"challenge":  func(s string) error { _, err := protocol.VerifyChallenge(s, p.keys, p.deviceID); return err },
		"decision":   func(s string) error { _, err := protocol.VerifyDecision(s, key); return err },
		"update":     func(s string) error { _, err := protocol.VerifyUpdate(s, key, nil); return err },
		"proof":      func(s string) error { _, err := protocol.VerifyProof(s, key); return err },
		"result":     func(s string) error { _, err := protocol.VerifyResult(s, p.keys, p.expect()); return err },
		"peek":       func(s string) error { _, err := protocol.Peek(s, protocol.TypeDecision); return err },
		"invitation": func(s string) error { _, err := protocol.ParseInvitation(s, "nod"); return err },
		"server":     func(s string) error { _, err := protocol.ParseServer(s); return err },
		"id":         func(s string) error { _, err := protocol.ParseID[protocol.DeviceID](s); return err },
	}
}

func TestT20_AMegabyteOfDotsIsRefusedBeforeParsing(t *testing.T) {
	dots := strings.Repeat(".", 1<<20)
	for name, parse := range parsers(newParty(t)) {
		if err := parse(dots); err == nil {
			t.Errorf("%s accepts dots", name)
		}
		if name == "id" || name == "server" {
			continue // their texts are short; the HTTP layer caps them, and they answer no message
		}
		wantCode(t, parse(dots), protocol.CodeTooLarge)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = parse(dots)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 8<<10 {
			t.Errorf("%s allocates %d bytes for a text that it refuses by its length", name, used)
		}
	}
}

func TestT20_AnEncryptedMessageIsRefusedEverywhere(t *testing.T) {
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ECDH-ES+A256KW","enc":"A256GCM"}`))
	for name, parse := range parsers(newParty(t)) {
		if err := parse(header + ".a2V5.aXY.Y2lwaGVydGV4dA.dGFn"); err == nil {
			t.Errorf("%s accepts an encrypted message", name)
		}
	}
}

func TestT20_DeepJSONAndLongHeadersCostLittle(t *testing.T) {
	k := newPrivate(t)
	s, err := protocol.NewSigner(k)
	if err != nil {
		t.Fatal(err)
	}
	header := `{"alg":"ES256","kid":"` + string(s.KeyID()) + `","typ":"nod-enrollment+jwt","jwk":` + asJSON(t, s.Public()) + `}`
	deep := strings.Repeat("[", 20000) + strings.Repeat("]", 20000)
	for name, raw := range map[string]string{
		"a deep payload": forge(t, k, header, `{"device":`+deep+`}`),
		"a deep header":  forge(t, k, strings.Replace(header, "{", `{"x":`+deep+`,`, 1), `{}`),
		"a wide payload": forge(t, k, header, `{"aud":[`+strings.Repeat("0,", 20000)+`0]}`),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := protocol.VerifyEnrollment(raw)
		runtime.ReadMemStats(&after)
		wantCode(t, err, protocol.CodeMalformed)
		if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
			t.Errorf("%s of %d bytes allocates %d", name, len(raw), used)
		}
	}
}

func TestT20_NoRandomTextPanics(t *testing.T) {
	const alphabet = `abcXYZ019-_.{}[]":,\ ` + "\n\x00\xff"
	random := rand.New(rand.NewPCG(1, 2))
	all := parsers(newParty(t))
	for range 2000 {
		b := make([]byte, random.IntN(200))
		for i := range b {
			b[i] = alphabet[random.IntN(len(alphabet))]
		}
		for name, parse := range all {
			if err := parse(string(b)); err == nil {
				t.Errorf("%s accepts %q", name, b)
			}
		}
	}
}

func TestT25_AResultForOneSignInIsRefusedForAnother(t *testing.T) {
	p, other := newParty(t), newParty(t)
	c := p.challenge()
	raw := must(protocol.Sign(p.tenant, c))
	result := must(protocol.Sign(p.tenant, p.result(c, raw, must(protocol.Sign(p.approval, p.decision(c, raw))))))
	for name, change := range map[string]func(*protocol.Expectation){
		"another transaction": func(e *protocol.Expectation) { e.Transaction = "login-other" },
		"another user":        func(e *protocol.Expectation) { e.Subject = "u-1" },
		"another application": func(e *protocol.Expectation) { e.Audience = other.application },
		"another tenant":      func(e *protocol.Expectation) { e.Tenant = other.keys.Tenant },
		"another server":      func(e *protocol.Expectation) { e.Issuer = "https://nod.example.org" },
	} {
		want := p.expect()
		change(&want)
		if _, err := protocol.VerifyResult(result, p.keys, want); !errors.Is(err, &protocol.Error{Code: protocol.CodeMismatch}) {
			t.Errorf("%s: got %v", name, err)
		}
		// A receipt is checked as hard, but for its expiry.
		want.Receipt = true
		if _, err := protocol.VerifyResult(result, p.keys, want); err == nil {
			t.Errorf("%s: accepted as a receipt", name)
		}
	}
}

func TestT25_AVerifierThatExpectsNothingGetsNothing(t *testing.T) {
	p := newParty(t)
	c := p.challenge()
	raw := must(protocol.Sign(p.tenant, c))
	result := must(protocol.Sign(p.tenant, p.result(c, raw, must(protocol.Sign(p.approval, p.decision(c, raw))))))
	for _, change := range []func(*protocol.Expectation){
		func(e *protocol.Expectation) { e.Transaction = "" }, func(e *protocol.Expectation) { e.Subject = "" }, func(e *protocol.Expectation) { e.Audience = "" },
		func(e *protocol.Expectation) { e.Tenant = "" }, func(e *protocol.Expectation) { e.Issuer = "" },
	} {
		want := p.expect()
		change(&want)
		_, err := protocol.VerifyResult(result, p.keys, want)
		wantCode(t, err, protocol.CodeInvalid)
	}
}

func TestT25_NoStatusButApprovedCarriesAContextClass(t *testing.T) {
	p := newParty(t)
	c := p.challenge()
	raw := must(protocol.Sign(p.tenant, c))
	d := p.decision(c, raw)
	d.Answer, d.Number, d.UserVerification = protocol.Deny, "", ""
	r := p.result(c, raw, must(protocol.Sign(p.device, d)))
	r.Status, r.Confirmation = protocol.StatusDenied, &protocol.Confirmation{JWK: p.device.Public()}
	_, err := protocol.VerifyResult(must(protocol.Sign(p.tenant, r)), p.keys, p.expect())
	wantCode(t, err, protocol.CodeEvidence)
	r.ACR, r.AMR = "", nil
	if _, err := protocol.VerifyResult(must(protocol.Sign(p.tenant, r)), p.keys, p.expect()); err != nil {
		t.Error(err)
	}
}

func TestT42_ADeviceClockThatIsWrongByADayChangesNothing(t *testing.T) {
	p := newParty(t)
	c := p.challenge()
	raw := must(protocol.Sign(p.tenant, c))
	if _, err := protocol.VerifyChallenge(raw, p.keys, p.deviceID); err != nil {
		t.Error(err) // takes no time at all: expiry is judged by the server's clock
	}
	d := p.decision(c, raw)
	for _, off := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		d.IssuedAt = at(off)
		if _, err := protocol.VerifyDecision(must(protocol.Sign(p.approval, d)), protocol.One(p.approval.Public())); err != nil {
			t.Errorf("a device clock off by %s: %v", off, err)
		}
	}
	if c.Expired(testNow.Add(90*time.Second-time.Nanosecond)) || !c.Expired(testNow.Add(90*time.Second)) {
		t.Error("a challenge ends at exp")
	}
}

func TestT42_AKeyStatementIsNeverRolledBack(t *testing.T) {
	p := newParty(t)
	old := must(protocol.Sign(p.root, p.keys))
	_, err := protocol.VerifyKeys(old, p.root.KeyID(), p.keys.Sequence+1, testNow)
	wantCode(t, err, protocol.CodeRollback)
	_, err = protocol.VerifyKeys(old, p.root.KeyID(), 0, testNow.Add(time.Hour))
	wantCode(t, err, protocol.CodeExpired)
}
