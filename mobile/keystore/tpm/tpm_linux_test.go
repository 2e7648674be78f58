//go:build !android

package tpm_test

import (
	"testing"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/keystoretest"
	"github.com/nod-auth/nod/mobile/keystore/tpm"
	"github.com/nod-auth/nod/shared/protocol"
)

func openStore(t *testing.T, m *keystoretest.TPM) keystore.Store {
	t.Helper()
	s, err := tpm.Open(t.Context(), tpm.Params{Device: m.Socket})
	if err != nil {
		t.Fatalf("open TPM: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestConforms(t *testing.T) {
	keystoretest.Run(t, func(t *testing.T) keystoretest.Fixture {
		here := keystoretest.StartTPM(t)
		return keystoretest.Fixture{
			Open:             func(t *testing.T) keystore.Store { return openStore(t, here) },
			Other:            func(t *testing.T) keystore.Store { return openStore(t, keystoretest.StartTPM(t)) },
			Level:            protocol.LevelTPM,
			HandleCarriesKey: true,
		}
	})
}
