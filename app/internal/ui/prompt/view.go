package prompt

import (
	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// view is the prompt in one of its two layouts.
type view struct {
	page    fyne.CanvasObject
	ring    *widgets.Ring
	cells   *widgets.Cells
	pad     *widgets.Pad
	choices []*widgets.Press
	note    *widgets.Text
	approve *widgets.Button // nil on choose
	refuse  *widgets.Button
	label   string
}

func (v *view) update(typed string, ready, done bool) {
	if v.cells != nil {
		v.cells.Set(typed)
	}
	for _, c := range v.choices {
		c.SetDisabled(done)
	}
	if v.approve != nil {
		v.approve.SetDisabled(!ready)
	}
	v.refuse.SetDisabled(done)
}

// newView makes the parts both layouts have.
func newView(s *Prompt, wide bool) *view {
	r := s.p.Request
	v := &view{ring: widgets.NewRing(r.ExpiresAt.Sub(s.p.Now()), r.Lifetime)}
	v.refuse = widgets.NewButton(widgets.Danger, r.refuse(), func() { s.ask(true) })
	if r.Match != Choose {
		v.approve = widgets.NewButton(widgets.Primary, text("prompt.approve"), s.approve)
	}
	v.note = widgets.Center(r.Verification, theme.Body, theme.Secondary)
	if r.Verification == "" {
		v.note.Hide()
	}
	if r.Match == Enter {
		v.cells = widgets.NewCells(max(r.Digits, 1), wide)
		v.pad = widgets.NewPad(s.digit, s.back)
	}
	return v
}

// top is the request: who, what, from where.
func top(r Request, withMore bool) []fyne.CanvasObject {
	var out []fyne.CanvasObject
	if r.Practice {
		out = append(out, widgets.Warning(text("prompt.practice")), widgets.Room(14))
	}
	if r.Kind == Payment && r.Money.Amount != "" {
		out = append(out, widgets.T(text("prompt.paying"), theme.Body, theme.Secondary),
			widgets.Fit(r.Money.Amount, theme.Amount, theme.Ink))
		if r.Money.Payee != "" {
			out = append(out, widgets.Runs(
				widgets.Run{Text: text("prompt.to") + " ", Type: theme.Body, Color: theme.Secondary},
				widgets.Run{Text: r.Money.Payee, Type: theme.BodyStrong, Color: theme.Ink}))
		}
	} else {
		out = append(out, widgets.T(r.title(), theme.Title, theme.Ink))
	}
	if r.Message != "" {
		out = append(out, widgets.Room(4), widgets.T(r.Message, theme.Body, theme.Secondary))
	}
	if facts := r.facts(); len(facts) > 0 {
		out = append(out, widgets.Room(14), widgets.Facts(facts))
	}
	if more := r.more(); withMore && len(more) > 0 {
		out = append(out, widgets.Room(12), widgets.Facts(more))
	}
	if r.Warning != "" {
		out = append(out, widgets.Room(12), widgets.Warning(r.Warning))
	}
	if len(r.Unknown) > 0 {
		out = append(out, widgets.Room(12), widgets.Warning(text("prompt.unknown")))
	}
	return out
}

// hint says what to do with the number.
func (s *Prompt) hint() string {
	r := s.p.Request
	if len(r.Unknown) > 0 {
		return ""
	}
	switch r.Match {
	case Enter:
		return text("prompt.hint.enter")
	case Choose:
		return text("prompt.hint.choose")
	case Compare:
		return text("prompt.hint.compare")
	}
	return ""
}

// answer is the number: typed, chosen or compared.
func (s *Prompt) answerParts(v *view, wide bool) []fyne.CanvasObject {
	r := s.p.Request
	if len(r.Unknown) > 0 || r.Match == None {
		return nil
	}
	out := []fyne.CanvasObject{widgets.Center(s.hint(), theme.Body, theme.Secondary)}
	switch r.Match {
	case Enter:
		out = append(out, widgets.Room(10), v.cells.Container)
		if wide {
			out = append(out, widgets.Room(14), widgets.Center(text("prompt.keyboard"), theme.Body, theme.Secondary))
		} else {
			out = append(out, widgets.Room(14), v.pad.Container)
		}
	case Choose:
		grid, buttons := widgets.NewChoices(r.Options, s.choose)
		v.choices = buttons
		out = append(out, widgets.Room(14), grid, widgets.Room(12), widgets.Center(text("prompt.none_of_them"), theme.Body, theme.Secondary))
	case Compare:
		out = append(out, widgets.Room(10), compareCode(r.Code))
	}
	return out
}

// compareCode shows the code both sides show.
func compareCode(code string) fyne.CanvasObject {
	c := widgets.NewCodeText(code, theme.Amount, theme.Primary)
	return widgets.NewPanel(widgets.CardSurface(widgets.Sides(18, 16)), widgets.Middle(c.Container))
}

func newNarrow(s *Prompt) *view {
	r := s.p.Request
	v := newView(s, false)
	body := widgets.Column(0, top(r, false)...)
	space := float32(16)
	if r.Match == Choose {
		space = 26
	}
	if parts := s.answerParts(v, false); len(parts) > 0 {
		body.Add(widgets.Room(space))
		for _, o := range parts {
			body.Add(o)
		}
	}
	buttons := []fyne.CanvasObject{v.refuse}
	if v.approve != nil {
		buttons = append(buttons, v.approve)
	}
	v.page = widgets.NewPage(widgets.PageParams{
		Head: widgets.Header(r.Who, v.ring), Body: body, Gap: 20,
		Foot: widgets.Column(10, v.note, widgets.Actions(12, buttons...)),
		Fit: func(width, room float32) {
			if v.pad != nil {
				v.pad.SetLow(false)
				v.pad.SetLow(widgets.HeightFor(body, width) > room)
			}
		},
	})
	return v
}

// The wide layout's measures.
var (
	widePad   = widgets.Insets{Top: 36, Right: 44, Bottom: 34, Left: 44}
	wideGap   = float32(36)
	wideRight = float32(270)
)

func newWide(s *Prompt) *view {
	r := s.p.Request
	v := newView(s, true)
	left := widgets.NewPage(widgets.PageParams{
		Head: widgets.Header(r.Who, v.ring), Gap: 20, MaxWidth: 720, Pad: &widgets.Insets{Top: widePad.Top, Bottom: 20, Left: widePad.Left, Right: 0},
		Body: widgets.Column(0, top(r, true)...),
	})
	var buttons []fyne.CanvasObject
	if v.approve != nil {
		buttons = append(buttons, v.approve)
	}
	buttons = append(buttons, v.refuse)
	right := widgets.NewPage(widgets.PageParams{
		Body: widgets.Column(0, append([]fyne.CanvasObject{widgets.Room(68)}, s.answerParts(v, true)...)...),
		Foot: widgets.Column(10, append([]fyne.CanvasObject{v.note}, buttons...)...),
		Pad:  &widgets.Insets{Top: widePad.Top, Bottom: widePad.Bottom, Left: wideGap, Right: widePad.Right},
	})
	v.page = widgets.Beside(left, right, wideRight+wideGap+widePad.Right)
	return v
}
