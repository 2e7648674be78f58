package flow_test

import (
	"bytes"
	"context"
	"image/png"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"github.com/nod-auth/nod/app/internal/flow"
	"github.com/nod-auth/nod/app/internal/guard"
	"github.com/nod-auth/nod/app/internal/inbox"
	"github.com/nod-auth/nod/app/internal/platform"
	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/ui/gallery"
	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/device/devicetest"
	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/software"
	"github.com/nod-auth/nod/mobile/keystore/system"
	"github.com/nod-auth/nod/shared/protocol"
)

const pin = "480913"

// rig is the app on a window without a screen, and a server in memory.
type rig struct {
	t      *testing.T
	mu     sync.Mutex // held by whatever runs "on Fyne's goroutine"
	app    *flow.App
	win    fyne.Window
	core   *device.Core
	inbox  *inbox.Inbox
	prefs  *flow.Prefs
	system *platform.Fake
	server *devicetest.Server
	raised int
	ahead  time.Duration
}

func (r *rig) do(f func()) { r.mu.Lock(); defer r.mu.Unlock(); f() }

// now lets a prompt's first 600 ms pass without waiting.
func (r *rig) now() time.Time { return time.Now().Add(r.ahead) }

func newRig(t *testing.T, picture []byte) *rig {
	t.Helper()
	a := test.NewTempApp(t)
	if err := gallery.Prepare(gallery.Look{Text: 1}); err != nil { // the theme
		t.Fatal(err)
	}
	if err := flow.LoadTexts("en"); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, win: test.NewTempWindow(t, nil), server: devicetest.New(t), prefs: &flow.Prefs{}}
	r.win.Resize(fyne.NewSize(390, 844))
	var err error
	if r.core, err = device.Open(t.Context(), device.Params{Platform: "linux", AppVersion: "1"}); err != nil {
		t.Fatal(err)
	}
	if r.inbox, err = inbox.New(inbox.Params{Core: r.core}); err != nil {
		t.Fatal(err)
	}
	g, err := guard.Open(filepath.Join(t.TempDir(), "pin.json"))
	if err != nil {
		t.Fatal(err)
	}
	store := software.NewSimulation()
	keys := flow.NewKeys(flow.KeysParams{Dir: t.TempDir(), Core: r.core, Best: func(context.Context, system.Params) (keystore.Store, []system.Considered, error) {
		return store, []system.Considered{{Name: "simulation", Level: store.Level(), Taken: true}}, nil
	}})
	b, err := resource.LoadBrand()
	if err != nil {
		t.Fatal(err)
	}
	var fakes *platform.System
	fakes, r.system = platform.NewFake(picture)
	ctx, cancel := context.WithCancel(context.Background())
	r.app, err = flow.New(flow.Params{
		Context: ctx, App: a, Window: r.win, Core: r.core, Inbox: r.inbox, Keys: keys, Guard: g, Prefs: r.prefs, System: fakes,
		Brand: b, Version: "1", Do: r.do, Raise: func() { r.raised++ }, Look: func(*flow.Prefs) error { return nil },
		Log: slog.New(slog.DiscardHandler), Now: r.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() { r.inbox.Run(ctx) })
	work.Go(func() { _ = r.core.Run(ctx) })
	t.Cleanup(func() {
		r.do(func() { r.app.Seen(false) })
		cancel()
		work.Wait()
		_ = r.core.Close()
		_ = keys.Close()
	})
	return r
}

// start shows the first page, as main does.
func (r *rig) start() *rig {
	r.do(func() { r.app.Start(); r.app.Seen(true) })
	return r
}

func (r *rig) shows(part string) (ok bool) {
	r.do(func() { ok = gallery.Shows(r.win.Canvas().Content(), part) })
	return ok
}

