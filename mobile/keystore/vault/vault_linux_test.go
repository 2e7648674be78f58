//go:build !android

package vault_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/keystoretest"
	"github.com/nod-auth/nod/mobile/keystore/software"
	"github.com/nod-auth/nod/mobile/keystore/vault"
	"github.com/nod-auth/nod/shared/protocol"
)

const password = "login-password"

func startKeyring(t *testing.T) *keystoretest.Keyring {
	t.Helper()
	k := keystoretest.StartBus(t)
	k.Start(t, password)
	return k
}

func try(t *testing.T, dir string) (*software.Store, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return vault.Open(ctx, vault.Params{Dir: dir})
}

func openStore(t *testing.T, dir string) keystore.Store {
	t.Helper()
	s, err := try(t, dir)
	if err != nil {
		t.Fatalf("open vault: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// stored leaves a vault with one device key in dir and returns its handle.
func stored(t *testing.T, dir string) []byte {
	t.Helper()
	s := openStore(t, dir)
	k, err := s.Create(t.Context(), keystore.CreateParams{Use: keystore.UseDevice})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return k.Handle()
}

// refused wants the error and the file as it was.
func refused(t *testing.T, dir string, want error) {
	t.Helper()
	path := filepath.Join(dir, vault.Name+".nodkeys")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := try(t, dir)
	if err == nil {
		_ = s.Close()
	}
	if !errors.Is(err, want) {
		t.Errorf("error is %v, want %v", err, want)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed: %v", err)
	}
}

func TestConforms(t *testing.T) {
	startKeyring(t)
	keystoretest.Run(t, func(t *testing.T) keystoretest.Fixture {
		dir := keystoretest.Dir(t)
		return keystoretest.Fixture{
			Open:  func(t *testing.T) keystore.Store { return openStore(t, dir) },
			Other: func(t *testing.T) keystore.Store { return openStore(t, keystoretest.Dir(t)) },
			Level: protocol.LevelSoftware,
		}
	})
}

// A locked keyring that nobody can unlock leaves everything as it is; unlocked
// again, the keys are there.
func TestLockedKeyring(t *testing.T) {
	k, dir := startKeyring(t), keystoretest.Dir(t)
	handle := stored(t, dir)
	k.Lock(t)
	refused(t, dir, keystore.ErrLocked)
	k.Stop(t)
	k.Start(t, "") // started without the password, as by an automatic login
	refused(t, dir, keystore.ErrLocked)
	k.Stop(t)
	k.Start(t, password)
	if _, err := openStore(t, dir).Open(t.Context(), handle); err != nil {
		t.Errorf("after unlocking: %v", err)
	}
}

// An open store does not need the keyring until it is opened again.
func TestKeyringGoneWhileOpen(t *testing.T) {
	k, dir := startKeyring(t), keystoretest.Dir(t)
	s := openStore(t, dir)
	k.Stop(t)
	if _, err := s.Create(t.Context(), keystore.CreateParams{Use: keystore.UseDevice}); err != nil {
		t.Errorf("create without the keyring: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, keystore.ErrUnavailable)
}

func TestNoSessionBus(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", keystoretest.Dir(t))
	dir := keystoretest.Dir(t)
	if _, err := try(t, dir); !errors.Is(err, keystore.ErrUnavailable) {
		t.Errorf("error is %v, want ErrUnavailable", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("something was written: %v, %v", left, err)
	}
}

func TestNoKeyringService(t *testing.T) {
	keystoretest.StartBus(t)
	if _, err := try(t, keystoretest.Dir(t)); !errors.Is(err, keystore.ErrUnavailable) {
		t.Errorf("error is %v, want ErrUnavailable", err)
	}
}

func TestNoDefaultKeyring(t *testing.T) {
	k := keystoretest.StartBus(t)
	k.Start(t, "") // a new user's daemon: no keyring was ever made
	if _, err := try(t, keystoretest.Dir(t)); !errors.Is(err, keystore.ErrUnavailable) {
		t.Errorf("error is %v, want ErrUnavailable", err)
	}
}

// A reset keyring is named, the file stays, and the person can start again.
func TestResetKeyring(t *testing.T) {
	k, dir := startKeyring(t), keystoretest.Dir(t)
	handle := stored(t, dir)
	k.Stop(t)
	k.Forget(t)
	k.Start(t, password)
	refused(t, dir, keystore.ErrCleared)
	aside, err := software.SetAside(dir, vault.Name, time.Now())
	if err != nil {
		t.Fatalf("set aside: %v", err)
	}
	if _, err := os.Stat(aside); err != nil {
		t.Errorf("the old file is gone: %v", err)
	}
	if _, err := openStore(t, dir).Open(t.Context(), handle); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("an old handle in the new file: %v, want ErrNotFound", err)
	}
}

// A home directory copied to another machine opens nothing there.
func TestT13_FileCopiedToAnotherMachine(t *testing.T) {
	k, dir := startKeyring(t), keystoretest.Dir(t)
	stored(t, dir)
	k.Stop(t)
	k.Forget(t)
	k.Start(t, password)
	if _, err := vault.Open(t.Context(), vault.OnMachine(dir, "another machine")); !errors.Is(err, keystore.ErrOtherMachine) {
		t.Errorf("error is %v, want ErrOtherMachine", err)
	}
	refused(t, dir, keystore.ErrCleared)
}

// The key of the file stands in the keyring, nowhere in the directory; the
// machine's own id stands in neither.
func TestNothingInClear(t *testing.T) {
	startKeyring(t)
	dir := keystoretest.Dir(t)
	stored(t, dir)
	data, err := os.ReadFile(filepath.Join(dir, vault.Name+".nodkeys"))
	if err != nil {
		t.Fatal(err)
	}
	id, err := os.ReadFile("/etc/machine-id")
	if err == nil && strings.Contains(string(data), strings.TrimSpace(string(id))) {
		t.Error("the machine's id stands in the file")
	}
	if key := vault.StoredKey(t, data); len(key) != 32 || bytes.Contains(data, key) {
		t.Errorf("the file's key has %d bytes or stands in the file", len(key))
	}
}
