package lock_test

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/nod-auth/nod/app/internal/ui/gallery"
	"github.com/nod-auth/nod/app/internal/ui/lock"
)

func newLock(t *testing.T, p lock.Params) (*lock.Lock, *[]string) {
	t.Helper()
	test.NewTempApp(t)
	if err := gallery.Prepare(gallery.Look{}); err != nil {
		t.Fatal(err)
	}
	var done []string
	p.OnDone = func(s string) { done = append(done, s) }
	l, err := lock.New(p)
	if err != nil {
		t.Fatal(err)
	}
	w := test.NewTempWindow(t, l)
	w.Resize(gallery.NarrowSize)
	return l, &done
}

func typePIN(l *lock.Lock, s string) {
	for _, r := range s {
		l.TypedRune(r)
	}
}

func TestTheLastDigitHandsThePINOverOnce(t *testing.T) {
	l, done := newLock(t, lock.Params{Purpose: lock.Unlock, Digits: 6})
	typePIN(l, "12x3")
	l.TypedKey(&fyne.KeyEvent{Name: fyne.KeyBackspace})
	typePIN(l, "456")
	if len(*done) != 0 {
		t.Fatalf("handed over %v after five digits", *done)
	}
	typePIN(l, "7890")
	if len(*done) != 1 || (*done)[0] != "124567" {
		t.Fatalf("handed over %v", *done)
	}
}

func TestAWrongPINIsSaidAndTypedAgain(t *testing.T) {
	l, done := newLock(t, lock.Params{Purpose: lock.Unlock, Digits: 4})
	typePIN(l, "1111")
	l.Failed("That was not the PIN. 9 tries are left.")
	if !gallery.Shows(l, "9 tries are left") {
		t.Error("the reason is not shown")
	}
	typePIN(l, "2222")
	if len(*done) != 2 || (*done)[1] != "2222" {
		t.Errorf("handed over %v", *done)
	}
}

func TestThePINIsNeverShown(t *testing.T) {
	l, _ := newLock(t, lock.Params{Purpose: lock.Approve, Subject: "Example Bank", Digits: 6})
	before := len(gallery.Texts(l))
	typePIN(l, "739")
	if len(gallery.Texts(l)) != before {
		t.Error("typing shows a text")
	}
}

func TestEscapeCancels(t *testing.T) {
	canceled := 0
	l, _ := newLock(t, lock.Params{Purpose: lock.Choose, Digits: 6, OnCancel: func() { canceled++ }})
	l.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if canceled != 1 {
		t.Errorf("canceled %d times", canceled)
	}
}

func TestALockNeedsSomebodyToTell(t *testing.T) {
	if _, err := lock.New(lock.Params{}); err == nil {
		t.Error("made without OnDone")
	}
}
