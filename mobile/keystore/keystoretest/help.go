package keystoretest

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/nod-auth/nod/mobile/keystore"
)

var digest = func() []byte { d := sha256.Sum256([]byte("what was shown")); return d[:] }()

func withPIN(pin string) keystore.Verification {
	return keystore.Verification{PIN: []byte(pin), Reason: "test"}
}

func create(t *testing.T, s keystore.Store, use keystore.Use) keystore.Key {
	t.Helper()
	p := keystore.CreateParams{Use: use, AttestationChallenge: digest}
	if use == keystore.UseApproval {
		p.Verification = withPIN(PIN)
	}
	k, err := s.Create(t.Context(), p)
	if err != nil {
		t.Fatalf("create %s key: %v", use, err)
	}
	return k
}

func open(t *testing.T, s keystore.Store, handle []byte) keystore.Key {
	t.Helper()
	k, err := s.Open(t.Context(), handle)
	if err != nil {
		t.Fatalf("open key: %v", err)
	}
	return k
}

// signs fails the test unless k makes a signature that its public key verifies.
func signs(t *testing.T, k keystore.Key, v keystore.Verification) {
	t.Helper()
	sig, err := k.Sign(t.Context(), digest, v)
	if err != nil {
		t.Fatalf("sign with %s key: %v", k.Use(), err)
	}
	if !ecdsa.VerifyASN1(k.Public(), digest, sig) {
		t.Fatalf("signature of %s key does not verify", k.Use())
	}
}

// wants fails the test unless err is one of the given values.
func wants(t *testing.T, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if errors.Is(err, target) {
			return
		}
	}
	t.Fatalf("error is %v, want one of %v", err, targets)
}

// byPIN skips what cannot be tested where the platform itself asks the person.
func byPIN(t *testing.T, s keystore.Store) {
	t.Helper()
	if s.UserVerification() != keystore.VerifyByPIN {
		t.Skipf("skipped: the platform of this store asks the person itself (%s)", s.UserVerification())
	}
}
