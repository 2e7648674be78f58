package protocol_test

import (
	"testing"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
)

func TestEnrollmentRoundTripBindsBothKeys(t *testing.T) {
	dev, app, root := newSigner(t), newSigner(t), newSigner(t)
	token := protocol.RandomText(32)
	proof, err := protocol.Sign(app, &protocol.ApprovalProof{Audience: "https://auth.example.com", TokenHash: protocol.TokenHash(token), DeviceKey: dev.KeyID()})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	raw, err := protocol.Sign(dev, &protocol.Enrollment{Audience: "https://auth.example.com", IssuedAt: protocol.At(now), ExpiresAt: protocol.At(now.Add(time.Minute)),
		Token: token, Root: root.KeyID(), Approval: protocol.ApprovalKey{JWK: app.Public(), Proof: proof}, Device: protocol.DeviceInfo{Name: "d", Platform: "linux"},
		Levels: protocol.KeyLevels{Device: protocol.LevelSoftware, Approval: protocol.LevelSoftware}, Handle: protocol.RandomText(16)})
	if err != nil {
		t.Fatal(err)
	}
	e, err := protocol.VerifyEnrollment(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !e.DeviceKey.Equal(dev.Public()) {
		t.Error("the device key is not the one of the header")
	}
}

func BenchmarkCryptoOfOneAuthentication(b *testing.B) {
	s := newSigner(b)
	d := &protocol.Decision{Issuer: protocol.NewID[protocol.DeviceID](), Audience: "https://auth.example.com", Tenant: protocol.NewID[protocol.TenantID](), ID: protocol.RandomText(16),
		IssuedAt: 1, Challenge: protocol.NewID[protocol.ChallengeID](), ChallengeHash: protocol.Hash("x"), Answer: protocol.Approve, Number: "42", Counter: 1}
	raw, err := protocol.Sign(s, d)
	if err != nil {
		b.Fatal(err)
	}
	keys := protocol.One(s.Public())
	b.Run("sign", func(b *testing.B) {
		for b.Loop() {
			if _, err := protocol.Sign(s, d); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if _, err := protocol.VerifyDecision(raw, keys); err != nil {
				b.Fatal(err)
			}
		}
	})
}
