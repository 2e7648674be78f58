package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/nod-auth/nod/backend/internal/config"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/protocol"
)

// demoCmd runs the server, a sample site and an authenticator together, on a directory that is gone at the end.
type demoCmd struct {
	Once   bool   `help:"Unattended: one approve, one wrong number, one deny, one that expires, one replay. The last line is the verdict in JSON."`
	Nodsim string `help:"The terminal authenticator." default:"build/bin/nodsim" placeholder:"FILE"`
	Bank   string `help:"The sample site." default:"build/bin/bank" placeholder:"FILE"`
	App    string `help:"The authenticator with a window; used when given." placeholder:"FILE"`
}

// demo is what a run of the demo holds.
type demo struct {
	*demoCmd
	p      *program
	dir    string
	srv    *server
	tenant tenant.Tenant
	app    tenant.Application
	secret tenant.Secret
	nod    *application.Client
}

// Run starts everything, and stops everything when the person or the script is done.
func (c *demoCmd) Run(ctx context.Context, p *program) error {
	dir, err := os.MkdirTemp("", "nod-demo-")
	if err != nil {
		return fmt.Errorf("make a directory for the demo: %w", err)
	}
	d := &demo{demoCmd: c, p: p, dir: dir}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := d.start(ctx); err != nil {
		return err
	}
	if c.Once {
		err = d.once(ctx)
	} else {
		err = d.attended(ctx)
	}
	return errors.Join(err, d.srv.stop())
}

// start runs the very server of `nodd serve` with a company, an application and a key of its own.
func (d *demo) start(ctx context.Context) error {
	log, err := os.Create(filepath.Join(d.dir, "server.log"))
	if err != nil {
		return fmt.Errorf("make the log: %w", err)
	}
	quiet := *d.p
	quiet.Err, quiet.Out = log, io.Discard
	conf, err := config.Load(config.Sources{Environ: nil, Flags: map[string]string{
		"listen": freeAddress(ctx, "127.0.0.1:8080"), "data": filepath.Join(d.dir, "nod.db")}})
	if err != nil {
		return err
	}
	if d.srv, err = quiet.start(ctx, conf); err != nil {
		return err
	}
	if d.tenant, err = d.srv.tenants.Create(ctx, "Example Bank"); err != nil {
		return err
	}
	if d.app, err = d.srv.tenants.CreateApplication(ctx, d.tenant.ID, "Online banking", nil); err != nil {
		return err
	}
	if _, d.secret, err = d.srv.tenants.CreateAPIKey(ctx, d.app, "demo", tenant.Scopes()); err != nil {
		return err
	}
	d.nod, err = application.New(application.Params{URL: d.url(), Key: string(d.secret), Tenant: d.tenant.ID, Application: d.app.ID})
	return err
}

func (d *demo) url() string { return issuer(d.srv.config) }

// freeAddress returns the wished address, or port 0 on its host when it is taken.
func freeAddress(ctx context.Context, wish string) string {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", wish)
	if err != nil {
		host, _, _ := net.SplitHostPort(wish)
		return net.JoinHostPort(host, "0")
	}
	_ = l.Close()
	return wish
}

// child starts one of the demo's programs; it is asked to end with ctx.
func (d *demo) child(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...) // #nosec G204 -- the demo's own programs, named on its command line
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append(os.Environ(), "NOD_URL="+d.url(), "NOD_API_KEY="+string(d.secret), "NOD_TENANT="+string(d.tenant.ID), "NOD_APPLICATION="+string(d.app.ID))
	return cmd
}

// enrolled is what nodsim says of a device that it registered.
type enrolled struct {
	Event string `json:"event"`
	Code  string `json:"confirm_code"`
	Error string `json:"error"`
}

