package widgets

import (
	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
)

// Group puts rows on one card with hairlines between them.
func Group(rows ...fyne.CanvasObject) *Panel {
	objects := make([]fyne.CanvasObject, 0, 2*len(rows))
	for i, r := range rows {
		if i > 0 {
			objects = append(objects, Padded(Sides(0, 12), 0, Rule()))
		}
		objects = append(objects, r)
	}
	return NewPanel(CardSurface(Insets{5, 5, 5, 5}), Column(0, objects...))
}

// RowParams makes a row of a group. Empty parts are left out.
type RowParams struct {
	Icon  resource.Icon
	Title string
	Sub   string
	Value string      // at the end, short
	Color theme.Token // of the value or, for an action, the title; "" picks one
	OnTap func()      // nil makes a row that only tells
}

// rowSurface is a row's ground inside a group.
func rowSurface() Surface {
	return Surface{Radius: 12, Pad: Sides(9, 12), Least: fyne.NewSize(Touch, Touch+4)}
}

// NewRow makes a row: an icon, a title with a line under it, a value, and a
// chevron when it leads somewhere.
func NewRow(p RowParams) fyne.CanvasObject {
	ink, valueInk := theme.Ink, p.Color
	if valueInk == "" {
		valueInk = theme.Secondary
	} else if p.Value == "" {
		ink = p.Color
	}
	middle := Column(0, T(p.Title, theme.Value, ink))
	if p.Sub != "" {
		middle.Add(T(p.Sub, theme.Label, theme.Secondary))
	}
	var objects []fyne.CanvasObject
	grow := 0
	if p.Icon != "" {
		objects, grow = append(objects, NewIcon(p.Icon, 20, theme.Secondary)), 1
	}
	objects = append(objects, middle)
	if p.Value != "" {
		if value := T(p.Value, theme.Body, valueInk); isLong(value) {
			middle.Add(value)
		} else {
			objects = append(objects, value)
		}
	}
	if p.OnTap == nil {
		return levelPanel(rowSurface(), Row(12, grow, objects...))
	}
	if p.Color == "" || p.Value != "" {
		objects = append(objects, NewIcon(resource.IconNext, 14, theme.Secondary))
	}
	return newPress(levelPanel(rowSurface(), Row(12, grow, objects...)), p.OnTap)
}

// longValue is the width from which a value stands under its title instead of
// at the end of the row; large text leaves less room beside it.
const longValue = 150

func isLong(value *Text) bool {
	return value.NaturalWidth() > longValue/theme.Current().TextScale()
}

// Toggle is a row that is on or off.
type Toggle struct {
	*Press
	on       bool
	track    *Panel
	knob     *fyne.Container
	onChange func(bool)
}

// The switch's measures.
const (
	trackWidth, trackHeight, knobSide = 44, 26, 20
)

// ToggleParams makes a [Toggle]. Empty parts are left out.
type ToggleParams struct {
	Icon       resource.Icon
	Title, Sub string
	On         bool
	OnChange   func(bool)
}

// NewToggle makes the row.
func NewToggle(p ToggleParams) *Toggle {
	t := &Toggle{on: p.On, onChange: p.OnChange}
	knob := NewPanel(Surface{Fill: theme.Card, Radius: -1, Least: fyne.NewSize(knobSide, knobSide)}, Room(0))
	t.knob = &fyne.Container{Layout: &knobLayout{}, Objects: []fyne.CanvasObject{knob}}
	t.track = NewPanel(t.surface(), t.knob)
	middle := Column(0, T(p.Title, theme.Value, theme.Ink))
	if p.Sub != "" {
		middle.Add(T(p.Sub, theme.Label, theme.Secondary))
	}
	objects, grow := []fyne.CanvasObject{middle, Fixed(fyne.NewSize(trackWidth, trackHeight), t.track)}, 0
	if p.Icon != "" {
		objects, grow = append([]fyne.CanvasObject{NewIcon(p.Icon, 20, theme.Secondary)}, objects...), 1
	}
	t.Press = makePress(levelPanel(rowSurface(), Row(12, grow, objects...)), t.flip)
	t.become(t)
	t.show()
	return t
}

// On reports the state.
func (t *Toggle) On() bool { return t.on }

func (t *Toggle) surface() Surface {
	s := Surface{Fill: theme.Secondary, Radius: -1, Least: fyne.NewSize(trackWidth, trackHeight)}
	if t.on {
		s.Fill = theme.Primary
	}
	return s
}

func (t *Toggle) flip() {
	t.on = !t.on
	t.show()
	if t.onChange != nil {
		t.onChange(t.on)
	}
}

func (t *Toggle) show() {
	t.knob.Layout.(*knobLayout).on = t.on
	t.track.SetSurface(t.surface())
	t.track.Refresh()
	t.knob.Refresh()
}

type knobLayout struct{ on bool }

// Layout implements fyne.Layout.
func (k *knobLayout) Layout(o []fyne.CanvasObject, size fyne.Size) {
	gap := (size.Height - knobSide) / 2
	x := gap
	if k.on {
		x = size.Width - knobSide - gap
	}
	place(o[0], x, gap, knobSide, knobSide)
}

// MinSize implements fyne.Layout.
func (k *knobLayout) MinSize([]fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(trackWidth, trackHeight)
}

// Segments lets one of a few be picked.
func Segments(options []string, current int, pick func(int)) fyne.CanvasObject {
	objects := make([]fyne.CanvasObject, 0, len(options))
	for i, o := range options {
		s := Surface{Radius: 10, Pad: Sides(6, 6), Least: fyne.NewSize(Touch, Touch)}
		ink := theme.Secondary
		if i == current {
			s.Fill, s.Stroke, ink = theme.Card, theme.Line, theme.Primary
		}
		objects = append(objects, newPress(MiddlePanel(s, T(o, theme.BodyMedium, ink).Centered()), func() { pick(i) }))
	}
	return NewPanel(Surface{Fill: theme.Idle, Radius: 13, Pad: Around(3)}, Equal(3, objects...))
}

// NewPick is a row of a list one picks from; the picked one has a check mark.
func NewPick(title string, picked bool, onTap func()) fyne.CanvasObject {
	ink := theme.Ink
	objects := []fyne.CanvasObject{nil}
	if picked {
		ink = theme.Primary
		objects = append(objects, NewIcon(resource.IconCheck, 18, theme.Primary))
	}
	objects[0] = T(title, theme.Value, ink)
	return newPress(levelPanel(rowSurface(), Row(12, 0, objects...)), onTap)
}
