package keystoretest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TPM is a software TPM (swtpm) of its own state, for tests.
type TPM struct {
	// Socket is the Unix socket that takes commands.
	Socket string

	dir     string
	program string
	process *exec.Cmd
}

// StartTPM starts a fresh one and stops it with the test.
func StartTPM(t testing.TB) *TPM {
	t.Helper()
	program := Program(t, "swtpm", "swtpm")
	dir, err := os.MkdirTemp("", "nod-tpm") // short: a socket's path has 108 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	m := &TPM{Socket: filepath.Join(dir, "s"), dir: dir, program: program}
	m.Start(t)
	t.Cleanup(func() {
		m.Stop(t)
		_ = os.RemoveAll(dir)
	})
	return m
}

// Start powers the TPM on; its seeds and counters are as they were.
func (m *TPM) Start(t testing.TB) {
	t.Helper()
	m.process = exec.Command(m.program, "socket", "--tpm2", "--tpmstate", "dir="+m.dir, //nolint:noctx // stopped by Stop
		"--server", "type=unixio,path="+m.Socket, "--flags", "not-need-init,startup-clear")
	if err := m.process.Start(); err != nil {
		t.Fatalf("start swtpm: %v", err)
	}
	Eventually(t, "swtpm listens", func() bool { return answers(t, m.Socket) })
}

// Stop powers the TPM off as a power cut does.
func (m *TPM) Stop(t testing.TB) {
	t.Helper()
	if m.process == nil {
		return
	}
	_ = m.process.Process.Kill()
	_ = m.process.Wait()
	m.process = nil
	_ = os.Remove(m.Socket)
}

// answers tells a socket that is listened on from one that is only there.
func answers(t testing.TB, socket string) bool {
	c, err := new(net.Dialer).DialContext(t.Context(), "unix", socket)
	if err != nil {
		return false
	}
	return c.Close() == nil
}

// Eventually polls a condition of another process for ten seconds.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(5*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("gave up waiting: %s", what)
		}
	}
}