// enroll invites a user, lets nodsim register a device in a directory of its own, and types the device's code, as the
// person would in the browser that invited.
func (d *demo) enroll(ctx context.Context, user, device string) (protocol.Invitation, error) {
	e, err := d.nod.CreateEnrollment(ctx, application.EnrollmentRequest{UserRef: user, UserLabel: user + "@example.com"})
	if err != nil {
		return protocol.Invitation{}, fmt.Errorf("invite %s: %w", user, err)
	}
	inv, err := protocol.ParseInvitation(e.InvitationURI, protocol.Scheme)
	if err != nil {
		return inv, fmt.Errorf("invite %s: %w", user, err)
	}
	cmd := d.child(ctx, d.Nodsim, "enroll", "--json", "--yes", "--state", d.state(user), "--name", device, e.InvitationURI)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return inv, fmt.Errorf("start nodsim: %w", err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return inv, failure("build it first: make build", "start nodsim: %w", err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var r enrolled
		if json.Unmarshal(lines.Bytes(), &r) == nil && r.Event == "enrolled" {
			if _, err = d.nod.Confirm(ctx, e.ID, r.Code); err != nil {
				err = fmt.Errorf("confirm the device of %s: %w", user, err)
			}
		}
	}
	return inv, errors.Join(err, cmd.Wait())
}

func (d *demo) state(user string) string { return filepath.Join(d.dir, "device-"+user) }

// site starts the sample site and returns its address.
func (d *demo) site(ctx context.Context) (string, *exec.Cmd, error) {
	address := freeAddress(ctx, "127.0.0.1:8090")
	if strings.HasSuffix(address, ":0") {
		address = "127.0.0.1:8091"
	}
	cmd := d.child(ctx, d.Bank, "-listen", address)
	log, err := os.Create(filepath.Join(d.dir, "bank.log"))
	if err != nil {
		return "", nil, fmt.Errorf("make the log: %w", err)
	}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		return "", nil, failure("build it first: make build", "start the sample site: %w", err)
	}
	url := "http://" + address
	for range 100 {
		if answers(ctx, url) {
			return url, cmd, nil
		}
		select {
		case <-ctx.Done():
			return "", cmd, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return "", cmd, failure("see whether port 8090 or 8091 is taken", "the sample site does not answer at %s", url)
}

// local calls the demo's own programs on loopback.
var local = &http.Client{Timeout: 10 * time.Second}

func answers(ctx context.Context, url string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := local.Do(r)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// attended lets a person try it.
func (d *demo) attended(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	url, site, err := d.site(ctx)
	if site != nil {
		defer func() { cancel(); _ = site.Wait() }()
	}
	if err != nil {
		return err
	}
	if d.App != "" {
		return d.withWindow(ctx, url)
	}
	if _, err := d.enroll(ctx, "ada", "Terminal authenticator"); err != nil {
		return err
	}
	d.p.printf(demoText, url, d.url())
	openBrowser(ctx, url)
	cmd := d.child(ctx, d.Nodsim, "run", "--state", d.state("ada"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	d.p.printf("%s", nextText)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// withWindow opens the app with an invitation; the terminal stands for the browser that invited and asks for the code.
func (d *demo) withWindow(ctx context.Context, url string) error {
	e, err := d.nod.CreateEnrollment(ctx, application.EnrollmentRequest{UserRef: "ada", UserLabel: "ada@example.com"})
	if err != nil {
		return err
	}
	cmd := d.child(ctx, d.App, "--profile", filepath.Join(d.dir, "app"), "--invite", e.InvitationURI)
	log, err := os.Create(filepath.Join(d.dir, "app.log"))
	if err != nil {
		return fmt.Errorf("make the log: %w", err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("open the app: %w", err)
	}
	d.p.printf("%s", windowText)
	go d.confirmByTyping(ctx, e.ID, url)
	err = cmd.Wait()
	d.p.printf("%s", nextText)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// confirmByTyping reads the code from the terminal until it was right or the enrollment is over.
func (d *demo) confirmByTyping(ctx context.Context, id protocol.EnrollmentID, url string) {
	lines := bufio.NewScanner(d.p.In)
	for lines.Scan() && ctx.Err() == nil {
		code := strings.ReplaceAll(strings.TrimSpace(lines.Text()), " ", "")
		if len(code) != protocol.ConfirmDigits {
			d.p.printf("  The code has six digits: ")
			continue
		}
		if _, err := d.nod.Confirm(ctx, id, code); err != nil {
			d.p.printf("  %v\n  Sign in at %s as another user to add a device there.\n", err, url)
			return
		}
		d.p.printf(demoText, url, d.url())
		openBrowser(ctx, url)
		return
	}
}

// openBrowser opens the page where there is a display; the address is printed anyway.
func openBrowser(ctx context.Context, url string) {
	if os.Getenv("DISPLAY")+os.Getenv("WAYLAND_DISPLAY") == "" {
		return
	}
	if opener, err := exec.LookPath("xdg-open"); err == nil {
		_ = exec.CommandContext(ctx, opener, url).Start() // #nosec G204 -- a convenience; the address is on the screen
	}
}

const windowText = `
  Nod is open. Press "Add account" in its window; it then shows six digits.
  Type them here, as you would in the browser that invited the device: `

const demoText = `
  Example Bank   %s
  Nod server     %s

  1. Open the bank in a browser. The user is "ada", the password is "demo".
  2. The bank shows a number. Type it into the authenticator to approve.
  3. Try the others too: deny, report, a wrong number, no answer.

  Ctrl-C ends the demo and removes everything it made.

`

const nextText = `
  What to try next
    make demo-once      the same unattended, with the verdict in JSON
    make test           every test
    docs/protocol.md    what was signed, and by which key
    backend/examples/bank, shared/client/application   a login in fifteen lines
`
