package guard_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/nod-auth/nod/app/internal/guard"
	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/software"
)

func pin(s string) keystore.Verification { return keystore.Verification{PIN: []byte(s)} }

func open(t *testing.T, path string) *guard.Guard {
	t.Helper()
	g, err := guard.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestThePINIsCheckedByTheStoreAndSurvivesARestart(t *testing.T) {
	store, path := software.NewSimulation(), filepath.Join(t.TempDir(), "pin.json")
	g := open(t, path)
	if g.Set() || !errors.Is(g.Check(t.Context(), store, pin("480913")), keystore.ErrNotFound) {
		t.Fatal("a PIN is set that nobody chose")
	}
	if err := g.Choose(t.Context(), store, pin("111111")); !errors.Is(err, keystore.ErrWeakPIN) || g.Set() {
		t.Errorf("a weak PIN: %v", err)
	}
	if err := g.Choose(t.Context(), store, pin("480913")); err != nil {
		t.Fatal(err)
	}
	g = open(t, path)
	if err := g.Check(t.Context(), store, pin("480913")); err != nil || !g.Set() {
		t.Errorf("the right PIN: %v", err)
	}
	var wrong *keystore.PINError
	if err := g.Check(t.Context(), store, pin("480914")); !errors.As(err, &wrong) || wrong.TriesLeft != 9 {
		t.Errorf("a wrong PIN: %v", err)
	}
}

func TestAnotherPINReplacesTheOld(t *testing.T) {
	store, path := software.NewSimulation(), filepath.Join(t.TempDir(), "pin.json")
	g := open(t, path)
	for _, p := range []string{"480913", "975310"} {
		if err := g.Choose(t.Context(), store, pin(p)); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Check(t.Context(), store, pin("480913")); !errors.Is(err, keystore.ErrWrongPIN) {
		t.Errorf("the old PIN: %v", err)
	}
	if err := g.Check(t.Context(), store, pin("975310")); err != nil {
		t.Errorf("the new PIN: %v", err)
	}
	if err := g.Forget(t.Context(), store); err != nil || g.Set() || open(t, path).Set() {
		t.Errorf("not forgotten: %v", err)
	}
}

func TestT14_TheFileSaysNothingAboutThePIN(t *testing.T) {
	store, path := software.NewSimulation(), filepath.Join(t.TempDir(), "pin.json")
	if err := open(t, path).Choose(t.Context(), store, pin("480913")); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || len(data) == 0 {
		t.Fatal(err)
	}
	info, _ := os.Stat(path)
	if bytes.Contains(data, []byte("480913")) || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, content %s", info.Mode(), data)
	}
}

func TestADamagedFileIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pin.json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := guard.Open(path); err == nil {
		t.Error("a damaged file was taken for no PIN: the app would open without one")
	}
}
