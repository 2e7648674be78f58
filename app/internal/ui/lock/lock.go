// Package lock owns the page on which a PIN or passphrase is typed: to open the
// app, to approve, or to choose a new one.
//
// It checks nothing and counts no tries; it hands over what was typed and is told
// what to say. What was typed is shown as dots and forgotten when handed over.
package lock

import (
	"errors"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// Purpose is why a PIN is asked for.
type Purpose string

// The purposes.
const (
	Unlock  Purpose = "unlock"  // open the app
	Approve Purpose = "approve" // confirm one approval
	Choose  Purpose = "choose"  // a new PIN
	Repeat  Purpose = "repeat"  // the new PIN once more
)

// Params makes a [Lock].
type Params struct {
	Purpose Purpose
	Subject string // what is approved: "Example Bank"; for Approve
	// Digits is the PIN's length; 0 asks for a passphrase instead.
	Digits   int
	Problem  string // "That was not the PIN. 7 tries are left."
	OnDone   func(secret string)
	OnCancel func() // nil leaves the link out
	OnForgot func() // nil leaves the button out
}

// Lock is the page.
type Lock struct {
	widget.BaseWidget
	p     Params
	page  *widgets.Page
	dots  *widgets.Dots
	note  *widgets.Text
	field *widgets.Field
	typed []rune
	idle  bool
}

// New makes the page.
func New(p Params) (*Lock, error) {
	if p.OnDone == nil {
		return nil, errors.New("lock: OnDone is missing")
	}
	l := &Lock{p: p, note: widgets.Center(p.Problem, theme.Body, theme.Bad)}
	if p.Problem == "" {
		l.note.Hide()
	}
	key := "lock." + string(p.Purpose)
	title := text(key + ".title")
	if p.Digits == 0 && (p.Purpose == Unlock || p.Purpose == Approve) {
		title = text("lock.passphrase.title")
	}
	body := widgets.Column(0, widgets.Mark(resource.IconLock, theme.Primary, theme.Weak), widgets.Room(18),
		widgets.Center(title, theme.Title, theme.Ink), widgets.Room(6),
		widgets.Narrower(12, widgets.Center(text(key+".lead", map[string]any{"Subject": p.Subject}), theme.Body, theme.Secondary)), widgets.Room(24))
	foot := widgets.Column(12)
	if p.Digits > 0 {
		l.dots = widgets.NewDots(p.Digits)
		body.Add(l.dots.Container)
		foot.Add(widgets.NewPad(l.TypedRune, l.back).Container)
	} else {
		l.field = widgets.NewField(widgets.FieldParams{Label: text("lock.passphrase"), Secret: true, OnReturn: func(string) { l.submit() }, OnEscape: l.cancel})
		body.Add(l.field)
		foot.Add(widgets.NewButton(widgets.Primary, text("lock.go_on"), l.submit))
	}
	body.Add(widgets.Room(14))
	body.Add(l.note)
	if p.OnForgot != nil {
		foot.Add(widgets.NewButton(widgets.Quiet, text("lock.forgot"), p.OnForgot))
	}
	l.page = widgets.NewPage(widgets.PageParams{
		Head: l.head(), Body: body, Foot: foot, Center: true, MaxWidth: 390, Gap: 8,
		Pad: &widgets.Insets{Top: 20, Right: 20, Bottom: 24, Left: 20},
	})
	l.ExtendBaseWidget(l)
	return l, nil
}

func (l *Lock) head() fyne.CanvasObject {
	if l.p.OnCancel == nil {
		return nil
	}
	return widgets.Row(0, -1, widgets.LinkButton(text("cancel"), theme.Secondary, l.p.OnCancel))
}

// Failed says what was wrong and lets the person try again.
func (l *Lock) Failed(why string) {
	l.idle, l.typed = false, nil
	if l.dots != nil {
		l.dots.Set(0)
	} else {
		l.field.SetText("")
	}
	l.note.SetText(why)
	l.note.Show()
	l.page.Refresh()
}

// TypedRune takes a digit from the pad or the canvas; the last one hands over.
func (l *Lock) TypedRune(r rune) {
	if l.dots == nil || l.idle || r < '0' || r > '9' {
		return
	}
	l.typed = append(l.typed, r)
	l.dots.Set(len(l.typed))
	if len(l.typed) == l.p.Digits {
		l.hand(string(l.typed))
	}
}

// TypedKey takes Backspace and Esc from the canvas.
func (l *Lock) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyBackspace:
		l.back()
	case fyne.KeyEscape:
		l.cancel()
	}
}

func (l *Lock) cancel() {
	if l.p.OnCancel != nil {
		l.p.OnCancel()
	}
}

func (l *Lock) back() {
	if l.dots != nil && !l.idle && len(l.typed) > 0 {
		l.typed = l.typed[:len(l.typed)-1]
		l.dots.Set(len(l.typed))
	}
}

func (l *Lock) submit() {
	if s := l.field.Text(); s != "" && !l.idle {
		l.hand(s)
	}
}

// hand gives the secret away once and forgets it.
func (l *Lock) hand(secret string) {
	l.idle = true
	clear(l.typed)
	l.typed = nil
	l.p.OnDone(secret)
}

// CreateRenderer implements fyne.Widget.
func (l *Lock) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(l.page) }

func text(key string, data ...map[string]any) string { return resource.Text(key, data...) }
