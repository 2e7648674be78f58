package flow

import (
	"context"
	"errors"
	"image/color"
	"log/slog"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"

	"github.com/nod-auth/nod/app/internal/guard"
	"github.com/nod-auth/nod/app/internal/inbox"
	"github.com/nod-auth/nod/app/internal/platform"
	"github.com/nod-auth/nod/app/internal/ui/prompt"
	"github.com/nod-auth/nod/app/internal/ui/shell"
	"github.com/nod-auth/nod/app/internal/ui/stage"
	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/shared/brand"
)

// IdleLock is how long the app stays open without use when the lock is on.
const IdleLock = 5 * time.Minute

// Params makes an [App]. All but Raise, Tray, Version and Now are required.
type Params struct {
	Context context.Context //nolint:containedctx // the app's life: ends what still waits
	App     fyne.App
	Window  fyne.Window
	Core    *device.Core
	Inbox   *inbox.Inbox
	Keys    *Keys
	Guard   *guard.Guard
	Prefs   *Prefs
	System  *platform.System
	Brand   brand.Brand
	Version string
	// Do runs a function on Fyne's goroutine: fyne.Do.
	Do func(func())
	// Raise brings the window before the person; nil does nothing.
	Raise func()
	// Asking tells the tray how many requests wait; nil for none.
	Asking func(count int)
	// Look applies the theme that the choices ask for.
	Look func(*Prefs) error
	Log  *slog.Logger
	Now  func() time.Time
}

// App is the running app. Its methods are called on Fyne's goroutine.
type App struct {
	p     Params
	stage *stage.Stage
	snap  inbox.Snapshot

	base *screen // where the person is
	over *screen // a request, or what is asked for it
	top  *screen // the lock, or a question of the key store
	sig  string  // what the frame of the present page shows
	// shown is the page that was shown last.
	shown *screen

	asked    request // the prompt of the request on the screen
	arrivals int
	link     string // an invitation that waits until the request is answered
	idle     *time.Timer
	locked   bool
}

// request is the prompt that belongs to the inbox's current request.
type request struct {
	id   string
	page *prompt.Prompt
}

// screen is one page and how it is made.
type screen struct {
	name    string
	place   shell.Place
	account string // marked in the sidebar
	bare    bool   // without the frame
	typing  bool   // its text field has the focus at once: nothing else is meant
	// build makes the page; live pages are made again when the inbox changes.
	build func() content
	live  bool
	links bool // shows how the connections stand
	// leave returns where to go when the page has nothing to show any more, else
	// nil; nil stays. Only for places.
	leave func() *screen
	made  *content
}

// content is a page as it was made.
type content struct {
	page fyne.CanvasObject
	wide fyne.CanvasObject // nil: page
	// keys gets the keys; nil: page.
	keys fyne.CanvasObject
	// tick moves what moves; nil: nothing does.
	tick func(now time.Time, frame *shell.Shell)
}

