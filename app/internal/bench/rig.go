package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/software"
	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/protocol"
)

const (
	pin    = "480913"
	phrase = "correct horse battery"
	// patience is how long one step may take.
	patience = 30 * time.Second
)

// server is a running nodd.
type server struct {
	cmd    *exec.Cmd
	client *application.Client
}

func startServer(ctx context.Context, nodd, dir string) (*server, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	_ = l.Close()
	cmd := exec.CommandContext(ctx, nodd, "serve", "--listen", address, "--data", filepath.Join(dir, "nod.db")) // #nosec G204 -- ours
	cmd.Env = append(os.Environ(), "NOD_LOG_LEVEL=warn")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	found := map[string]string{}
	for scan := bufio.NewScanner(out); found["api_key"] == "" && scan.Scan(); {
		if f := strings.Fields(scan.Text()); len(f) >= 2 {
			found[f[0]] = f[1]
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	s := &server{cmd: cmd}
	s.client, err = application.New(application.Params{
		URL: "http://" + address, Key: found["api_key"], Tenant: protocol.TenantID(found["tenant"]), Application: protocol.ApplicationID(found["application"]),
	})
	if err == nil {
		err = s.ready(ctx, "http://"+address+"/readyz")
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// ready waits until the server answers.
func (s *server) ready(ctx context.Context, url string) error {
	probe := &http.Client{Timeout: time.Second}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if r, err := probe.Do(request); err == nil {
			_ = r.Body.Close()
			return nil
		}
	}
	return errors.New("the server does not answer")
}

func (s *server) stop() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() }

// profile is an enrolled device on disk, and how the app opens it.
type profile struct{ dir, home, app, bus string }

// enroll adds one account, as the app would.
func (p *profile) enroll(ctx context.Context, s *server) error {
	keys := filepath.Join(p.dir, "keys")
	if err := os.MkdirAll(keys, 0o700); err != nil {
		return err
	}
	source, wipe := software.Passphrase([]byte(phrase))
	defer wipe()
	store, err := software.Open(ctx, software.Params{Dir: keys, Source: source})
	if err != nil {
		return err
	}
	defer store.Close()
	core, err := device.Open(ctx, device.Params{Dir: p.dir, Stores: []keystore.Store{store}, Platform: "linux"})
	if err != nil {
		return err
	}
	defer core.Close()
	e, err := s.client.CreateEnrollment(ctx, application.EnrollmentRequest{UserRef: "bench"})
	if err != nil {
		return err
	}
	in, err := core.Inspect(e.InvitationURI)
	if err != nil {
		return err
	}
	acc, err := core.Enroll(ctx, device.EnrollParams{Invitation: in, DeviceName: "bench", Verification: keystore.Verification{PIN: []byte(pin)}})
	if err != nil {
		return err
	}
	_, err = s.client.Confirm(ctx, e.ID, acc.ConfirmCode)
	return err
}

// open starts the app.
func (p *profile) open(ctx context.Context) (*running, error) {
	cmd := exec.CommandContext(ctx, p.app, "--profile", p.dir, "--size", "390x844", "--verbose") // #nosec G204 -- ours
	cmd.Env = append(os.Environ(), "HOME="+p.home, "DBUS_SESSION_BUS_ADDRESS="+p.bus, "LANG=C.UTF-8")
	errs, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	a := &running{cmd: cmd, marks: make(chan mark, 256)}
	go a.read(errs)
	return a, nil
}

// running is an app that runs.
type running struct {
	cmd   *exec.Cmd
	marks chan mark
}

// mark is a page that was painted.
type mark struct {
	page string
	at   time.Time
}

var paintedLine = regexp.MustCompile(`msg=painted name=(\S+)`)

func (a *running) read(r io.Reader) {
	defer close(a.marks)
	for scan := bufio.NewScanner(r); scan.Scan(); {
		if m := paintedLine.FindStringSubmatch(scan.Text()); m != nil {
			a.marks <- mark{m[1], time.Now()}
		}
	}
}

// painted waits for a page ("" for any) and returns when it was painted.
func (a *running) painted(ctx context.Context, page string) (time.Time, error) {
	late := time.After(patience)
	for {
		select {
		case m, ok := <-a.marks:
			if !ok {
				return time.Time{}, errors.New("the app has ended")
			}
			if page == "" || m.page == page {
				return m.at, nil
			}
		case <-late:
			return time.Time{}, fmt.Errorf("the page %q was not painted", page)
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}

// unlock gives the key file's passphrase.
func (a *running) unlock(ctx context.Context) error {
	if _, err := a.painted(ctx, "pin-unlock"); err != nil {
		return err
	}
	if err := a.settle(ctx, 500*time.Millisecond); err != nil {
		return err
	}
	if err := exec.CommandContext(ctx, "xdotool", "type", "--delay", "30", phrase).Run(); err != nil {
		return fmt.Errorf("xdotool: %w", err)
	}
	if err := a.keys("Return"); err != nil {
		return err
	}
	_, err := a.painted(ctx, "home")
	return err
}

func (a *running) keys(name string) error {
	if err := exec.Command("xdotool", "key", name).Run(); err != nil { //nolint:noctx,gosec // one key
		return fmt.Errorf("xdotool: %w", err)
	}
	return nil
}

// settle lets the app come to rest.
func (a *running) settle(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ticksPerSecond is USER_HZ, in which Linux counts CPU time for programs.
const ticksPerSecond = 100

// cpu is the app's share of one core over d, in percent.
func (a *running) cpu(ctx context.Context, d time.Duration) (float64, error) {
	before, err := a.ticks()
	if err != nil {
		return 0, err
	}
	if err := a.settle(ctx, d); err != nil {
		return 0, err
	}
	after, err := a.ticks()
	return float64(after-before) / ticksPerSecond / d.Seconds() * 100, err
}

// ticks is the CPU time used so far (proc(5): fields 14 and 15 of stat).
func (a *running) ticks() (int, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", a.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0, errors.New("unreadable stat")
	}
	user, err1 := strconv.Atoi(f[11])
	system, err2 := strconv.Atoi(f[12])
	return user + system, errors.Join(err1, err2)
}

// resident is the app's memory in bytes.
func (a *running) resident() (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", a.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseInt(strings.Fields(string(data))[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

func (a *running) stop() error {
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	for range a.marks { // until its output ends
	}
	return a.cmd.Wait()
}

// bus is a message bus with a tray, so that the app can hide.
type bus struct {
	cmd     *exec.Cmd
	conn    *dbus.Conn
	address string
}

func startBus(ctx context.Context) (*bus, error) {
	cmd := exec.CommandContext(ctx, "dbus-daemon", "--session", "--nofork", "--print-address")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a message bus: %w", err)
	}
	b := &bus{cmd: cmd}
	text, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		b.address = strings.TrimSpace(text)
		b.conn, err = dbus.Connect(b.address)
	}
	const tray = "org.kde.StatusNotifierWatcher"
	if err == nil {
		err = b.conn.Export(b, "/StatusNotifierWatcher", tray)
	}
	if err == nil {
		_, err = b.conn.RequestName(tray, dbus.NameFlagDoNotQueue)
	}
	if err != nil {
		b.stop()
		return nil, err
	}
	return b, nil
}

// RegisterStatusNotifierItem is the tray's method.
func (b *bus) RegisterStatusNotifierItem(string) *dbus.Error { return nil }

func (b *bus) stop() {
	if b.conn != nil {
		_ = b.conn.Close()
	}
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
}
