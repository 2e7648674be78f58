package e2e_test

import (
	"bufio"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/nod-auth/nod/mobile/keystore/keystoretest"
	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/protocol"
)

// enrollMore adds a further account to an app that has one, by a link from a browser.
func (p *person) enrollMore(s *server, user string, tabs int) {
	p.t.Helper()
	e := s.invite(user)
	second := exec.Command(p.app, "--profile", p.profile, e.InvitationURI) // what the desktop does with a nod:// link
	second.Env = p.env
	if out, err := second.CombinedOutput(); err != nil {
		p.t.Fatalf("the second start: %v %s", err, out)
	}
	p.sees("confirm")
	for range tabs {
		p.keys("Tab")
	}
	p.keys("Return")
	p.sees("pin-add")
	p.types(pin)
	p.sees("code")
	p.see("code")
	s.confirm(p, e)
	p.sees("home")
}

func TestTwoAccountsOnTwoServersInAWideWindow(t *testing.T) {
	one, two, p := newServer(t), newServer(t), newPerson(t, "wide")
	p.open("--size", "1060x640")
	p.enrollWide(one, "ada")
	p.enrollMore(two, "eve", 6) // the account, three places, Cancel, Add
	first := one.ask("ada", nil)
	p.sees("prompt")
	second := two.ask("eve", func(r *application.ChallengeRequest) {
		r.Action, r.Match = protocol.Action{Kind: "payment"}, application.MatchRequest{Mode: protocol.MatchEnter, Digits: 2}
		r.Details = []protocol.Detail{{Label: "Amount", Value: "€ 1 250.00", Kind: "amount"}, {Label: "Payee", Value: "Harbour Boatworks Lda", Kind: "payee"}, {Label: "Reference", Value: "Invoice 2026-114"}}
	})
	pause(settle)
	p.approveBy(first.Match.Number, 6) // the two accounts, three places, Approve
	one.approved(first)
	p.sees("outcome-approved")
	p.sees("prompt") // the second follows by itself
	p.see("second")
	p.approveBy(second.Match.Number, 6)
	two.approved(second)
	p.sees("outcome-approved")
	p.keys("Return")
	p.sees("home")

	t.Run("a wrong request is denied", func(t *testing.T) {
		c := one.ask("ada", func(r *application.ChallengeRequest) { r.Match.Digits = 6 })
		p.sees("prompt")
		p.see("six-digits")
		pause(settle)
		p.keys("Escape")
		p.see("question")
		p.keys("Tab", "Tab", "Tab", "Tab", "Tab", "Tab", "Tab", "Return") // two accounts, three places, "It was not me", "Wrong request"
		one.ends(c, protocol.StatusDenied)
		p.sees("outcome-denied")
		p.keys("Return")
		p.sees("home")
	})
	t.Run("a server that is killed and comes back", func(t *testing.T) {
		one.kill()
		pause(settle)
		c := two.ask("eve", nil) // the other server is not concerned
		p.approveBy(c.Match.Number, 6)
		two.approved(c)
		p.sees("outcome-approved")
		p.keys("Return")
		p.sees("home")
		pause(4 * settle)
		p.see("one-gone")
		one.start()
		c = one.ask("ada", nil)
		p.approveBy(c.Match.Number, 6)
		one.approved(c)
		p.sees("outcome-approved")
		p.keys("Return")
	})
	t.Run("the app is closed and opened again", func(t *testing.T) {
		p.close()
		c := one.ask("ada", nil) // nobody hears it
		p.open("--size", "1060x640", "--theme", "dark")
		p.sees("pin-unlock") // the key file's passphrase
		p.types(phrase)
		p.keys("Return")
		p.approveBy(c.Match.Number, 6)
		one.approved(c)
		p.sees("outcome-approved")
		p.see("dark")
		p.keys("Return")
		p.sees("home")
	})
}

