package firstrun_test

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/nod-auth/nod/app/internal/ui/firstrun"
	"github.com/nod-auth/nod/app/internal/ui/gallery"
)

func TestThreePagesThenPracticeOrAnAccount(t *testing.T) {
	test.NewTempApp(t)
	if err := gallery.Prepare(gallery.Look{}); err != nil {
		t.Fatal(err)
	}
	var told []string
	f := firstrun.New(firstrun.Params{AppName: "Acme", OnPractice: func() { told = append(told, "practice") }, OnDone: func() { told = append(told, "done") }})
	w := test.NewTempWindow(t, f)
	w.Resize(gallery.NarrowSize)
	if !gallery.Shows(f, "Acme") {
		t.Error("the app's name is not on the first page")
	}
	test.Tap(gallery.FindButton(f, "Next"))
	f.TypedKey(&fyne.KeyEvent{Name: fyne.KeyRight})
	f.TypedKey(&fyne.KeyEvent{Name: fyne.KeyRight}) // there is no fourth
	if f.Page() != 2 {
		t.Fatalf("page %d", f.Page())
	}
	test.Tap(gallery.FindButton(f, "Practice first"))
	test.Tap(gallery.FindButton(f, "Add an account"))
	f.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if strings.Join(told, " ") != "practice done done" {
		t.Errorf("told %v", told)
	}
}

func TestThePracticeRequestNamesItsNumber(t *testing.T) {
	test.NewTempApp(t)
	if err := gallery.Prepare(gallery.Look{}); err != nil {
		t.Fatal(err)
	}
	r := firstrun.Practice("Acme", gallery.Now)
	if !r.Practice || !strings.Contains(r.Message, firstrun.PracticeNumber) || r.Digits != len(firstrun.PracticeNumber) {
		t.Errorf("request %+v", r)
	}
}
