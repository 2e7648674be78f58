package protocol_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
)

const (
	testServer      = "https://nod.example.com"
	testTransaction = "login-7f3a9c"
)

var testNow = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func at(d time.Duration) protocol.Time { return protocol.At(testNow.Add(d)) }

func newPrivate(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newSigner(t testing.TB) *protocol.Signer {
	t.Helper()
	s, err := protocol.NewSigner(newPrivate(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// must returns what protocol.Sign made.
func must(raw string, err error) string {
	if err != nil {
		panic(err)
	}
	return raw
}

// forge signs any header and payload, as a hostile holder of the key can. It is deterministic, so that a fuzzer sees
// the same paths for the same input.
func forge(t testing.TB, k *ecdsa.PrivateKey, header, payload string) string {
	t.Helper()
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	digest := sha256.Sum256([]byte(input))
	der, err := k.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	var sig struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &sig); err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 64)
	sig.R.FillBytes(raw[:32])
	sig.S.FillBytes(raw[32:])
	return input + "." + base64.RawURLEncoding.EncodeToString(raw)
}

// party is one tenant with one user, device and challenge.
type party struct {
	root, tenant, device, approval *protocol.Signer
	keys                           *protocol.Keys
	user                           string
	deviceID                       protocol.DeviceID
	application                    protocol.ApplicationID
	salt                           []byte
}

func newParty(t testing.TB) *party {
	t.Helper()
	p := &party{root: newSigner(t), tenant: newSigner(t), device: newSigner(t), approval: newSigner(t), user: "u-1842",
		deviceID: protocol.NewID[protocol.DeviceID](), application: protocol.NewID[protocol.ApplicationID](), salt: make([]byte, 32)}
	_, _ = rand.Read(p.salt)
	raw := must(protocol.Sign(p.root, &protocol.Keys{Issuer: testServer, Tenant: protocol.NewID[protocol.TenantID](), Sequence: 1, IssuedAt: at(0), ExpiresAt: at(time.Hour),
		Root: p.root.Public(), Keys: []protocol.TenantKey{{JWK: p.tenant.Public(), Status: protocol.KeyActive, NotBefore: at(0)}}}))
	keys, err := protocol.VerifyKeys(raw, p.root.KeyID(), 0, testNow)
	if err != nil {
		t.Fatal(err)
	}
	p.keys = keys
	return p
}

// challenge asks for the two digits 47.
func (p *party) challenge() *protocol.Challenge {
	id := protocol.NewID[protocol.ChallengeID]()
	return &protocol.Challenge{Issuer: testServer, Tenant: p.keys.Tenant, Audience: []protocol.DeviceID{p.deviceID}, ID: id, Nonce: protocol.RandomText(16),
		IssuedAt: at(0), ExpiresAt: at(90 * time.Second), User: protocol.ChallengeUser{Ref: p.user}, Application: protocol.ChallengeApplication{ID: p.application, Name: "Example Bank"},
		Action: protocol.Action{Kind: "payment"}, Details: []protocol.Detail{{Label: "Amount", Value: "10 EUR", Kind: "amount"}},
		Match:           protocol.Match{Mode: protocol.MatchEnter, Digits: 2, Commitment: protocol.Commitment(p.salt, id, "47")},
		TransactionHash: protocol.TokenHash(testTransaction)}
}

func (p *party) decision(c *protocol.Challenge, challenge string) *protocol.Decision {
	return &protocol.Decision{Issuer: p.deviceID, Audience: testServer, Tenant: p.keys.Tenant, ID: protocol.RandomText(16), IssuedAt: at(0), Challenge: c.ID,
		ChallengeHash: protocol.Hash(challenge), Answer: protocol.Approve, Number: "47", UserVerification: "pin", Counter: 1}
}

func (p *party) result(c *protocol.Challenge, challenge, decision string) *protocol.Result {
	return &protocol.Result{Issuer: testServer, Tenant: p.keys.Tenant, Audience: p.application, Subject: p.user, ID: protocol.RandomText(16), IssuedAt: at(0),
		ExpiresAt: at(protocol.ResultLifetime), Challenge: c.ID, Status: protocol.StatusApproved, Transaction: testTransaction, ACR: protocol.ACRNumberUser,
		AMR: protocol.AMR(protocol.LevelTEE, true, "pin"), Device: &protocol.ResultDevice{ID: p.deviceID}, Level: protocol.LevelTEE, Proven: true,
		Confirmation: &protocol.Confirmation{JWK: p.approval.Public()},
		Evidence:     protocol.Evidence{Challenge: challenge, Decision: decision, Salt: protocol.EncodeSalt(p.salt)}}
}

func (p *party) expect() protocol.Expectation {
	return protocol.Expectation{Issuer: testServer, Tenant: p.keys.Tenant, Audience: p.application, Subject: p.user, Transaction: testTransaction, Now: testNow}
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
