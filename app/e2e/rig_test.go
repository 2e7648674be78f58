package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/protocol"
)

const (
	pin    = "480913"
	phrase = "correct horse battery"
	// patience is how long anything may take on a slow machine.
	patience = 30 * time.Second
	// settle is a little more than the time in which a new prompt accepts nothing.
	settle = 700 * time.Millisecond
)

// programs are built once for all tests.
var programs struct {
	once      sync.Once
	app, nodd string
	err       error
}

// need returns the programs under test, or skips, or fails where platforms are required.
func need(t *testing.T) (app, nodd string) {
	t.Helper()
	missing := ""
	if os.Getenv("DISPLAY") == "" {
		missing = "no display: DISPLAY is not set"
	}
	for _, tool := range []string{"xdotool", "import", "xclip", "dbus-daemon"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing = "not installed: " + tool
		}
	}
	if missing != "" && os.Getenv("NOD_REQUIRE_PLATFORMS") == "1" {
		t.Fatal(missing)
	}
	if missing != "" {
		t.Skip(missing)
	}
	programs.once.Do(func() {
		dir, err := os.MkdirTemp("", "nod-e2e-")
		if err != nil {
			programs.err = err
			return
		}
		programs.app, programs.nodd = filepath.Join(dir, "nod"), filepath.Join(dir, "nodd")
		for out, args := range map[string][]string{
			programs.app:  {"build", "-tags", "gles", "-o", programs.app, "github.com/nod-auth/nod/app"},
			programs.nodd: {"build", "-o", programs.nodd, "github.com/nod-auth/nod/backend/cmd/nodd"},
		} {
			if text, err := exec.Command("go", args...).CombinedOutput(); err != nil {
				programs.err = fmt.Errorf("build %s: %w\n%s", out, err, text)
			}
		}
	})
	if programs.err != nil {
		t.Fatal(programs.err)
	}
	return programs.app, programs.nodd
}

// TestMain removes what was built.
func TestMain(m *testing.M) {
	code := m.Run()
	if programs.app != "" {
		_ = os.RemoveAll(filepath.Dir(programs.app))
	}
	os.Exit(code)
}

// server is a real nodd.
type server struct {
	t      *testing.T
	nodd   string
	dir    string
	listen string
	cmd    *exec.Cmd
	*application.Client
}

func newServer(t *testing.T) *server {
	t.Helper()
	_, nodd := need(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, nodd: nodd, dir: t.TempDir(), listen: l.Addr().String()}
	_ = l.Close()
	found := s.start()
	t.Cleanup(s.kill)
	s.Client, err = application.New(application.Params{
		URL: "http://" + s.listen, Key: found["api_key"], Tenant: protocol.TenantID(found["tenant"]), Application: protocol.ApplicationID(found["application"]),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// start runs the server and returns what its first start printed.
func (s *server) start() map[string]string {
	s.t.Helper()
	s.cmd = exec.Command(s.nodd, "serve", "--listen", s.listen, "--data", filepath.Join(s.dir, "nod.db"))
	own := func(kv string) bool { return strings.HasPrefix(kv, "NOD_") } // the test's own; the server knows every NOD_ variable or refuses
	s.cmd.Env = append(slices.DeleteFunc(os.Environ(), own), "NOD_LOG_LEVEL=warn")
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	found := make(chan map[string]string, 1)
	go func() {
		have := map[string]string{}
		for scan := bufio.NewScanner(out); scan.Scan(); {
			if f := strings.Fields(scan.Text()); len(f) >= 2 {
				have[f[0]] = f[1]
			}
			if have["api_key"] != "" && have["tenant"] != "" && have["application"] != "" {
				break
			}
		}
		found <- have
		_, _ = io.Copy(io.Discard, out)
	}()
	s.until("the server is ready", func() bool {
		r, err := http.Get("http://" + s.listen + "/readyz")
		if err != nil {
			return false
		}
		_ = r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	if s.Client != nil { // not the first start: nothing is printed
		return nil
	}
	return <-found
}

// kill is a power cut.
func (s *server) kill() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *server) until(what string, ok func() bool) { s.t.Helper(); until(s.t, what, ok) }

// until polls a condition of another process.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if ok() {
			return
		}
		pause(25 * time.Millisecond)
	}
	t.Fatal("never: " + what)
}

// pause lets other processes go on; there is nothing in them to wait for.
func pause(d time.Duration) { <-time.After(d) }

// person is somebody in front of the app.
type person struct {
	t       *testing.T
	name    string
	app     string
	profile string
	env     []string
	cmd     *exec.Cmd
	log     *pages
	shots   int
}

// newPerson has a profile of its own and no app open.
func newPerson(t *testing.T, name string) *person {
	t.Helper()
	app, _ := need(t)
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, ".cache"), 0o700); err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, name: name, app: app, profile: filepath.Join(home, "nod")}
	for _, kv := range os.Environ() { // not this machine's bus, key ring or home
		key, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(key, "DBUS_") && !strings.HasPrefix(key, "XDG_") && key != "HOME" && key != "LANG" && key != "LC_ALL" && key != "WAYLAND_DISPLAY" {
			p.env = append(p.env, kv)
		}
	}
	p.env = append(p.env, "HOME="+home, "LANG=C.UTF-8", "TZ=UTC")
	t.Cleanup(p.close)
	return p
}

