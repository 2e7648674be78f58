package cng_test

import (
	"errors"
	"testing"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/cng"
	"github.com/nod-auth/nod/shared/protocol"
)

// The conformance suite is not run here: approval keys would put up Windows'
// prompts. This is the silent part; the rest is for a person at a real machine.
func TestDeviceKeys(t *testing.T) {
	for provider, level := range map[cng.Provider]protocol.KeyLevel{
		cng.Platform: protocol.LevelTPM, cng.Software: protocol.LevelOSKeystore,
	} {
		t.Run(string(provider), func(t *testing.T) {
			s, err := cng.Open(t.Context(), cng.Params{Provider: provider, Title: "Nod test"})
			if errors.Is(err, keystore.ErrUnavailable) {
				t.Skipf("skipped: %v", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			if s.Level() != level {
				t.Errorf("level is %q, want %q", s.Level(), level)
			}
			k, err := s.Create(t.Context(), keystore.CreateParams{Use: keystore.UseDevice})
			if err != nil {
				t.Fatal(err)
			}
			again, err := s.Open(t.Context(), k.Handle())
			if err != nil || !again.Public().Equal(k.Public()) {
				t.Fatalf("open: %v", err)
			}
			if _, err := again.Sign(t.Context(), make([]byte, keystore.DigestSize), keystore.Verification{}); err != nil {
				t.Errorf("sign: %v", err)
			}
			if err := s.Delete(t.Context(), k.Handle()); err != nil {
				t.Errorf("delete: %v", err)
			}
			if _, err := s.Open(t.Context(), k.Handle()); !errors.Is(err, keystore.ErrNotFound) {
				t.Errorf("open after delete: %v, want ErrNotFound", err)
			}
		})
	}
}