// New makes the app on its window. Call [App.Start] next.
func New(p Params) (*App, error) {
	if p.Context == nil || p.App == nil || p.Window == nil || p.Core == nil || p.Inbox == nil || p.Keys == nil || p.Guard == nil ||
		p.Prefs == nil || p.System == nil || p.Do == nil || p.Look == nil || p.Log == nil {
		return nil, errors.New("flow: a part of the app is missing")
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Raise == nil {
		p.Raise = func() {}
	}
	if p.Asking == nil {
		p.Asking = func(int) {}
	}
	s, err := stage.New(stage.Params{Canvas: p.Window.Canvas(), Do: p.Do})
	if err != nil {
		return nil, err
	}
	a := &App{p: p, stage: s}
	p.Keys.ask = a.askPassphrase
	p.Window.SetOnDropped(func(_ fyne.Position, files []fyne.URI) { a.dropped(files) })
	return a, nil
}

// Start shows the first page and follows the inbox.
func (a *App) Start() {
	a.snap = a.p.Inbox.Snapshot()
	a.arrivals = a.snap.Arrivals
	switch {
	case len(a.snap.Accounts) == 0 && !a.p.Prefs.Taught:
		a.base = a.firstRun()
	default:
		a.base = a.home()
	}
	if a.p.Prefs.Lock && a.p.Guard.Set() {
		a.lock()
	}
	a.render()
	a.openKeys()
	changes, cancel := a.p.Inbox.Watch()
	go func() {
		defer cancel()
		for {
			select {
			case <-a.p.Context.Done():
				return
			case <-changes:
				a.p.Do(a.changed)
			}
		}
	}()
}

// Seen tells whether the window can be seen. The lock's time runs while it cannot.
func (a *App) Seen(seen bool) {
	a.stage.Seen(seen)
	a.touch()
}

// Raised tells that the window was put before the person: a prompt on it accepts
// nothing for a moment.
func (a *App) Raised() { a.stage.Seen(true) }

// current is the page that is shown.
func (a *App) current() *screen {
	switch {
	case a.top != nil:
		return a.top
	case a.over != nil:
		return a.over
	}
	return a.base
}

// visit goes to a place; a request on the screen waits in the banner meanwhile.
func (a *App) visit(s *screen) {
	a.base, a.over = s, nil
	a.render()
}

// cover puts a page of the present request over the place.
func (a *App) cover(s *screen) {
	a.over = s
	a.render()
}

// uncover takes it off again.
func (a *App) uncover() {
	a.over = nil
	a.render()
}

// render shows the present page in its frame.
func (a *App) render() {
	if a.base.leave != nil {
		if next := a.base.leave(); next != nil {
			a.base = next
		}
	}
	s := a.current()
	if s.made == nil || s.live {
		c := s.build()
		s.made = &c
	}
	c := *s.made
	keys := c.keys
	if keys == nil {
		keys = c.page
	}
	page := stage.Page{Content: c.page, Inner: keys}
	var frame *shell.Shell
	if !s.bare {
		frame = a.frame(s, c)
		page.Content = frame
	}
	if c.tick != nil {
		page.Tick = func(now time.Time) { c.tick(now, frame) }
	}
	if a.p.Log.Enabled(a.p.Context, slog.LevelDebug) {
		page.Content = a.traced(s.name, page.Content)
	}
	a.sig = a.signature(s)
	focus := 0
	if a.shown == s { // the same page made anew: the keyboard's place stays
		focus = a.focusIndex()
	}
	a.shown = s
	a.stage.Show(page)
	for range focus {
		a.p.Window.Canvas().FocusNext()
	}
	if s.typing && focus == 0 {
		a.focusField()
	}
	a.touch()
	a.p.Log.Debug("page", "name", s.name)
}

// traced adds one pixel that tells when the page is painted for the first time.
func (a *App) traced(name string, page fyne.CanvasObject) fyne.CanvasObject {
	painted := false
	pixel := canvas.NewRasterWithPixels(func(int, int, int, int) color.Color {
		if !painted {
			painted = true
			a.p.Log.Debug("painted", "name", name)
		}
		return color.Transparent
	})
	corner := container.NewWithoutLayout(pixel)
	pixel.Resize(fyne.NewSquareSize(1))
	return container.NewStack(page, corner)
}

// fieldReach is how far into a page's focus order a text field is looked for.
const fieldReach = 24

// focusIndex is how many steps of the Tab key lead to what has the focus; 0 when nothing has.
func (a *App) focusIndex() int {
	c := a.p.Window.Canvas()
	f := c.Focused()
	if f == nil {
		return 0
	}
	c.Unfocus()
	for i := range fieldReach {
		if c.FocusNext(); c.Focused() == f {
			return i + 1
		}
	}
	return 0
}

// focusField gives the focus to the page's first text field.
func (a *App) focusField() {
	c := a.p.Window.Canvas()
	for range fieldReach {
		c.FocusNext()
		if _, ok := c.Focused().(interface{ SelectedText() string }); ok {
			return
		}
	}
	c.Unfocus()
}

// changed takes a new state of the inbox.
func (a *App) changed() {
	before := a.snap
	a.snap = a.p.Inbox.Snapshot()
	a.p.Asking(len(a.snap.Pending))
	arrived := a.snap.Arrivals > a.arrivals
	a.arrivals = a.snap.Arrivals
	shown := a.current()
	a.follow(before)
	if arrived && len(a.snap.Pending) > 0 {
		if !a.p.Prefs.Quiet {
			a.p.System.Notifier.Notify(text("notify.title"), text("notify.body"))
		}
		a.p.Raise()
	} else if arrived {
		a.p.Log.Debug("request ended before it was shown")
	}
	if s := a.current(); s == shown && a.signature(s) != a.sig {
		a.render()
	}
}

// touch starts the time until the lock anew.
func (a *App) touch() {
	if a.idle != nil {
		a.idle.Stop()
	}
	if !a.p.Prefs.Lock || a.locked || !a.p.Guard.Set() {
		return
	}
	a.idle = time.AfterFunc(IdleLock, func() {
		a.p.Do(func() {
			if a.p.Prefs.Lock {
				a.Lock()
			}
		})
	})
}

// work runs do elsewhere and then, on Fyne's goroutine, done.
func (a *App) work(do func(ctx context.Context) error, done func(error)) {
	go func() {
		err := do(a.p.Context)
		a.p.Do(func() {
			if a.p.Context.Err() == nil {
				done(err)
			}
		})
	}()
}
