package prompt

import (
	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// view is the prompt in one of its two layouts.
type view struct {
	page  fyne.CanvasObject
	ring  *widgets.Ring
	cells *widgets.Cells
	pad   *widgets.Pad
	// Where height is short: a sentence instead of the pad, and the number above
	// the buttons, where it is always seen.
	keys    *widgets.Text
	number  *fyne.Container // hint and cells in the body
	low     *widgets.Cells  // cells in the foot
	choices []*widgets.Press
	note    *widgets.Text
	approve *widgets.Button // nil on choose
	refuse  *widgets.Button
}

func (v *view) update(typed string, ready, done bool) {
	if v.cells != nil {
		v.cells.Set(typed)
		v.low.Set(typed)
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
		v.cells, v.low = widgets.NewCells(max(r.Digits, 1), wide), widgets.NewCells(max(r.Digits, 1), false)
		v.low.Container.Hide()
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
			widgets.Fit(flat(r.Money.Amount), theme.Amount, theme.Ink))
		if r.Money.Payee != "" {
			out = append(out, widgets.Runs(
				widgets.Run{Text: text("prompt.to") + " ", Type: theme.Body, Color: theme.Secondary},
				widgets.Run{Text: flat(r.Money.Payee), Type: theme.BodyStrong, Color: theme.Ink}))
		}
	} else {
		out = append(out, widgets.T(r.title(), theme.Title, theme.Ink))
	}
	if r.Message != "" {
		out = append(out, widgets.Room(4), widgets.T(flat(r.Message), theme.Body, theme.Secondary))
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
	case None:
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
		v.number = widgets.Column(10, out[0], v.cells.Container)
		out[0] = v.number
		if wide {
			out = append(out, widgets.Room(14), widgets.Center(text("prompt.keyboard"), theme.Body, theme.Secondary))
		} else {
			v.keys = widgets.Center(text("prompt.keyboard"), theme.Body, theme.Secondary)
			v.keys.Hide()
			out = append(out, widgets.Room(14), v.pad.Container, v.keys)
		}
	case Choose:
		grid, buttons := widgets.NewChoices(r.Options, s.choose)
		v.choices = buttons
		out = append(out, widgets.Room(14), grid, widgets.Room(12), widgets.Center(text("prompt.none_of_them"), theme.Body, theme.Secondary))
	case Compare:
		out = append(out, widgets.Room(10), compareCode(r.Code))
	case None: // returned above
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
	foot := widgets.Column(10)
	if v.low != nil {
		foot.Add(v.low.Container)
	}
	foot.Add(v.note)
	foot.Add(widgets.Actions(12, buttons...))
	v.page = widgets.NewPage(widgets.PageParams{
		Head: widgets.Header(r.who(), v.ring), Body: body, Gap: 20, Foot: foot, Fit: v.fit,
	})
	return v
}

// fit makes room where height is short: lower keys; where a keyboard is at hand
// anyway, a sentence instead of the pad; and at last the cells above the buttons,
// so that what is typed is seen while the request scrolls.
func (v *view) fit(fits func() bool) {
	if v.keys == nil {
		return
	}
	v.keys.Hide()
	v.low.Container.Hide()
	v.pad.Container.Show()
	v.number.Show()
	for _, low := range []bool{false, true} {
		v.pad.SetLow(low)
		if fits() {
			return
		}
	}
	if !fyne.CurrentDevice().IsMobile() {
		v.pad.Container.Hide()
		v.keys.Show()
		if fits() {
			return
		}
	}
	v.number.Hide()
	v.low.Container.Show()
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
		Head: widgets.Header(r.who(), v.ring), Gap: 20, MaxWidth: 720, Pad: &widgets.Insets{Top: widePad.Top, Bottom: 20, Left: widePad.Left, Right: 0},
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
