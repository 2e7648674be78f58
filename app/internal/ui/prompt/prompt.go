package prompt

import (
	"errors"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// settle is how long after the prompt appears nothing is accepted, so that a tap
// or key meant for something else does not answer (design, "The look").
const settle = 600 * time.Millisecond

// Params makes a [Prompt]. Every function is called on Fyne's goroutine, at
// most one of Approve, Deny, Report and Expired for one prompt, unless [Prompt.Failed]
// lets the person try again.
type Params struct {
	Request Request
	Now     func() time.Time
	Approve func(number string) // the number typed or chosen; "" for Compare and None
	Deny    func()              // wrong request
	Report  func()              // it was not me
	Expired func()
}

// Prompt is the screen of one request. It is a fyne.CanvasObject that shows
// itself wide or narrow, and takes the canvas's keys (TypedRune, TypedKey).
type Prompt struct {
	widget.BaseWidget
	p        Params
	typed    string
	appeared time.Time
	done     bool // answered, or expired
	asking   bool
	narrow   *view
	wide     *view
	answer   *widgets.Split
	question *question
	stack    *fyne.Container
}

// New makes the screen of a request.
func New(p Params) (*Prompt, error) {
	switch {
	case p.Now == nil, p.Approve == nil, p.Deny == nil, p.Report == nil, p.Expired == nil:
		return nil, errors.New("prompt: a function is missing")
	}
	s := &Prompt{p: p}
	s.narrow, s.wide = newNarrow(s), newWide(s)
	s.answer = widgets.NewSplit(s.narrow.page, s.wide.page, WideFrom)
	s.question = newQuestion(s)
	s.question.page.Hide()
	s.stack = container.NewStack(s.answer, s.question.page)
	s.ExtendBaseWidget(s)
	s.Appeared()
	s.Tick(p.Now())
	s.update()
	return s, nil
}

// WideFrom is the width from which the answer stands beside the request.
const WideFrom = 640

// CreateRenderer implements fyne.Widget.
func (s *Prompt) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(s.stack)
}

// Appeared starts the 600 ms anew. Call it when the prompt is put on the screen
// and whenever its window is raised over another.
func (s *Prompt) Appeared() { s.appeared = s.p.Now() }

// Tick tells the prompt the time; call it each second while it is seen. Past
// expiry it calls Expired once and accepts nothing more.
func (s *Prompt) Tick(now time.Time) {
	left := s.p.Request.ExpiresAt.Sub(now)
	for _, v := range []*view{s.narrow, s.wide} {
		v.ring.Set(left)
	}
	if left <= 0 && !s.done {
		s.done = true
		s.update()
		s.p.Expired()
	}
}

// accepts reports whether an answer may be taken now.
func (s *Prompt) accepts() bool {
	now := s.p.Now()
	return !s.done && now.Sub(s.appeared) >= settle && now.Before(s.p.Request.ExpiresAt)
}

// complete reports whether everything Approve needs is there.
func (s *Prompt) complete() bool {
	r := s.p.Request
	if len(r.Unknown) > 0 {
		return false
	}
	switch r.Match {
	case Enter:
		return r.Digits > 0 && len(s.typed) == r.Digits
	case Compare:
		return r.Code != ""
	case None:
		return true
	case Choose: // has no Approve: a tap is the answer
	}
	return false // an unknown way to match cannot be approved
}

// update shows the state in both layouts.
func (s *Prompt) update() {
	for _, v := range []*view{s.narrow, s.wide} {
		v.update(s.typed, s.complete() && !s.done, s.done)
	}
}

func (s *Prompt) digit(r rune) {
	if !s.accepts() || s.p.Request.Match != Enter || len(s.p.Request.Unknown) > 0 || len(s.typed) >= s.p.Request.Digits {
		return
	}
	s.typed += string(r)
	s.update()
}

func (s *Prompt) back() {
	if s.accepts() && s.typed != "" {
		s.typed = s.typed[:len(s.typed)-1]
		s.update()
	}
}

func (s *Prompt) approve() {
	if s.accepts() && s.complete() {
		s.finish(func() { s.p.Approve(s.typed) })
	}
}

func (s *Prompt) choose(number string) {
	if s.accepts() && s.p.Request.Match == Choose && len(s.p.Request.Unknown) == 0 {
		s.finish(func() { s.p.Approve(number) })
	}
}

func (s *Prompt) finish(tell func()) {
	s.done = true
	s.update()
	tell()
}

// Failed lets the person answer again after an answer could not be given, and
// says why: "Your PIN was not entered." or "The server cannot be reached."
func (s *Prompt) Failed(why string) {
	s.done = false
	s.ask(false)
	for _, v := range []*view{s.narrow, s.wide} {
		v.note.SetText(why)
		v.note.Show()
	}
	s.update()
	s.Refresh()
}

// ask opens or closes the question.
func (s *Prompt) ask(open bool) {
	if open && !s.accepts() {
		return
	}
	s.asking = open
	if open {
		s.answer.Hide()
		s.question.page.Show()
	} else {
		s.question.page.Hide()
		s.answer.Show()
	}
	s.stack.Refresh()
}

func (s *Prompt) refuse(report bool) {
	if !s.accepts() {
		return
	}
	tell := s.p.Deny
	if report {
		tell = s.p.Report
	}
	s.finish(tell)
}

// TypedRune takes a digit from the canvas.
func (s *Prompt) TypedRune(r rune) {
	if r >= '0' && r <= '9' && !s.asking {
		s.digit(r)
	}
}

// TypedKey takes Backspace and Esc from the canvas. Enter is not among them: it
// works only on a button that has the focus.
func (s *Prompt) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyBackspace:
		if !s.asking {
			s.back()
		}
	case fyne.KeyEscape:
		s.ask(!s.asking)
	}
}

// text is a short hand for the texts of this package.
func text(key string, data ...map[string]any) string { return resource.Text(key, data...) }
