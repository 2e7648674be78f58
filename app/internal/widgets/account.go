package widgets

import (
	"image/color"
	"time"

	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
)

// Who is a company and the person's name there.
type Who struct {
	Company string
	User    string
	Color   color.Color // the company's own; nil picks one by its name
}

// Header shows who asks, and the time left at the end of the row; ring may be nil.
func Header(w Who, ring *Ring) *fyne.Container {
	names := Column(0, T(w.Company, theme.Name, theme.Ink))
	if w.User != "" {
		names.Add(T(w.User, theme.Label, theme.Secondary))
	}
	objects := []fyne.CanvasObject{NewTile(w.Company, w.Color, 40), names}
	if ring != nil {
		objects = append(objects, ring)
	}
	return Row(12, 1, objects...)
}

// AccountCard is one account on the home page.
type AccountCard struct {
	*Press
	ring *Ring
	code *CodeText
}

// AccountCardParams makes an [AccountCard].
type AccountCardParams struct {
	Who
	Sub     string        // the line under the name
	Code    string        // a one-time code to show instead of Sub; "" for none
	Left    time.Duration // until the next code
	Period  time.Duration
	Problem bool // it needs the person: shows a warning mark
	OnTap   func()
}

// NewAccountCard makes the card.
func NewAccountCard(p AccountCardParams) *AccountCard {
	c := &AccountCard{}
	middle := Column(0, T(p.Company, theme.Heading, theme.Ink))
	if p.Code != "" {
		c.code = NewCodeText(p.Code, theme.Code, theme.Ink)
		c.ring = CalmRing(p.Left, p.Period)
		middle.Add(c.code.Container)
	} else {
		middle.Add(T(p.Sub, theme.Label, theme.Secondary))
	}
	objects := []fyne.CanvasObject{NewTile(p.Company, p.Color, 40), middle}
	switch {
	case c.ring != nil:
		objects = append(objects, c.ring)
	case p.Problem:
		mark := Surface{Fill: theme.WarnWeak, Radius: 6, Least: fyne.NewSize(22, 22)}
		objects = append(objects, MiddlePanel(mark, OneLine("!", theme.Tag, theme.Warn)))
	default:
		objects = append(objects, NewIcon(resource.IconNext, 16, theme.Secondary))
	}
	c.Press = makePress(NewPanel(CardSurface(Sides(13, 15)), Row(12, 1, objects...)), p.OnTap)
	c.become(c)
	return c
}

// SetCode shows the code in force and the time until the next.
func (c *AccountCard) SetCode(code string, left time.Duration) {
	if c.code == nil {
		return
	}
	c.code.Set(code)
	c.ring.Set(left)
}

// AskingBanner says that a request is open; the tap opens it.
type AskingBanner struct {
	*Press
	sub *Text
}

// AskingParams makes an [AskingBanner].
type AskingParams struct {
	Who
	Title, Sub string
	OnTap      func()
}

// NewAskingBanner makes the banner.
func NewAskingBanner(p AskingParams) *AskingBanner {
	line := T(p.Sub, theme.Small, theme.OnPrimary)
	s := Surface{Fill: theme.Primary, Radius: 16, Pad: Sides(16, 16)}
	content := Row(12, 1, NewTile(p.Company, p.Color, 40),
		Column(0, T(p.Title, theme.Action, theme.OnPrimary), line),
		NewIcon(resource.IconNext, 18, theme.OnPrimary))
	b := &AskingBanner{Press: makePress(NewPanel(s, content), p.OnTap), sub: line}
	b.become(b)
	return b
}

// SetSub changes the second line, such as the seconds left.
func (b *AskingBanner) SetSub(s string) { b.sub.SetText(s) }

// Section is the small heading over a group of cards.
func Section(s string) fyne.CanvasObject {
	return Padded(Insets{Top: 8, Left: 4, Bottom: -2}, 0, T(s, theme.Label, theme.Secondary))
}

// TitleRow is a page's title with an optional object at its end.
func TitleRow(title string, end fyne.CanvasObject) fyne.CanvasObject {
	t := T(title, theme.Title, theme.Ink)
	if end == nil {
		return Row(0, 0, t)
	}
	return Padded(Insets{Right: -(Touch - roundButton) / 2}, 0, Row(12, 0, t, end))
}
