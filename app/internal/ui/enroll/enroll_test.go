package enroll_test

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/nod-auth/nod/app/internal/ui/enroll"
	"github.com/nod-auth/nod/app/internal/ui/gallery"
	"github.com/nod-auth/nod/app/internal/widgets"
)

func prepare(t *testing.T) {
	t.Helper()
	test.NewTempApp(t)
	if err := gallery.Prepare(gallery.Look{}); err != nil {
		t.Fatal(err)
	}
}

func TestAnInvitationIsTypedOrPasted(t *testing.T) {
	prepare(t)
	var told []string
	a := enroll.NewAdd(enroll.AddParams{
		OnPaste: func() { told = append(told, "paste") }, OnText: func(s string) { told = append(told, s) }, OnCancel: func() { told = append(told, "cancel") },
	})
	w := test.NewTempWindow(t, a)
	w.Resize(gallery.NarrowSize)
	if gallery.Shows(a, "Scan") || gallery.Shows(a, "Open a picture") {
		t.Error("a way without a function is offered")
	}
	next := gallery.FindButton(a, "Go on")
	if !next.Disabled() {
		t.Error("one can go on with nothing")
	}
	test.Tap(gallery.FindPress(a, "Paste from the clipboard"))
	a.SetText("  nod://enroll?x ")
	test.Tap(next)
	a.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if got := strings.Join(told, "|"); got != "paste|nod://enroll?x|cancel" {
		t.Errorf("told %q", got)
	}
	a.Problem("This is not an invitation.")
	if !gallery.Shows(a, "This is not an invitation.") {
		t.Error("the problem is not shown")
	}
}

func TestConfirmShowsWhoAsksAndAddsOnce(t *testing.T) {
	prepare(t)
	added, canceled := 0, 0
	c := enroll.NewConfirm(enroll.ConfirmParams{
		Who: widgets.Who{Company: "Example Bank", User: "ada@example.com"}, Server: "auth.example.com", Key: "Kept in the TPM",
		OnAdd: func() { added++ }, OnCancel: func() { canceled++ },
	})
	w := test.NewTempWindow(t, c)
	w.Resize(gallery.NarrowSize)
	for _, want := range []string{"Add Example Bank?", "ada@example.com", "auth.example.com", "Kept in the TPM", "Only go on if you started this"} {
		if !gallery.Shows(c, want) {
			t.Errorf("%q is not shown", want)
		}
	}
	b := gallery.FindButton(c, "Add account")
	test.Tap(b)
	c.Busy()
	test.Tap(b)
	c.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if added != 1 || canceled != 1 {
		t.Errorf("added %d, canceled %d", added, canceled)
	}
}

func TestTheCodePageShowsTheCodeOnlyWhileItIsAskedFor(t *testing.T) {
	prepare(t)
	for state, want := range map[enroll.CodeState]bool{enroll.WaitCode: true, enroll.WaitApproval: false, enroll.CodeFailed: false} {
		p := enroll.NewCode(enroll.CodeParams{Who: widgets.Who{Company: "Bank"}, Code: "738204", State: state})
		w := test.NewTempWindow(t, p)
		w.Resize(gallery.NarrowSize)
		if got := strings.Contains(strings.Join(gallery.Texts(p), ""), "738204"); got != want {
			t.Errorf("%s: code shown = %v", state, got)
		}
	}
}
