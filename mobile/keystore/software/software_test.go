package software_test

import (
	"testing"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/keystoretest"
	"github.com/nod-auth/nod/mobile/keystore/software"
	"github.com/nod-auth/nod/shared/protocol"
)

const secret = "correct horse battery"

func openFile(t *testing.T, dir string) keystore.Store {
	t.Helper()
	s, err := software.Open(t.Context(), software.CheapParams(dir, secret, nil, nil))
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestFileConforms(t *testing.T) {
	keystoretest.Run(t, func(t *testing.T) keystoretest.Fixture {
		dir := keystoretest.Dir(t)
		return keystoretest.Fixture{
			Open:  func(t *testing.T) keystore.Store { return openFile(t, dir) },
			Other: func(t *testing.T) keystore.Store { return openFile(t, keystoretest.Dir(t)) },
			Level: protocol.LevelSoftware,
		}
	})
}

func TestSimulationConforms(t *testing.T) {
	keystoretest.Run(t, func(t *testing.T) keystoretest.Fixture {
		return keystoretest.Fixture{
			Open:     func(*testing.T) keystore.Store { return software.NewSimulation() },
			Other:    func(*testing.T) keystore.Store { return software.NewSimulation() },
			Level:    protocol.LevelSoftware,
			Volatile: true,
		}
	})
}
