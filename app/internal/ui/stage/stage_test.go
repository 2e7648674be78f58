package stage_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/test"

	"github.com/nod-auth/nod/app/internal/ui/stage"
)

// page is a page that counts what it is told.
type page struct {
	fyne.CanvasObject
	appeared int
	keys     []fyne.KeyName
	runes    []rune
}

func newPage() *page { return &page{CanvasObject: canvas.NewRectangle(nil)} }

func (p *page) Appeared()                 { p.appeared++ }
func (p *page) TypedKey(e *fyne.KeyEvent) { p.keys = append(p.keys, e.Name) }
func (p *page) TypedRune(r rune)          { p.runes = append(p.runes, r) }

// one runs functions one at a time, as Fyne's goroutine does.
type one struct{ mu sync.Mutex }

func (o *one) do(f func()) { o.mu.Lock(); defer o.mu.Unlock(); f() }

func newStage(t *testing.T, o *one) (*stage.Stage, fyne.Window) {
	t.Helper()
	w := test.NewTempWindow(t, container.NewStack())
	s, err := stage.New(stage.Params{Canvas: w.Canvas(), Do: o.do})
	if err != nil {
		t.Fatal(err)
	}
	return s, w
}

func TestNothingTicksThatIsNotSeen(t *testing.T) {
	test.NewTempApp(t)
	synctest.Test(t, func(t *testing.T) {
		var o one
		s, _ := newStage(t, &o)
		ticks := 0
		wait := func(d time.Duration) int {
			o.do(func() { ticks = 0 })
			time.Sleep(d) //nolint:forbidigo // in a synctest bubble: fake time, no waiting
			synctest.Wait()
			return ticks
		}
		o.do(func() { s.Show(stage.Page{Content: newPage(), Tick: func(time.Time) { ticks++ }}) })
		if n := wait(5 * time.Second); n != 0 || s.Ticking() {
			t.Errorf("hidden: %d ticks", n)
		}
		o.do(func() { s.Seen(true) })
		if n := wait(5 * time.Second); n != 5 {
			t.Errorf("seen: %d ticks in 5 s", n)
		}
		o.do(func() { s.Seen(false) })
		if n := wait(5 * time.Second); n != 0 {
			t.Errorf("hidden again: %d ticks", n)
		}
		o.do(func() { s.Seen(true); s.Show(stage.Page{Content: newPage()}) })
		if n := wait(5 * time.Second); n != 0 || s.Ticking() {
			t.Errorf("a page on which nothing moves: %d ticks", n)
		}
	})
}

func TestAPageIsToldEachTimeItComesToBeSeen(t *testing.T) {
	test.NewTempApp(t)
	s, _ := newStage(t, &one{})
	p := newPage()
	s.Show(stage.Page{Content: container.NewStack(), Inner: p})
	s.Seen(true)
	s.Seen(true) // raised once more
	if p.appeared != 3 {
		t.Errorf("told %d times, want 3", p.appeared)
	}
}

func TestKeysReachThePage(t *testing.T) {
	test.NewTempApp(t)
	s, w := newStage(t, &one{})
	p := newPage()
	s.Show(stage.Page{Content: container.NewStack(), Inner: p})
	w.Canvas().OnTypedKey()(&fyne.KeyEvent{Name: fyne.KeyEscape})
	w.Canvas().OnTypedRune()('7')
	if len(p.keys) != 1 || p.keys[0] != fyne.KeyEscape || string(p.runes) != "7" {
		t.Errorf("keys %v, runes %q", p.keys, p.runes)
	}
}

func TestAStageNeedsACanvas(t *testing.T) {
	if _, err := stage.New(stage.Params{}); err == nil {
		t.Error("made without a canvas")
	}
}