// sees waits until a text is shown.
func (r *rig) sees(part string) {
	r.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if r.shows(part) {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	r.do(func() { r.t.Fatalf("never shown: %q; shown is %q", part, gallery.Texts(r.win.Canvas().Content())) })
}

// taps presses what holds exactly this text.
func (r *rig) taps(label string) {
	r.t.Helper()
	r.do(func() {
		p := gallery.FindPress(r.win.Canvas().Content(), label)
		if p == nil {
			r.t.Fatalf("there is no %q to tap; shown is %q", label, gallery.Texts(r.win.Canvas().Content()))
		}
		p.Tapped(&fyne.PointEvent{})
	})
}

// types types on the canvas, where nothing has the focus.
func (r *rig) types(s string) {
	for _, c := range s {
		r.do(func() { r.win.Canvas().OnTypedRune()(c) })
	}
}

// key presses one key.
func (r *rig) key(name fyne.KeyName) {
	r.do(func() { r.win.Canvas().OnTypedKey()(&fyne.KeyEvent{Name: name}) })
}

// later lets time pass for the app's own clock.
func (r *rig) later(d time.Duration) { r.do(func() { r.ahead += d }) }

// enroll goes from the first page to an active account.
func (r *rig) enroll(user string) {
	r.t.Helper()
	r.do(func() { r.app.Link(r.server.Invite(user)) })
	r.sees("Add " + r.server.Company + "?")
	r.taps("Add account")
	r.sees("Choose a PIN")
	r.types(pin)
	r.sees("Once more")
	r.types(pin)
	r.sees("Type this code on the page")
	if !r.server.Confirm(r.core.Accounts()[0].ConfirmCode) {
		r.t.Fatal("not confirmed")
	}
	r.sees("ACCOUNTS")
}

func TestAnAccountIsAddedAndARequestApproved(t *testing.T) {
	r := newRig(t, nil).start()
	r.sees("Sign in with Nod")
	r.enroll("ada")
	id, number := r.server.Ask("ada", func(c *protocol.Challenge) {
		c.RiskReasons = []protocol.RiskReason{{Code: "new_city", About: "location"}, {Code: "strange_thing"}}
		c.Context.Network = "Example Telecom"
	})
	r.sees("Are you signing in?")
	for _, part := range []string{"Porto, Portugal", "new city", "Firefox on Windows", "Unusual: strange thing."} {
		if !r.shows(part) {
			t.Errorf("not shown: %q", part)
		}
	}
	r.later(time.Second)
	r.types(number)
	r.taps("Approve")
	r.sees("Enter your PIN")
	r.types("480914")
	r.sees("Tries left: 9")
	r.types(pin)
	r.sees("You can go on at Example Bank.")
	if d := r.server.Decision(id); d == nil || d.Answer != protocol.Approve || d.Number != number || d.UserVerification != "pin" {
		t.Errorf("the server has %+v", d)
	}
	r.taps("Done")
	r.sees("ACCOUNTS")
	r.taps("Activity")
	r.sees("Approved")
	if r.raised == 0 || len(r.system.Notes()) != 1 {
		t.Errorf("raised %d times, told %q", r.raised, r.system.Notes())
	}
}

func TestTheRedButtonAsksAndReports(t *testing.T) {
	r := newRig(t, nil).start()
	r.enroll("ada")
	for label, want := range map[string]protocol.Answer{"It was not me": protocol.Report, "Wrong request": protocol.Deny} {
		id, _ := r.server.Ask("ada", nil)
		r.sees("Are you signing in?")
		r.later(time.Second)
		r.key(fyne.KeyEscape)
		r.sees("What is wrong?")
		r.taps(label)
		r.sees("Done")
		if d := r.server.Decision(id); d == nil || d.Answer != want {
			t.Errorf("%s: the server has %+v", label, d)
		}
		r.taps("Done")
		r.sees("ACCOUNTS")
	}
}

func TestT16_NothingButThePromptApproves(t *testing.T) {
	r := newRig(t, nil).start()
	r.enroll("ada")
	id, number := r.server.Ask("ada", nil)
	r.sees("Are you signing in?")
	r.later(time.Second)
	r.types(number)
	for range 3 {
		r.key(fyne.KeyReturn)
		r.key(fyne.KeyEnter)
		r.key(fyne.KeySpace)
	}
	r.do(func() { r.app.Link("") }) // a second start, or the click on the notification
	r.do(func() { r.app.Link(r.server.Invite("eve")) })
	if d := r.server.Decision(id); d != nil || !r.shows("Are you signing in?") {
		t.Errorf("answered without a tap: %+v", d)
	}
	for _, n := range r.system.Notes() {
		if strings.ContainsAny(n[0]+n[1], "0123456789") || strings.Contains(n[0]+n[1], "Example Bank") || strings.Contains(n[0]+n[1], "Porto") {
			t.Errorf("the notification tells: %q", n)
		}
	}
}

func TestT37_ALinkFromOutsideContactsNothing(t *testing.T) {
	r := newRig(t, nil).start()
	for _, bad := range []string{"nod://enroll?s=http%3A%2F%2Fevil.example&n=Bank#t=x&k=y", "https://evil.example", "file:///etc/passwd", strings.Repeat("x", 9000)} {
		r.do(func() { r.app.Link(bad) })
		r.sees("Add an account")
	}
	uri := r.server.Invite("ada")
	r.do(func() { r.app.Link(uri) })
	r.sees(strings.TrimPrefix(r.server.URL, "http://")) // the host, before anything else
	if n := r.server.Count(devicetest.Enroll) + r.server.Count(devicetest.Keys); n != 0 || len(r.core.Accounts()) != 0 {
		t.Errorf("%d requests before the person agreed", n)
	}
	r.key(fyne.KeyEscape)
	r.sees("No account yet")
}

func TestALinkWaitsWhileARequestIsAnswered(t *testing.T) {
	r := newRig(t, nil).start()
	r.enroll("ada")
	id, _ := r.server.Ask("ada", nil)
	r.sees("Are you signing in?")
	r.do(func() { r.app.Link(r.server.Invite("eve")) })
	if !r.shows("Are you signing in?") {
		t.Fatal("a link took the place of the request")
	}
	r.server.Close(id, protocol.StatusCanceled)
	r.sees("Already answered")
	r.taps("Done")
	r.sees("Add " + r.server.Company + "?")
}

func TestAPictureWithACodeIsAnInvitation(t *testing.T) {
	server := devicetest.New(t)
	for i := range 60 {
		uri := server.Invite("ada")
		if got, err := flow.DecodeQR(bytes.NewReader(picture(t, uri, 240+7*i))); err != nil || got != uri {
			t.Errorf("at %d pixels read %q: %v", 240+7*i, got, err)
		}
	}
	for _, bad := range []string{"", "no picture", "GIF89a\xff\xff\xff\xff\x00\x00\x00"} {
		if _, err := flow.DecodeQR(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was taken for a picture", bad)
		}
	}
}

func TestAPictureOnTheClipboardIsPasted(t *testing.T) {
	server := devicetest.New(t)
	r := newRig(t, picture(t, server.Invite("ada"), 400)).start()
	r.key(fyne.KeyEscape)
	r.sees("Paste from the clipboard")
	r.taps("Paste from the clipboard")
	r.sees("Add " + server.Company + "?")
}

func picture(t *testing.T, s string, side int) []byte {
	t.Helper()
	matrix, err := qrcode.NewQRCodeWriter().Encode(s, gozxing.BarcodeFormat_QR_CODE, side, side, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, matrix); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestTheLockHidesEverythingUntilThePIN(t *testing.T) {
	r := newRig(t, nil)
	r.start().enroll("ada")
	r.taps("Settings")
	r.sees("Lock the app")
	r.taps("Lock the app")
	r.do(r.app.Lock)
	r.sees("To open the app")
	id, number := r.server.Ask("ada", nil)
	for end := time.Now().Add(10 * time.Second); len(r.inbox.Snapshot().Pending) == 0 && time.Now().Before(end); {
		<-time.After(5 * time.Millisecond)
	}
	if r.shows("Are you signing in?") || r.shows("Porto") || r.shows(r.server.Company) {
		t.Fatal("a locked app shows a request")
	}
	r.types("111111")
	r.sees("Tries left: 9")
	r.types(pin)
	r.sees("Are you signing in?")
	r.later(time.Second)
	r.types(number)
	r.taps("Approve")
	r.sees("Enter your PIN")
	r.types(pin)
	r.sees("Approved")
	if r.server.Decision(id) == nil {
		t.Error("not answered")
	}
}

func TestARequestThatEndedCanStillBeReported(t *testing.T) {
	r := newRig(t, nil).start()
	r.enroll("ada")
	id, _ := r.server.Ask("ada", func(c *protocol.Challenge) { c.ExpiresAt = c.IssuedAt + 2 })
	r.sees("Are you signing in?")
	r.sees("Time ran out")
	r.taps("It was not me")
	r.sees("Blocked and reported")
	if _, reported := r.server.Status(id); !reported {
		t.Error("the server knows of no report")
	}
	r.taps("Done")
	r.sees("ACCOUNTS")
}

func TestAPageMadeAnewKeepsTheFocus(t *testing.T) {
	r := newRig(t, nil).start()
	r.enroll("ada")
	r.do(func() {
		r.win.Canvas().FocusNext()
		r.win.Canvas().FocusNext()
	})
	r.server.Revoke(r.core.Accounts()[0].Device)
	r.server.CutStreams()
	r.sees("this device was removed")
	r.do(func() {
		before := r.win.Canvas().Focused()
		if before == nil {
			t.Fatal("the focus is lost")
		}
		r.win.Canvas().FocusPrevious()
		r.win.Canvas().FocusPrevious()
		r.win.Canvas().FocusNext()
		r.win.Canvas().FocusNext()
		if r.win.Canvas().Focused() != before {
			t.Error("the focus is elsewhere")
		}
	})
}

func TestThePINIsChanged(t *testing.T) {
	r := newRig(t, nil).start()
	r.enroll("ada")
	before := r.core.Accounts()[0]
	_, old := r.server.DeviceKeys(before.Device)
	r.taps("Settings")
	r.taps("Change the PIN")
	r.sees("Enter your present PIN")
	r.types(pin)
	r.sees("Choose a PIN")
	r.types("246801")
	r.sees("Once more")
	r.types("246802")
	r.sees("The two were not the same.")
	r.types("246801")
	r.sees("Once more")
	r.types("246801")
	r.sees("Lock the app")
	if _, now := r.server.DeviceKeys(before.Device); now == old {
		t.Error("the server has the old approval key")
	}
	_, number := r.server.Ask("ada", nil)
	r.sees("Are you signing in?")
	r.later(time.Second)
	r.types(number)
	r.taps("Approve")
	r.sees("Enter your PIN")
	r.types(pin)
	r.sees("Tries left: 9")
	r.types("246801")
	r.sees("You can go on")
}

func TestALinkWaitsBehindTheLock(t *testing.T) {
	r := newRig(t, nil).start()
	r.enroll("ada")
	r.do(r.app.Lock)
	r.do(func() { r.app.Link(r.server.Invite("eve")) })
	r.sees("To open the app")
	r.types(pin)
	r.sees("Add " + r.server.Company + "?")
}

func TestAForgottenPINIsNotTheEnd(t *testing.T) {
	r := newRig(t, nil).start()
	r.enroll("ada")
	r.taps("Settings")
	r.taps("Lock the app")
	r.do(r.app.Lock)
	r.sees("To open the app")
	r.taps("I forgot it")
	r.sees("Start again without the PIN?")
	r.key(fyne.KeyEscape)
	r.sees("To open the app")
	if len(r.core.Accounts()) != 1 {
		t.Fatal("removed without a yes")
	}
	r.taps("I forgot it")
	r.sees("Start again without the PIN?")
	r.taps("Remove all accounts here")
	r.sees("No account yet")
	if n := len(r.core.Accounts()); n != 0 || r.prefs.Lock {
		t.Errorf("%d accounts, lock %t", n, r.prefs.Lock)
	}
}

func TestAnAccountIsRenamedAndRemoved(t *testing.T) {
	r := newRig(t, nil).start()
	r.enroll("ada")
	acc := r.core.Accounts()[0]
	r.taps(r.server.Company)
	r.sees("THIS DEVICE")
	r.taps("Name")
	r.sees("Name of this device")
	r.do(func() {
		field := r.win.Canvas().Focused()
		for range acc.DeviceName {
			field.TypedKey(&fyne.KeyEvent{Name: fyne.KeyDelete})
		}
		for _, c := range "Ada's desk" {
			field.TypedRune(c)
		}
	})
	r.taps("Save")
	r.sees("THIS DEVICE")
	if have := r.server.DeviceName(acc.Device); !strings.Contains(have, "Ada's desk") {
		t.Errorf("the server calls it %q", have)
	}
	r.taps("Remove this account")
	r.sees("Remove " + r.server.Company + "?")
	r.taps("Remove")
	r.sees("No account yet")
	if s := r.server.DeviceStatus(acc.Device); s == "active" {
		t.Error("the server still lists the device")
	}
}

func TestAServerThatIsGoneLetsAnAccountGo(t *testing.T) {
	r := newRig(t, nil).start()
	r.enroll("ada")
	r.server.Fail(devicetest.Update, 99, 503)
	r.taps(r.server.Company)
	r.sees("THIS DEVICE")
	r.taps("Remove this account")
	r.sees("Remove " + r.server.Company + "?")
	r.taps("Remove")
	r.sees("The server cannot be reached.")
	r.taps("Remove it here only")
	r.sees("No account yet")
}

func TestPracticeSendsNothing(t *testing.T) {
	r := newRig(t, nil).start()
	r.key(fyne.KeyRight)
	r.key(fyne.KeyRight)
	r.sees("Practice first")
	r.taps("Practice first")
	r.sees("This is practice. Nothing is sent.")
	r.later(time.Second)
	r.types("27")
	r.taps("Approve")
	r.sees("That is all there is to it.")
	r.taps("Done")
	r.sees("Add an account")
	if !r.prefs.Taught {
		t.Error("the first run comes again")
	}
}

func TestDiagnosticsCopyHoldsNoName(t *testing.T) {
	r := newRig(t, nil).start()
	r.enroll("ada")
	r.taps("Settings")
	r.taps("Diagnostics")
	r.sees("Reachable")
	r.taps("Copy for support")
	var text string
	r.do(func() { text = fyne.CurrentApp().Clipboard().Content() })
	if !strings.Contains(text, "status active") || !strings.Contains(text, "simulation") || strings.Contains(text, "ada") || strings.Contains(text, r.server.Company) {
		t.Errorf("copied:\n%s", text)
	}
}
