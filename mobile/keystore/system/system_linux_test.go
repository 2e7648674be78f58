//go:build !android

package system_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/keystoretest"
	"github.com/nod-auth/nod/mobile/keystore/system"
	"github.com/nod-auth/nod/shared/protocol"
)

// machine is a computer of which each part can be taken away.
type machine struct {
	params system.Params
	asked  int // how often the passphrase was asked for
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{}
	m.params = system.Params{
		Dir: t.TempDir(), TPMDevice: filepath.Join(t.TempDir(), "none"),
		Passphrase: func(context.Context) ([]byte, error) {
			m.asked++
			return []byte("correct horse battery"), nil
		},
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	return m
}

func (m *machine) best(t *testing.T) (keystore.Store, []system.Considered, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, looked, err := system.Best(ctx, m.params)
	if err == nil {
		t.Cleanup(func() { _ = s.Close() })
	}
	return s, looked, err
}

// takes wants the named store taken, each stronger one with its reason.
func (m *machine) takes(t *testing.T, names ...string) keystore.Store {
	t.Helper()
	s, looked, err := m.best(t)
	if err != nil {
		t.Fatalf("no store: %v, %v", err, looked)
	}
	if len(looked) != len(names) {
		t.Fatalf("looked at %v, want %v", looked, names)
	}
	for i, c := range looked {
		last := i == len(names)-1
		if c.Name != names[i] || c.Taken != last || (c.Reason == nil) != last {
			t.Errorf("considered %+v, want %s, taken %v", c, names[i], last)
		}
		if !last && !errors.Is(c.Reason, keystore.ErrUnavailable) {
			t.Errorf("%s was passed over because of %v", c.Name, c.Reason)
		}
	}
	if got := looked[len(looked)-1].Level; got != s.Level() {
		t.Errorf("considered says level %q, the store %q", got, s.Level())
	}
	return s
}

func create(t *testing.T, s keystore.Store) keystore.Key {
	t.Helper()
	k, err := s.Create(t.Context(), keystore.CreateParams{Use: keystore.UseDevice})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTPMIsTakenFirst(t *testing.T) {
	m := newMachine(t)
	m.params.TPMDevice = keystoretest.StartTPM(t).Socket
	if s := m.takes(t, "TPM 2.0"); s.Level() != protocol.LevelTPM {
		t.Errorf("level is %q", s.Level())
	}
}

func TestKeyringIsNext(t *testing.T) {
	m := newMachine(t)
	keystoretest.StartBus(t).Start(t, "login")
	if s := m.takes(t, "TPM 2.0", "keyring"); s.Level() != protocol.LevelSoftware {
		t.Errorf("level is %q", s.Level())
	}
	if m.asked != 0 {
		t.Error("a passphrase was asked for")
	}
}

func TestPassphraseIsLast(t *testing.T) {
	m := newMachine(t)
	m.takes(t, "TPM 2.0", "keyring", "passphrase")
	if m.asked != 1 {
		t.Errorf("the passphrase was asked for %d times", m.asked)
	}
}

func TestNothingAtAll(t *testing.T) {
	m := newMachine(t)
	m.params.Passphrase = nil
	_, looked, err := m.best(t)
	if !errors.Is(err, keystore.ErrUnavailable) || len(looked) != 3 {
		t.Errorf("error is %v, looked at %v", err, looked)
	}
}

// A keyring that is only locked is not worked around with a weaker store.
func TestLockedKeyringStopsTheSearch(t *testing.T) {
	m := newMachine(t)
	k := keystoretest.StartBus(t)
	k.Start(t, "login")
	k.Lock(t)
	_, looked, err := m.best(t)
	if !errors.Is(err, keystore.ErrLocked) || len(looked) != 2 || m.asked != 0 {
		t.Errorf("error is %v, looked at %v, asked %d times", err, looked, m.asked)
	}
}

// A person who gets a stronger store keeps the old keys until they are
// replaced; one who loses it is told which store is missing.
func TestOldKeysOpenBesideTheBestStore(t *testing.T) {
	m := newMachine(t)
	weak := m.takes(t, "TPM 2.0", "keyring", "passphrase")
	old := create(t, weak)
	if err := weak.Close(); err != nil {
		t.Fatal(err)
	}
	chip := keystoretest.StartTPM(t)
	m.params.TPMDevice = chip.Socket
	strong := m.takes(t, "TPM 2.0")
	again, err := strong.Open(t.Context(), old.Handle())
	if err != nil || again.Level() != protocol.LevelSoftware {
		t.Fatalf("the old key: %v", err)
	}
	if again.Level().Rank() >= strong.Level().Rank() {
		t.Error("no reason to move to the stronger store")
	}
	moved := create(t, strong)
	if moved.Level() != protocol.LevelTPM {
		t.Errorf("the new key has level %q", moved.Level())
	}
	if err := strong.Delete(t.Context(), old.Handle()); err != nil {
		t.Fatal(err)
	}
	if _, err := strong.Open(t.Context(), old.Handle()); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("the deleted old key: %v", err)
	}
	if err := strong.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := strong.Open(t.Context(), moved.Handle()); !errors.Is(err, keystore.ErrUnavailable) {
		t.Errorf("after Close: %v", err)
	}
	chip.Stop(t)
	weak = m.takes(t, "TPM 2.0", "keyring", "passphrase")
	if _, err := weak.Open(t.Context(), moved.Handle()); !errors.Is(err, keystore.ErrUnavailable) {
		t.Errorf("the chip's key without the chip: %v", err)
	}
	if _, err := weak.Open(t.Context(), keystore.JoinHandle("enclave", []byte("x"))); !errors.Is(err, keystore.ErrOtherMachine) {
		t.Errorf("a handle from a Mac: %v", err)
	}
}

func TestConforms(t *testing.T) {
	keystoretest.Run(t, func(t *testing.T) keystoretest.Fixture {
		m := newMachine(t)
		m.params.TPMDevice = keystoretest.StartTPM(t).Socket
		open := func(t *testing.T) keystore.Store { return m.takes(t, "TPM 2.0") }
		return keystoretest.Fixture{
			Open: open, Level: protocol.LevelTPM, HandleCarriesKey: true,
			Other: func(t *testing.T) keystore.Store {
				other := newMachine(t)
				other.params.TPMDevice = keystoretest.StartTPM(t).Socket
				return other.takes(t, "TPM 2.0")
			},
		}
	})
}
