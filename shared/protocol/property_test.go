package protocol_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
	"github.com/nod-auth/nod/shared/protocol/vectors"
	"pgregory.net/rapid"
)

// text draws a text of up to limit characters that a person can be shown, empty only when it may be.
func text(limit int, required bool) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		minimum := 0
		if required {
			minimum = 1
		}
		return rapid.StringN(minimum, limit, -1).Filter(func(s string) bool { return protocol.CheckText("", s, required, limit) == nil }).Draw(t, "text")
	})
}

func drawChallenge(t *rapid.T, p *party) *protocol.Challenge {
	c := p.challenge()
	c.User.Name = text(protocol.MaxName, false).Draw(t, "name")
	c.Application.Name = text(protocol.MaxName, true).Draw(t, "application")
	c.Action = protocol.Action{Kind: rapid.StringMatching(`[a-z0-9_.-]{1,40}`).Draw(t, "kind"), Title: text(40, false).Draw(t, "title"), Message: text(60, false).Draw(t, "message")}
	c.Details = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) protocol.Detail {
		return protocol.Detail{Label: text(10, true).Draw(t, "label"), Value: text(20, true).Draw(t, "value"), Kind: rapid.SampledFrom([]string{"", "text", "amount", "payee"}).Draw(t, "kind")}
	}), 0, 5).Draw(t, "details")
	c.Context = protocol.Context{IP: text(20, false).Draw(t, "ip"), Location: text(20, false).Draw(t, "location")}
	c.ExpiresAt = c.IssuedAt + protocol.Time(rapid.Int64Range(1, 600).Draw(t, "lifetime"))
	number := rapid.StringMatching(`[0-9]{2}`).Draw(t, "number")
	c.Match = rapid.SampledFrom([]protocol.Match{
		{Mode: protocol.MatchNone}, {Mode: protocol.MatchCompare, Code: "K7 M2"},
		{Mode: protocol.MatchEnter, Digits: 2, Commitment: protocol.Commitment(p.salt, c.ID, number)},
		{Mode: protocol.MatchChoose, Digits: 2, Options: []string{"12", "47", "83"}, Commitment: protocol.Commitment(p.salt, c.ID, number)},
	}).Draw(t, "match")
	c.Requirements = protocol.Requirements{UserVerification: rapid.Bool().Draw(t, "uv"), KeyLevel: rapid.SampledFrom([]protocol.KeyLevel{"", protocol.LevelTEE}).Draw(t, "level")}
	return c
}

func drawDecision(t *rapid.T, p *party, c *protocol.Challenge, raw string) *protocol.Decision {
	d := p.decision(c, raw)
	d.Answer = rapid.SampledFrom([]protocol.Answer{protocol.Approve, protocol.Deny, protocol.Report}).Draw(t, "answer")
	d.Number = rapid.SampledFrom([]string{"", "47", "00", "000047"}).Draw(t, "number")
	d.UserVerification = rapid.SampledFrom([]string{"", "pin", "biometric", "device_credential"}).Draw(t, "uv")
	d.Reason = text(40, false).Draw(t, "reason")
	d.Counter = rapid.Uint64Range(1, 1<<53).Draw(t, "counter")
	return d
}

func TestWhatIsSignedParsesToTheSameContent(t *testing.T) {
	p := newParty(t)
	rapid.Check(t, func(rt *rapid.T) {
		c := drawChallenge(rt, p)
		raw, err := protocol.Sign(p.tenant, c)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := protocol.VerifyChallenge(raw, p.keys, p.deviceID)
		if err != nil {
			rt.Fatal(err)
		}
		if asJSON(t, got) != asJSON(t, c) || len(got.Unsupported) != 0 {
			rt.Fatalf("got %s, want %s", asJSON(t, got), asJSON(t, c))
		}
		d := drawDecision(rt, p, c, raw)
		raw, err = protocol.Sign(p.approval, d)
		if err != nil {
			rt.Fatal(err)
		}
		back, err := protocol.VerifyDecision(raw, protocol.One(p.approval.Public()))
		if err != nil || *back != *d {
			rt.Fatalf("got %+v, %v, want %+v", back, err, d)
		}
	})
}

// statusOf is the rule by which a server turns an answer into a status, written a second time.
func statusOf(c *protocol.Challenge, d *protocol.Decision, salt []byte) protocol.Status {
	switch d.Answer {
	case protocol.Deny:
		return protocol.StatusDenied
	case protocol.Report:
		return protocol.StatusReported
	case protocol.Approve:
	}
	if c.Match.Mode != protocol.MatchNone && c.Match.Mode != protocol.MatchCompare {
		if len(d.Number) != c.Match.Digits || protocol.Commitment(salt, c.ID, d.Number) != c.Match.Commitment {
			return protocol.StatusFailed
		}
	}
	return protocol.StatusApproved
}

