package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/software"
	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/protocol"
)

const pin = "folded-paper-7"

var nodd string // the built server

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "nod-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := 1
	if nodd, err = build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func build(dir string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	out := filepath.Join(dir, "nodd")
	if runtime.GOOS == "windows" {
		out += ".exe"
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", out, "github.com/nod-auth/nod/backend/cmd/nodd")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build nodd: %w\n%s", err, text)
	}
	return out, nil
}

// server is a nodd process with its own database.
type server struct {
	t      *testing.T
	dir    string
	listen string
	cmd    *exec.Cmd
	log    *logBuffer
	client *application.Client
}

// logBuffer keeps what the server writes.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// newServer starts a server for the first time.
func newServer(t *testing.T) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // a free port, which the server must have again after a restart
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, dir: t.TempDir(), listen: l.Addr().String(), log: &logBuffer{}}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("server %s said:\n%s", s.listen, s.log)
		}
	})
	found := s.start(true)
	s.client, err = application.New(application.Params{
		URL: s.url(), Key: found["api_key"], Tenant: protocol.TenantID(found["tenant"]), Application: protocol.ApplicationID(found["application"]),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *server) url() string { return "http://" + s.listen }

// start runs the process until it is ready; first reads what the first start prints.
func (s *server) start(first bool) map[string]string {
	s.t.Helper()
	s.cmd = exec.Command(nodd, "serve", "--listen", s.listen, "--data", filepath.Join(s.dir, "nod.db"))
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd.Stderr = s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	found := map[string]string{}
	scan := bufio.NewScanner(out)
	for first && len(found) < 3 && scan.Scan() {
		if f := strings.Fields(scan.Text()); len(f) >= 2 && (f[0] == "tenant" || f[0] == "application" || f[0] == "api_key") {
			found[f[0]] = f[1]
		}
	}
	go func() { _, _ = io.Copy(s.log, out) }()
	eventually(s.t, "the server is ready", func() bool {
		resp, err := http.Get(s.url() + "/readyz") //nolint:noctx // a probe of a test
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return found
}

// kill ends the process without a word, and waits for its end.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // "signal: killed"
	s.cmd = nil
}

// command runs nodd on the server's database.
func (s *server) command(args ...string) {
	s.t.Helper()
	cmd := exec.Command(nodd, append(args, "--data", filepath.Join(s.dir, "nod.db"))...)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("nodd %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (s *server) restart() {
	s.t.Helper()
	s.start(false)
}

// ask creates a challenge for a user.
func (s *server) ask(user string, change func(*application.ChallengeRequest)) application.CreatedChallenge {
	s.t.Helper()
	r := application.ChallengeRequest{
		UserRef: user, Transaction: protocol.RandomText(16), Action: protocol.Action{Kind: "sign_in"},
		Context: application.Context{IP: "192.0.2.7", Location: "Porto, Portugal", UserAgent: "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"},
	}
	if change != nil {
		change(&r)
	}
	c, err := s.client.CreateChallenge(s.t.Context(), r)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// result waits for a challenge's end.
func (s *server) result(id protocol.ChallengeID) application.Challenge {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	c, err := s.client.Wait(ctx, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// phone is a device core under test.
type phone struct {
	t     *testing.T
	core  *device.Core
	store *software.Store
	dir   string
	net   *flaky
	now   func() time.Time
}

// flaky is a network that can lose the answer of the next request to a path.
type flaky struct {
	mu   sync.Mutex
	lose string
	sent []string // the bodies that went to a path that contains lose
	base http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (f *flaky) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return f.base.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	f.mu.Lock()
	lose := f.lose != "" && strings.Contains(r.URL.Path, f.lose)
	if strings.HasSuffix(r.URL.Path, "/decision") || strings.HasSuffix(r.URL.Path, "/enrollments") {
		f.sent = append(f.sent, string(body))
	}
	if lose {
		f.lose = ""
	}
	f.mu.Unlock()
	resp, err := f.base.RoundTrip(r)
	if err == nil && lose {
		_ = resp.Body.Close()
		return nil, errors.New("the connection broke")
	}
	return resp, err
}

func (f *flaky) loseNext(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lose, f.sent = path, nil
}

func (f *flaky) bodies() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.sent...)
}

func newPhone(t *testing.T, now func() time.Time) *phone {
	t.Helper()
	p := &phone{t: t, store: software.NewSimulation(), dir: t.TempDir(), net: &flaky{base: &http.Transport{}}, now: now}
	t.Cleanup(func() {
		_ = p.core.Close()
		_ = p.store.Close()
	})
	p.open()
	return p
}

func (p *phone) open() {
	p.t.Helper()
	core, err := device.Open(p.t.Context(), device.Params{
		Dir: p.dir, Stores: []keystore.Store{p.store}, Platform: "simulator", Model: "e2e", AppVersion: "1", Transport: p.net, Now: p.now,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.core = core
}

func (p *phone) reopen() {
	p.t.Helper()
	if err := p.core.Close(); err != nil {
		p.t.Fatal(err)
	}
	p.open()
}

func verification() keystore.Verification { return keystore.Verification{PIN: []byte(pin)} }

// register enrolls for a user up to the confirm code.
func (p *phone) register(s *server, user string) (application.Enrollment, device.Account) {
	p.t.Helper()
	e, err := s.client.CreateEnrollment(p.t.Context(), application.EnrollmentRequest{UserRef: user, UserLabel: "Person " + user})
	if err != nil {
		p.t.Fatal(err)
	}
	a, err := p.enroll(e.InvitationURI)
	if err != nil {
		p.t.Fatal(err)
	}
	return e, a
}

func (p *phone) enroll(uri string) (device.Account, error) {
	in, err := p.core.Inspect(uri)
	if err != nil {
		return device.Account{}, err
	}
	return p.core.Enroll(p.t.Context(), device.EnrollParams{Invitation: in, DeviceName: "Test phone", Verification: verification()})
}

// account is an enrolled and confirmed account of a user's first device.
func (p *phone) account(s *server, user string) device.Account {
	p.t.Helper()
	e, a := p.register(s, user)
	done, err := s.client.Confirm(p.t.Context(), e.ID, a.ConfirmCode)
	if err != nil {
		p.t.Fatal(err)
	}
	if done.Status != application.EnrollmentActive {
		p.t.Fatalf("enrollment is %s", done.Status)
	}
	p.sync()
	a, _ = p.core.Account(a.ID)
	if a.Status != device.AccountActive {
		p.t.Fatalf("account is %s", a.Status)
	}
	return a
}

func (p *phone) sync() {
	p.t.Helper()
	if err := p.core.Sync(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

func (p *phone) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.core.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				p.t.Error(err)
			}
		})
	}
	p.t.Cleanup(stop)
	return stop
}

func (p *phone) one() device.Challenge {
	p.t.Helper()
	list := p.core.Pending()
	if len(list) != 1 {
		p.t.Fatalf("%d challenges are pending, want 1; %+v", len(list), p.core.Diagnostics())
	}
	return list[0]
}

func (p *phone) decide(c device.Challenge, answer protocol.Answer, number string) device.Outcome {
	p.t.Helper()
	d := device.DecideParams{Account: c.Account, Challenge: c.ID, Answer: answer, Number: number}
	if answer == protocol.Approve {
		d.Verification = verification()
	}
	out, err := p.core.Decide(p.t.Context(), d)
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

// eventually polls a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end := time.NewTimer(20 * time.Second)
	defer end.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("did not happen: %s", what)
		}
	}
}