// open starts the app and waits for its first page.
func (p *person) open(args ...string) {
	p.t.Helper()
	p.cmd = exec.Command(p.app, append([]string{"--profile", p.profile, "--verbose", "--theme", "light"}, args...)...)
	p.cmd.Env = p.env
	errs, err := p.cmd.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.log = &pages{}
	go p.log.read(errs)
	p.until("the app shows a page", func() bool { return p.log.now() != "" })
	pause(300 * time.Millisecond) // the window's first frame
}

// close ends the app as the system does at sign-out.
func (p *person) close() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			p.t.Errorf("the app ended badly: %v\n%s", err, p.log.all())
		}
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		p.t.Error("the app did not end")
	}
	p.cmd = nil
	if p.t.Failed() {
		p.t.Logf("the app of %s said:\n%s", p.name, p.log.all())
	}
}

func (p *person) until(what string, ok func() bool) {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if ok() {
			return
		}
		pause(25 * time.Millisecond)
	}
	p.see("failed")
	p.t.Fatalf("never: %s; the page is %q\n%s", what, p.log.now(), p.log.all())
}

// sees waits for a page.
func (p *person) sees(page string) {
	p.t.Helper()
	p.until("the page "+page, func() bool { return p.log.now() == page })
	pause(250 * time.Millisecond) // its fade
}

func (p *person) window() string {
	out, _ := exec.Command("xdotool", "search", "--onlyvisible", "--pid", fmt.Sprint(p.cmd.Process.Pid)).Output()
	id, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return id
}

// keys presses keys by name, one after the other.
func (p *person) keys(names ...string) {
	p.t.Helper()
	for _, n := range names {
		p.run("xdotool", "key", n)
		pause(60 * time.Millisecond)
	}
}

// types types text.
func (p *person) types(s string) {
	p.t.Helper()
	p.run("xdotool", "type", "--delay", "40", s)
	pause(100 * time.Millisecond)
}

