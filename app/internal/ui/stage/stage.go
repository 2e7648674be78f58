// Package stage owns what is on the window: one page at a time, the keys that no
// part of it has taken, and the one clock that moves countdowns.
//
// Nothing ticks that is not seen: the clock runs only while the window is seen
// and the page says that something on it moves. All methods are called on Fyne's
// goroutine; the clock comes back to it through Params.Do.
package stage

import (
	"errors"
	"image/color"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	base "fyne.io/fyne/v2/theme"

	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// Keys is a page that takes the keys no focused part of it has taken.
type Keys interface {
	TypedKey(*fyne.KeyEvent)
}

// Runes is a page that takes typed characters likewise.
type Runes interface {
	TypedRune(rune)
}

// Appears is a page that is told when it comes to be seen: a prompt, which then
// accepts nothing for 600 ms.
type Appears interface {
	Appeared()
}

// Params makes a [Stage].
type Params struct {
	Canvas fyne.Canvas
	// Do runs a function on Fyne's goroutine: fyne.Do. Tests call it directly.
	Do func(func())
	// Every is how often a page that moves is told the time; 0 means a second.
	Every time.Duration
}

// Page is one screen on the stage.
type Page struct {
	Content fyne.CanvasObject // the whole window: with its frame
	// Inner is what takes keys and is told that it appears, when that is not
	// Content itself (a prompt inside a shell). Nil means Content.
	Inner fyne.CanvasObject
	// Tick is called while the page is seen; nil says that nothing on it moves.
	Tick func(now time.Time)
}

func (p Page) inner() fyne.CanvasObject {
	if p.Inner != nil {
		return p.Inner
	}
	return p.Content
}

// Stage shows pages on one canvas.
type Stage struct {
	p    Params
	page Page
	seen bool
	stop chan struct{} // closed to end the running clock; nil when none runs
}

// New makes a stage whose window is not seen yet.
func New(p Params) (*Stage, error) {
	if p.Canvas == nil || p.Do == nil {
		return nil, errors.New("stage: canvas or Do is missing")
	}
	if p.Every <= 0 {
		p.Every = time.Second
	}
	s := &Stage{p: p}
	p.Canvas.SetOnTypedKey(s.key)
	p.Canvas.SetOnTypedRune(s.typed)
	return s, nil
}

// Show puts a page on the window. The focus goes nowhere: no page starts with a
// button under the finger.
func (s *Stage) Show(p Page) {
	s.halt()
	s.page = p
	s.p.Canvas.Unfocus()
	s.p.Canvas.SetContent(s.dressed(p.Content))
	s.appeared()
	s.run()
}

// fade is how long a page takes to come (design, "The look": 150 to 200 ms).
const fade = 160 * time.Millisecond

// dressed puts the page on the design's ground (Fyne clears a window to a colour
// that is a shade off) and lets it come out of it, unless the person asked for
// less motion. The veil takes no taps.
func (s *Stage) dressed(page fyne.CanvasObject) fyne.CanvasObject {
	ground := widgets.NewPanel(widgets.Surface{Fill: theme.Background}, widgets.Room(0))
	if theme.Current().ReducedMotion() || !s.seen {
		return container.NewStack(ground, page)
	}
	clear, _ := base.Color(theme.Background).(color.NRGBA)
	veil := canvas.NewRectangle(clear)
	anim := fyne.NewAnimation(fade, func(done float32) {
		clear.A = uint8(255 * (1 - done))
		veil.FillColor = clear
		veil.Hidden = done >= 1
		veil.Refresh()
	})
	anim.Curve = fyne.AnimationEaseOut
	anim.Start()
	return container.NewStack(ground, page, veil)
}

// Page returns what is shown.
func (s *Stage) Page() Page { return s.page }

// Seen tells whether the window can be seen: it is called with true when it is
// shown, raised or comes to the foreground, and with false when it is hidden.
func (s *Stage) Seen(seen bool) {
	if seen {
		s.appeared()
	}
	if s.seen == seen {
		return
	}
	s.seen = seen
	if seen {
		s.run()
	} else {
		s.halt()
	}
}

// Ticking reports whether the clock runs.
func (s *Stage) Ticking() bool { return s.stop != nil }

func (s *Stage) appeared() {
	if a, ok := s.page.inner().(Appears); ok {
		a.Appeared()
	}
}

func (s *Stage) key(e *fyne.KeyEvent) {
	if k, ok := s.page.inner().(Keys); ok {
		k.TypedKey(e)
	}
}

func (s *Stage) typed(r rune) {
	if t, ok := s.page.inner().(Runes); ok {
		t.TypedRune(r)
	}
}

// run starts the clock when the page is seen and something on it moves.
func (s *Stage) run() {
	if s.stop != nil || !s.seen || s.page.Tick == nil {
		return
	}
	s.page.Tick(time.Now())
	stop := make(chan struct{})
	s.stop = stop
	go func() {
		clock := time.NewTicker(s.p.Every)
		defer clock.Stop()
		for {
			select {
			case <-stop:
				return
			case now := <-clock.C:
				s.p.Do(func() { s.tick(stop, now) })
			}
		}
	}()
}

// tick passes the time on unless the page has gone meanwhile.
func (s *Stage) tick(of chan struct{}, now time.Time) {
	if s.stop == of && s.page.Tick != nil {
		s.page.Tick(now)
	}
}

func (s *Stage) halt() {
	if s.stop != nil {
		close(s.stop)
		s.stop = nil
	}
}
