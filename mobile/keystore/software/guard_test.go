package software_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/keystoretest"
	"github.com/nod-auth/nod/mobile/keystore/software"
)

// Ten wrong PINs in a row, counted over restarts, erase the key.
func TestTenWrongPINsEraseTheKey(t *testing.T) {
	path, device, approval := written(t)
	digest := make([]byte, keystore.DigestSize)
	try := func(s keystore.Store, pin string) error {
		k, err := s.Open(t.Context(), approval)
		if err != nil {
			return err
		}
		_, err = k.Sign(t.Context(), digest, keystore.Verification{PIN: []byte(pin)})
		return err
	}
	for left := software.MaxTries - 1; left >= 0; left-- {
		s := openFile(t, filepath.Dir(path))
		err := try(s, keystoretest.WrongPIN)
		var wrong *keystore.PINError
		switch {
		case left > 0 && (!errors.As(err, &wrong) || wrong.TriesLeft != left):
			t.Fatalf("error is %v, want %d tries left", err, left)
		case left == 0 && !errors.Is(err, keystore.ErrDestroyed):
			t.Fatalf("error is %v, want ErrDestroyed", err)
		}
		_ = s.Close()
	}
	s := openFile(t, filepath.Dir(path))
	if err := try(s, keystoretest.PIN); !errors.Is(err, keystore.ErrDestroyed) {
		t.Fatalf("the right PIN after that gives %v", err)
	}
	if _, err := s.Open(t.Context(), device); err != nil {
		t.Fatalf("the device key went with it: %v", err)
	}
}

// The file that a person's keys live in has the cost that the docs state, only
// its owner may read it, and it shows no secret.
func TestRealCostAndNothingInClear(t *testing.T) {
	dir := keystoretest.Dir(t)
	source, wipe := software.Passphrase([]byte(secret))
	s, err := software.Open(t.Context(), software.Params{Dir: dir, Source: source})
	if err != nil {
		t.Fatal(err)
	}
	wipe()
	k, err := s.Create(t.Context(), keystore.CreateParams{
		Use: keystore.UseApproval, Verification: keystore.Verification{PIN: []byte(keystoretest.PIN)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "passphrase.nodkeys")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte(`"argon2id":{"time":3,"memory_kib":65536,"threads":4}`)) {
		t.Errorf("the file is not at RFC 9106's second recommended cost: %q", data[:200])
	}
	for _, clear := range []string{secret, keystoretest.PIN, string(keystore.UseApproval)} {
		if bytes.Contains(data, []byte(clear)) || bytes.Contains(k.Handle(), []byte(clear)) {
			t.Errorf("%q stands in clear", clear)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 { // there the profile's access list protects it
		t.Errorf("file mode is %v", info.Mode())
	}
}