func TestEvidenceProvesTheStatusThatFollowsAndNoOther(t *testing.T) {
	p := newParty(t)
	statuses := []protocol.Status{protocol.StatusApproved, protocol.StatusDenied, protocol.StatusReported, protocol.StatusFailed, protocol.StatusExpired, protocol.StatusCanceled, protocol.StatusSuperseded}
	rapid.Check(t, func(rt *rapid.T) {
		c := drawChallenge(rt, p)
		raw, err := protocol.Sign(p.tenant, c)
		if err != nil {
			rt.Fatal(err)
		}
		d := drawDecision(rt, p, c, raw)
		decision, err := protocol.Sign(p.approval, d)
		if err != nil {
			rt.Fatal(err)
		}
		follows := statusOf(c, d, p.salt)
		meets := follows != protocol.StatusApproved || !c.Requirements.UserVerification || d.UserVerification != ""
		for _, s := range statuses {
			r := p.result(c, raw, decision)
			r.Status, r.ACR, r.AMR = s, "", nil
			if s == protocol.StatusApproved {
				r.ACR, r.AMR = protocol.ACR(c.Match.Mode.Checked(), d.UserVerification != ""), protocol.AMR(r.Level, r.Proven, d.UserVerification)
			}
			_, _, err := r.VerifyEvidence(p.keys)
			if want := s == follows && meets; (err == nil) != want {
				rt.Fatalf("answer %s, follows %s: evidence for %s gives %v", d.Answer, follows, s, err)
			}
		}
	})
}

func TestAnySingleChangedByteIsRefused(t *testing.T) {
	v := loadVectors(t)
	r := newReceiver(t, v.Fixtures)
	var accepted []vectors.Message
	for _, m := range v.Messages {
		if m.Error == "" {
			accepted = append(accepted, m)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		m := rapid.SampledFrom(accepted).Draw(rt, "message")
		for range 10 {
			changed := []byte(m.JWS)
			i := rapid.IntRange(0, len(changed)-1).Draw(rt, "index")
			switch rapid.IntRange(0, 2).Draw(rt, "how") {
			case 0:
				changed[i] ^= byte(rapid.IntRange(1, 255).Draw(rt, "mask"))
			case 1:
				changed = append(changed[:i], changed[i+1:]...)
			default:
				changed = append(changed[:i], append([]byte{rapid.Byte().Draw(rt, "byte")}, changed[i:]...)...)
			}
			if string(changed) == m.JWS {
				continue
			}
			m2 := m
			m2.JWS = string(changed)
			if _, err := r.verify(m2); err == nil {
				rt.Fatalf("%s/%s is accepted with byte %d changed", m.Type, m.Name, i)
			}
		}
	})
}

func TestEveryInvitationThatIsWrittenCanBeRead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		i := protocol.Invitation{Server: rapid.SampledFrom([]string{testServer, "https://nod.example.com:8443", "http://localhost:8080", "http://[::1]:1"}).Draw(rt, "server"),
			Company: text(protocol.MaxName, false).Draw(rt, "company"), User: text(protocol.MaxUserRef, false).Draw(rt, "user"),
			Token: protocol.RandomText(rapid.IntRange(17, 90).Draw(rt, "bytes")), Root: protocol.Thumbprint(protocol.RandomText(32))}
		for _, written := range []string{i.URI("nod"), i.Link()} {
			if got, err := protocol.ParseInvitation(written, "nod"); err != nil || got != i {
				rt.Fatalf("%q: got %+v, %v, want %+v", written, got, err, i)
			}
		}
	})
}

func TestCommitmentsOpenForTheirNumberOnly(t *testing.T) {
	p := newParty(t)
	rapid.Check(t, func(rt *rapid.T) {
		id := protocol.NewID[protocol.ChallengeID]()
		digits := rapid.SampledFrom([]int{2, 6}).Draw(rt, "digits")
		number := rapid.StringMatching(strings.Repeat("[0-9]", digits)).Draw(rt, "number")
		other := rapid.StringMatching(`[0-9]{1,7}`).Draw(rt, "other")
		m := protocol.Match{Mode: protocol.MatchEnter, Digits: digits, Commitment: protocol.Commitment(p.salt, id, number)}
		if !m.Opens(p.salt, id, number) || m.Opens(p.salt, id, other) != (other == number) {
			rt.Fatalf("%s against %s", number, other)
		}
	})
}

func TestANewIdentifierParsesAsItsOwnKindOnly(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		id := string(protocol.NewID[protocol.DeviceID]())
		if _, err := protocol.ParseID[protocol.DeviceID](id); err != nil {
			rt.Fatal(err)
		}
		if _, err := protocol.ParseID[protocol.UserID](id); err == nil {
			rt.Fatal("a device is a user")
		}
	})
}

func TestARetiredKeyVerifiesWhatItSignedBeforeAndNothingAfter(t *testing.T) {
	p := newParty(t)
	p.keys.Keys[0].Status, p.keys.Keys[0].RetiredAt = protocol.KeyRetired, at(0)
	rapid.Check(t, func(rt *rapid.T) {
		c := p.challenge()
		offset := rapid.Int64Range(-1000, 1000).Draw(rt, "offset")
		c.IssuedAt = at(time.Duration(offset) * time.Second)
		c.ExpiresAt = c.IssuedAt + 60
		raw, err := protocol.Sign(p.tenant, c)
		if err != nil {
			rt.Fatal(err)
		}
		if _, err := protocol.VerifyChallenge(raw, p.keys, p.deviceID); (err == nil) != (offset < 0) {
			rt.Fatalf("issued %d seconds after retirement: %v", offset, err)
		}
	})
}