// enrollWide is enrollFirst with the ways of a wide window.
func (p *person) enrollWide(s *server, user string) {
	p.t.Helper()
	e := s.invite(user)
	p.sees("first-run")
	p.keys("Escape")
	p.sees("add")
	p.see("add")
	clip(p, e.InvitationURI)
	p.keys("ctrl+v", "Return")
	p.sees("confirm")
	p.keys("Tab", "Tab", "Tab", "Tab", "Tab", "Return") // three places, Cancel, Add
	p.newSecrets()
	p.sees("code")
	s.confirm(p, e)
	p.sees("home")
	p.see("home")
}

// session is a message bus with a tray and a notification service, both of this test.
type session struct {
	address string
	mu      sync.Mutex
	notes   [][]string
}

func newSession(t *testing.T) *session {
	t.Helper()
	need(t)
	bus := exec.Command("dbus-daemon", "--session", "--nofork", "--print-address")
	out, err := bus.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Process.Kill(); _ = bus.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	s := &session{address: strings.TrimSpace(line)}
	conn, err := dbus.Connect(s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	for name, path := range map[string]dbus.ObjectPath{"org.kde.StatusNotifierWatcher": "/StatusNotifierWatcher", "org.freedesktop.Notifications": "/org/freedesktop/Notifications"} {
		if err := conn.Export(s, path, name); err != nil {
			t.Fatal(err)
		}
		if r, err := conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || r != dbus.RequestNameReplyPrimaryOwner {
			t.Fatal(r, err)
		}
	}
	return s
}

// RegisterStatusNotifierItem is the tray's method.
func (s *session) RegisterStatusNotifierItem(string) *dbus.Error { return nil }

// Notify is the notification service's method.
func (s *session) Notify(app string, _ uint32, icon, title, body string, actions []string, _ map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, append([]string{app, icon, title, body}, actions...))
	return 7, nil
}

func (s *session) seen() [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notes)
}

func TestT16_AHiddenAppIsRaisedAndItsNotificationSaysAndDoesNothing(t *testing.T) {
	s, p, bus := newServer(t), newPerson(t, "tray"), newSession(t)
	p.env = append(p.env, "DBUS_SESSION_BUS_ADDRESS="+bus.address, "NOD_TPM_DEVICE="+keystoretest.StartTPM(t).Socket)
	p.open("--size", "390x844")
	p.enrollFirst(s, "ada")
	if have := p.accounts()[0].ApprovalKey.Level; have != "tpm" {
		t.Fatalf("the key is in %q", have)
	}
	p.close()
	p.open("--hidden", "--size", "390x844")
	p.sees("home")
	if id := p.window(); id != "" {
		t.Fatalf("hidden, and yet there is the window %s", id)
	}
	second := exec.Command(p.app, "--profile", p.profile) // the person starts it from the menu
	second.Env = p.env
	if out, err := second.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	p.until("the window is raised", func() bool { return p.window() != "" })
	pause(settle)
	p.keys("ctrl+w")
	p.until("the window is hidden", func() bool { return p.window() == "" })

	c := s.ask("ada", nil)
	p.until("the request raises the window", func() bool { return p.window() != "" })
	p.sees("prompt")
	p.see("raised")
	p.until("the notification", func() bool { return len(bus.seen()) > 0 })
	for _, n := range bus.seen() {
		all := strings.Join(n, "|")
		for _, secret := range []string{"ada", "Porto", "203.0.113.7", "First application", "default company", c.Match.Number + " ", string(c.ID)} {
			if strings.Contains(all, secret) {
				t.Errorf("the notification tells %q: %q", secret, n)
			}
		}
		if !slices.Equal(n[4:], []string{"default", ""}) {
			t.Errorf("the notification has actions: %q", n[4:])
		}
	}
	p.approveBy(c.Match.Number, tabsNarrow)
	s.approved(c)
	p.sees("outcome-approved")
	p.keys("Return", "ctrl+w")
	p.until("the window is hidden", func() bool { return p.window() == "" })
	p.close() // it ends from its sleep, too
}
