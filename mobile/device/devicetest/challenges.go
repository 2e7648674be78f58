package devicetest

import (
	"crypto/rand"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
)

// Ask creates a challenge for every active device of a user and returns its id
// and the number that a page would show. change may alter the content before it is signed; nil for none.
func (s *Server) Ask(user string, change func(*protocol.Challenge)) (id protocol.ChallengeID, number string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ask(user, change, s.signing[len(s.signing)-1])
}

// AskAs is Ask with another signer, for challenges that must not be shown.
func (s *Server) AskAs(signer *protocol.Signer, user string, change func(*protocol.Challenge)) protocol.ChallengeID {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, _ := s.ask(user, change, signer)
	return id
}

func (s *Server) ask(user string, change func(*protocol.Challenge), signer *protocol.Signer) (protocol.ChallengeID, string) {
	salt := make([]byte, 32)
	_, _ = rand.Read(salt) // never fails
	id, now := protocol.NewID[protocol.ChallengeID](), s.now()
	c := &protocol.Challenge{
		Issuer: s.URL, Tenant: s.Tenant, ID: id, Nonce: protocol.RandomText(16), IssuedAt: protocol.At(now),
		ExpiresAt: protocol.At(now.Add(protocol.ChallengeLifetime)), User: protocol.ChallengeUser{Ref: user, Name: user},
		Application: protocol.ChallengeApplication{ID: protocol.NewID[protocol.ApplicationID](), Name: "Example Bank"},
		Action:      protocol.Action{Kind: "sign_in"}, Context: protocol.Context{Location: "Porto, Portugal", Browser: "Firefox on Windows", IP: "192.0.2.7"},
		Match: protocol.Match{Mode: protocol.MatchEnter, Digits: protocol.DigitsStandard}, TransactionHash: protocol.TokenHash(string(id)),
	}
	for _, d := range s.devices {
		if d.user.Ref == user && d.status == "active" {
			c.Audience = append(c.Audience, d.id)
		}
	}
	if change != nil {
		change(c)
	}
	number := ""
	if c.Match.Mode.Checked() {
		number = "47"
		if c.Match.Digits == protocol.DigitsStrict {
			number = "470815"
		}
		if c.Match.Mode == protocol.MatchChoose {
			c.Match.Options = []string{"12", "47", "83"}
		}
		c.Match.Commitment = protocol.Commitment(salt, id, number)
	}
	raw, err := protocol.Sign(signer, c)
	if err != nil {
		panic(err) // a test that asks for an impossible challenge
	}
	s.challenges = append(s.challenges, &challenge{id: id, raw: raw, content: c, number: number, salt: salt, status: protocol.StatusPending})
	s.notify()
	return id, number
}

// Replace swaps the bytes that devices get for a challenge.
func (s *Server) Replace(id protocol.ChallengeID, raw string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.find(id).raw = raw
	s.notify()
}

// Raw returns the signed challenge.
func (s *Server) Raw(id protocol.ChallengeID) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(id).raw
}

// Close ends a pending challenge.
func (s *Server) Close(id protocol.ChallengeID, status protocol.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.find(id).status = status
	s.notify()
}

// Status is where a challenge stands; reported tells of a report.
func (s *Server) Status(id protocol.ChallengeID) (status protocol.Status, reported bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(id)
	s.expire(c)
	return c.status, c.reported
}

// Decision is the recorded decision; nil if there is none.
func (s *Server) Decision(id protocol.ChallengeID) *protocol.Decision {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(id).decided
}

func (s *Server) find(id protocol.ChallengeID) *challenge {
	for _, c := range s.challenges {
		if c.id == id {
			return c
		}
	}
	return nil
}

func (s *Server) expire(c *challenge) {
	if c.status == protocol.StatusPending && c.content.Expired(s.now()) {
		c.status = protocol.StatusExpired
	}
}

// pending lists what a device must answer, oldest first.
func (s *Server) pending(d protocol.DeviceID) []*challenge {
	var out []*challenge
	for _, c := range s.challenges {
		s.expire(c)
		if c.status != protocol.StatusPending {
			continue
		}
		for _, a := range c.content.Audience {
			if a == d {
				out = append(out, c)
			}
		}
	}
	return out
}

// keysStatement is the tenant's nod-keys.
func (s *Server) keysStatement() string {
	k := &protocol.Keys{
		Issuer: s.URL, Tenant: s.Tenant, Sequence: s.sequence, IssuedAt: protocol.At(s.now().Add(-time.Hour)),
		ExpiresAt: protocol.At(s.now().Add(24 * time.Hour)), Root: s.root.Public(),
	}
	for i, signer := range s.signing {
		key := protocol.TenantKey{JWK: signer.Public(), Status: protocol.KeyActive, NotBefore: k.IssuedAt}
		if i < len(s.signing)-1 {
			key.Status, key.RetiredAt = protocol.KeyRetired, protocol.At(s.now())
		}
		k.Keys = append(k.Keys, key)
	}
	raw, err := protocol.Sign(s.root, k)
	if err != nil {
		panic(err)
	}
	return raw
}
