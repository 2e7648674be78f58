package software_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/keystoretest"
	"github.com/nod-auth/nod/mobile/keystore/software"
)

// written makes a file with one key of each use.
func written(t *testing.T) (path string, device, approval []byte) {
	t.Helper()
	dir := keystoretest.Dir(t)
	s := openFile(t, dir)
	d, err := s.Create(t.Context(), keystore.CreateParams{Use: keystore.UseDevice})
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Create(t.Context(), keystore.CreateParams{
		Use: keystore.UseApproval, Verification: keystore.Verification{PIN: []byte(keystoretest.PIN)},
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	return filepath.Join(dir, "passphrase.nodkeys"), d.Handle(), a.Handle()
}

// refuses opens the file and wants one of the errors, and the file untouched.
func refuses(t *testing.T, path, passphrase string, targets ...error) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := software.Open(t.Context(), software.CheapParams(filepath.Dir(path), passphrase, nil, nil))
	if err == nil {
		_ = s.Close()
		t.Fatalf("opened, want one of %v", targets)
	}
	ok := false
	for _, target := range targets {
		ok = ok || errors.Is(err, target)
	}
	if !ok {
		t.Fatalf("error is %v, want one of %v", err, targets)
	}
	if passphrase != "" && strings.Contains(err.Error(), passphrase) {
		t.Errorf("the error quotes the passphrase: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Fatalf("the refused file was changed: %v", err)
	}
}

func overwrite(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWrongPassphraseChangesNothing(t *testing.T) {
	path, device, _ := written(t)
	refuses(t, path, "another", keystore.ErrWrongPassphrase)
	refuses(t, path, "", keystore.ErrWrongPassphrase)
	s := openFile(t, filepath.Dir(path))
	if _, err := s.Open(t.Context(), device); err != nil {
		t.Fatalf("the right passphrase no longer opens the key: %v", err)
	}
}

func TestEmptyPassphraseMakesNoFile(t *testing.T) {
	dir := keystoretest.Dir(t)
	_, err := software.Open(t.Context(), software.CheapParams(dir, "", nil, nil))
	if !errors.Is(err, keystore.ErrWrongPassphrase) {
		t.Fatalf("error is %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "passphrase.nodkeys")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a file was made: %v", err)
	}
}

// A file cut at any byte is damaged: never new, never half of the keys.
func TestTruncatedAtEveryByte(t *testing.T) {
	path, _, _ := written(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		overwrite(t, path, whole[:n])
		refuses(t, path, secret, keystore.ErrCorrupt)
	}
}

func TestFlippedAtEveryByte(t *testing.T) {
	path, _, _ := written(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		flipped := bytes.Clone(whole)
		flipped[n] ^= 1
		overwrite(t, path, flipped)
		refuses(t, path, secret, keystore.ErrCorrupt, keystore.ErrFormat)
	}
}

// Somebody who repairs the checksum after a change meets the cipher.
func TestForgedChecksumIsRefused(t *testing.T) {
	path, _, _ := written(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct {
		name, from, to string
		want           error
	}{
		{"more memory than a phone has", `"memory_kib":8`, `"memory_kib":4294967295`, keystore.ErrCorrupt},
		{"no passes", `"time":1`, `"time":0`, keystore.ErrCorrupt},
		{"another cost", `"time":1`, `"time":2`, keystore.ErrWrongPassphrase},
		{"another source", `"passphrase"`, `"other"`, keystore.ErrFormat},
		{"another id", `"id":"`, `"id":"A`, keystore.ErrWrongPassphrase},
		{"no header", `{"id"`, `{"no"`, keystore.ErrCorrupt},
	} {
		t.Run(change.name, func(t *testing.T) {
			forged := software.Recheck(bytes.Replace(whole, []byte(change.from), []byte(change.to), 1))
			overwrite(t, path, forged)
			refuses(t, path, secret, change.want)
		})
	}
}

func TestNewerFormatIsNamed(t *testing.T) {
	path, _, _ := written(t)
	overwrite(t, path, []byte("nod-keystore 2\nwhatever comes then"))
	refuses(t, path, secret, keystore.ErrFormat)
}

func TestSecondProcessIsTurnedAway(t *testing.T) {
	dir := keystoretest.Dir(t)
	openFile(t, dir)
	_, err := software.Open(t.Context(), software.CheapParams(dir, secret, nil, nil))
	if !errors.Is(err, keystore.ErrInUse) {
		t.Fatalf("error is %v, want ErrInUse", err)
	}
}

func TestDirectoryThatCannotBe(t *testing.T) {
	file := filepath.Join(keystoretest.Dir(t), "file")
	overwrite(t, file, nil)
	_, err := software.Open(t.Context(), software.CheapParams(filepath.Join(file, "dir"), secret, nil, nil))
	if !errors.Is(err, keystore.ErrUnavailable) {
		t.Fatalf("error is %v, want ErrUnavailable", err)
	}
}

// fullDisk fails each write once full is set.
type fullDisk struct {
	w    io.Writer
	full *bool
}

func (f fullDisk) Write(p []byte) (int, error) {
	if *f.full {
		n, _ := f.w.Write(p[:len(p)/2])
		return n, syscall.ENOSPC
	}
	return f.w.Write(p)
}

// With a full disk nothing is lost, nothing half made, and no PIN is compared,
// because its try could not be counted.
func TestFullDisk(t *testing.T) {
	path, device, approval := written(t)
	full := false
	wrap := func(w io.Writer) io.Writer { return fullDisk{w, &full} }
	s, err := software.Open(t.Context(), software.CheapParams(filepath.Dir(path), secret, wrap, nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	full = true
	ctx, digest := t.Context(), make([]byte, keystore.DigestSize)
	if _, err := s.Create(ctx, keystore.CreateParams{Use: keystore.UseDevice}); !errors.Is(err, syscall.ENOSPC) || !errors.Is(err, keystore.ErrUnavailable) {
		t.Errorf("create: %v", err)
	}
	if err := s.Delete(ctx, device); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("delete: %v", err)
	}
	a, err := s.Open(ctx, approval)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 * software.MaxTries {
		if _, err := a.Sign(ctx, digest, keystore.Verification{PIN: []byte(keystoretest.PIN)}); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("approve: %v", err)
		}
	}
	d, err := s.Open(ctx, device)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Sign(ctx, digest, keystore.Verification{}); err != nil {
		t.Errorf("deny: %v", err)
	}
	full = false
	if _, err := a.Sign(ctx, digest, keystore.Verification{PIN: []byte(keystoretest.PIN)}); err != nil {
		t.Errorf("approve with room again: %v", err)
	}
}