func (p *person) run(name string, args ...string) {
	p.t.Helper()
	cmd := exec.Command(name, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// see takes a picture of the window.
func (p *person) see(what string) {
	p.t.Helper()
	dir := filepath.Join("..", "..", "build", "shots", "e2e")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	id := p.window()
	if id == "" {
		id = "root"
	}
	p.shots++
	file := filepath.Join(dir, fmt.Sprintf("%s-%02d-%s.png", p.name, p.shots, what))
	if out, err := exec.Command("import", "-window", id, file).CombinedOutput(); err != nil {
		p.t.Logf("no picture: %v %s", err, out)
	}
}

// account reads the app's own list of accounts: what the code page shows is there.
func (p *person) accounts() []account {
	data, err := os.ReadFile(filepath.Join(p.profile, "device.json"))
	if err != nil {
		return nil
	}
	var file struct {
		State struct {
			Accounts []account `json:"accounts"`
		} `json:"state"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		p.t.Fatal(err)
	}
	return file.State.Accounts
}

type account struct {
	Status      string `json:"status"`
	ConfirmCode string `json:"confirm_code"`
	DeviceName  string `json:"device_name"`
	User        struct {
		Ref string `json:"ref"`
	} `json:"user"`
	ApprovalKey struct {
		Level string `json:"level"`
	} `json:"approval_key"`
}

// pages reads the app's log.
type pages struct {
	mu    sync.Mutex
	lines []string
	page  string
}

var pageLine = regexp.MustCompile(`msg=page name=(\S+)`)

func (l *pages) read(r io.Reader) {
	for scan := bufio.NewScanner(r); scan.Scan(); {
		l.mu.Lock()
		l.lines = append(l.lines, scan.Text())
		if m := pageLine.FindStringSubmatch(scan.Text()); m != nil {
			l.page = m[1]
		}
		l.mu.Unlock()
	}
}

func (l *pages) now() string { l.mu.Lock(); defer l.mu.Unlock(); return l.page }
func (l *pages) all() string { l.mu.Lock(); defer l.mu.Unlock(); return strings.Join(l.lines, "\n") }

// invite makes an invitation, as a signed-in page does.
func (s *server) invite(user string) application.Enrollment {
	s.t.Helper()
	e, err := s.CreateEnrollment(s.t.Context(), application.EnrollmentRequest{UserRef: user, UserLabel: user + "@example.com"})
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

// confirm types the code that the app shows into the page.
func (s *server) confirm(p *person, e application.Enrollment) {
	s.t.Helper()
	for _, a := range p.accounts() {
		if a.User.Ref == e.UserRef && a.ConfirmCode != "" {
			if _, err := s.Confirm(s.t.Context(), e.ID, a.ConfirmCode); err != nil {
				s.t.Fatal(err)
			}
			return
		}
	}
	s.t.Fatalf("the app has no code for %s: %+v", e.UserRef, p.accounts())
}

// ask posts a challenge for a sign-in.
func (s *server) ask(user string, change func(*application.ChallengeRequest)) application.CreatedChallenge {
	s.t.Helper()
	r := application.ChallengeRequest{
		UserRef: user, Transaction: protocol.RandomText(12), Action: protocol.Action{Kind: "sign_in"},
		Context: application.Context{IP: "203.0.113.7", Location: "Porto, Portugal", UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"},
		Match:   application.MatchRequest{Mode: protocol.MatchEnter, Digits: 2},
	}
	if change != nil {
		change(&r)
	}
	c, err := s.CreateChallenge(s.t.Context(), r)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// ends waits for a challenge's end.
func (s *server) ends(c application.CreatedChallenge, want protocol.Status) application.Challenge {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	have, err := s.Wait(ctx, c.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	if have.Status != want {
		s.t.Fatalf("the challenge is %s, want %s", have.Status, want)
	}
	return have
}

// approved waits for the approval and verifies its result as an application does.
func (s *server) approved(c application.CreatedChallenge) {
	s.t.Helper()
	have := s.ends(c, protocol.StatusApproved)
	if _, err := s.Verify(s.t.Context(), have.Result, application.Expect{Subject: c.UserRef, Transaction: c.Transaction}); err != nil {
		s.t.Fatalf("the result does not verify: %v", err)
	}
}

// runWith runs a command with input; it may stay behind in the background.
func (p *person) runWith(input, name string, args ...string) {
	p.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(input)
	if err := cmd.Run(); err != nil {
		p.t.Fatalf("%s: %v", name, err)
	}
}
