package vault_test

import (
	"errors"
	"testing"

	"github.com/zalando/go-keyring"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/keystoretest"
	"github.com/nod-auth/nod/mobile/keystore/vault"
	"github.com/nod-auth/nod/shared/protocol"
)

const testService = "nod key file (test)"

func openStore(t *testing.T, dir string) keystore.Store {
	t.Helper()
	s, err := vault.Open(t.Context(), vault.InTest(dir, testService))
	if err != nil {
		t.Fatalf("open vault: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Runs on Windows and under Wine, with the real Credential Manager API.
func TestConforms(t *testing.T) {
	t.Cleanup(func() { _ = keyring.DeleteAll(testService) })
	keystoretest.Run(t, func(t *testing.T) keystoretest.Fixture {
		dir := keystoretest.Dir(t)
		return keystoretest.Fixture{
			Open:  func(t *testing.T) keystore.Store { return openStore(t, dir) },
			Other: func(t *testing.T) keystore.Store { return openStore(t, keystoretest.Dir(t)) },
			Level: protocol.LevelSoftware,
		}
	})
}

func TestResetCredentials(t *testing.T) {
	dir := keystoretest.Dir(t)
	_ = openStore(t, dir).Close()
	if err := keyring.DeleteAll(testService); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Open(t.Context(), vault.InTest(dir, testService)); !errors.Is(err, keystore.ErrCleared) {
		t.Errorf("error is %v, want ErrCleared", err)
	}
}
