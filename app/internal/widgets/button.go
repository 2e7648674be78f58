package widgets

import (
	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
)

// Kind is the promise a button makes.
type Kind int

// The kinds of buttons. A page has at most one Primary.
const (
	Primary Kind = iota // the way on, filled
	Weak                // a calm way on: "Done"
	Outline             // another way
	Danger              // outlined, red text: never the same size of promise
	Quiet               // text alone
)

// buttonHeight and buttonRadius are the design's.
const (
	buttonHeight = 52
	buttonRadius = 14
)

type look struct{ fill, stroke, ink theme.Token }

var looks = map[Kind]look{
	Primary: {theme.Primary, "", theme.OnPrimary},
	Weak:    {theme.Weak, "", theme.Primary},
	Outline: {theme.Background, theme.Line, theme.Ink},
	Danger:  {theme.Background, theme.Line, theme.Bad},
	Quiet:   {"", "", theme.Secondary},
}

// Button is a button of the design, 52 high. None is ever a default button:
// Enter works on the one that has the focus and on no other.
type Button struct {
	*Press
	kind  Kind
	label *Text
}

// NewButton makes a button.
func NewButton(kind Kind, text string, onTap func()) *Button {
	l := looks[kind]
	label := T(text, theme.Action, l.ink).Centered()
	s := Surface{
		Fill: l.fill, Stroke: l.stroke, Radius: buttonRadius, Pad: Sides(8, 14),
		Least: fyne.NewSize(Touch, buttonHeight),
	}
	b := &Button{Press: makePress(MiddlePanel(s, label), onTap), kind: kind, label: label}
	b.become(b)
	return b
}

// SetText changes the label.
func (b *Button) SetText(s string) { b.label.SetText(s) }

// Text returns the label.
func (b *Button) Text() string { return b.label.String() }

// SetDisabled shows the button as idle and makes it dead.
func (b *Button) SetDisabled(d bool) {
	l, s := looks[b.kind], b.panel.surface
	s.Fill = l.fill
	ink := l.ink
	if d {
		s.Fill, ink = theme.Idle, theme.OnIdle
	}
	b.label.SetColor(ink)
	b.panel.SetSurface(s)
	b.Press.SetDisabled(d)
}

// LinkButton is a quiet text at the start of a page, such as "Cancel".
func LinkButton(text string, c theme.Token, onTap func()) *Press {
	s := Surface{Radius: 10, Least: fyne.NewSize(Touch, Touch)}
	return newPress(levelPanel(s, OneLine(text, theme.Body, c)), onTap)
}

// roundButton is the size one sees of an icon button; it is tapped on more.
const roundButton = 36

// IconButton is a round button with an icon.
func IconButton(name resource.Icon, onTap func()) *Press {
	disc := Surface{Fill: theme.Weak, Radius: -1, Least: fyne.NewSize(roundButton, roundButton)}
	s := Surface{Radius: -1, Least: fyne.NewSize(Touch, Touch)}
	return newPress(MiddlePanel(s, MiddlePanel(disc, fixedIcon(name, 18, theme.Primary))), onTap)
}

// BackLink is the way back at the start of a page.
func BackLink(text string, onTap func()) fyne.CanvasObject {
	s := Surface{Radius: 10, Least: fyne.NewSize(Touch, Touch), Pad: Insets{Right: 8}}
	content := Row(4, -1, NewIcon(resource.IconBack, 16, theme.Secondary), OneLine(text, theme.Body, theme.Secondary))
	return Row(0, -1, newPress(levelPanel(s, content), onTap))
}
