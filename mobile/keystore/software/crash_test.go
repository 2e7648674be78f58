package software_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/keystoretest"
	"github.com/nod-auth/nod/mobile/keystore/software"
)

// The crash tests run this test binary again as a process that kills itself in
// the middle of a write.
const (
	crashDir    = "NOD_TEST_CRASH_DIR"    // set: be the victim, on this directory
	crashAt     = "NOD_TEST_CRASH_AT"     // "byte:<n>" or the name of a step
	crashHandle = "NOD_TEST_CRASH_HANDLE" // set: try a wrong PIN on it, else create a key
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		fmt.Fprintln(os.Stderr, "not killed:", victim(dir))
		os.Exit(3)
	}
	os.Exit(m.Run())
}

func victim(dir string) error {
	ctx := context.Background()
	at := os.Getenv(crashAt)
	armed := false
	wrap := func(w io.Writer) io.Writer {
		if n, ok := strings.CutPrefix(at, "byte:"); ok && armed {
			left, _ := strconv.Atoi(n)
			return &fatalWriter{w: w, left: left}
		}
		return w
	}
	after := func(step string) {
		if armed && step == at {
			die()
		}
	}
	s, err := software.Open(ctx, software.CheapParams(dir, secret, wrap, after))
	if err != nil {
		return err
	}
	armed = true
	if handle := os.Getenv(crashHandle); handle != "" {
		k, err := s.Open(ctx, []byte(handle))
		if err != nil {
			return err
		}
		_, err = k.Sign(ctx, make([]byte, keystore.DigestSize), keystore.Verification{PIN: []byte(keystoretest.WrongPIN)})
		return err
	}
	_, err = s.Create(ctx, keystore.CreateParams{Use: keystore.UseDevice})
	return err
}

func die() {
	self, _ := os.FindProcess(os.Getpid())
	_ = self.Kill()
	select {} // until the kill arrives
}

// fatalWriter lets some bytes through and then kills the process.
type fatalWriter struct {
	w    io.Writer
	left int
}

func (f *fatalWriter) Write(p []byte) (int, error) {
	if len(p) < f.left {
		f.left -= len(p)
		return f.w.Write(p)
	}
	_, _ = f.w.Write(p[:f.left])
	die()
	return 0, nil
}

func crash(t *testing.T, dir, at, handle string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), crashDir+"="+dir, crashAt+"="+at, crashHandle+"="+handle)
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() == 3 {
		t.Fatalf("the process was not killed at %s: %v: %s", at, err, out)
	}
}

var steps = []string{"created", "written", "synced", "renamed", "directory synced"}

// A kill at any step or byte of a write leaves the old keys or the new ones.
func TestKillDuringWrite(t *testing.T) {
	dir := keystoretest.Dir(t)
	s := openFile(t, dir)
	k, err := s.Create(t.Context(), keystore.CreateParams{Use: keystore.UseDevice})
	if err != nil {
		t.Fatal(err)
	}
	handle := k.Handle()
	_ = s.Close()
	info, err := os.Stat(filepath.Join(dir, "passphrase.nodkeys"))
	if err != nil {
		t.Fatal(err)
	}
	points := append([]string{}, steps...)
	for n := int64(0); n < info.Size(); n += 41 {
		points = append(points, fmt.Sprintf("byte:%d", n))
	}
	for _, at := range points {
		crash(t, dir, at, "")
		s := openFile(t, dir)
		k, err := s.Open(t.Context(), handle)
		if err != nil {
			t.Fatalf("killed at %s: the old key is lost: %v", at, err)
		}
		if _, err := k.Sign(t.Context(), make([]byte, keystore.DigestSize), keystore.Verification{}); err != nil {
			t.Fatalf("killed at %s: %v", at, err)
		}
		if _, err := s.Create(t.Context(), keystore.CreateParams{Use: keystore.UseDevice}); err != nil {
			t.Fatalf("killed at %s: cannot write again: %v", at, err)
		}
		_ = s.Close()
	}
}

// Pulling the plug between guess and verdict does not give the try back.
func TestKillDoesNotRefundATry(t *testing.T) {
	dir := keystoretest.Dir(t)
	s := openFile(t, dir)
	k, err := s.Create(t.Context(), keystore.CreateParams{
		Use: keystore.UseApproval, Verification: keystore.Verification{PIN: []byte(keystoretest.PIN)},
	})
	if err != nil {
		t.Fatal(err)
	}
	handle := string(k.Handle())
	_ = s.Close()
	for range software.MaxTries {
		crash(t, dir, "directory synced", handle) // the write before the comparison
	}
	s = openFile(t, dir)
	if _, err := s.Open(t.Context(), []byte(handle)); !errors.Is(err, keystore.ErrDestroyed) {
		t.Fatalf("after %d killed tries: %v, want ErrDestroyed", software.MaxTries, err)
	}
}
