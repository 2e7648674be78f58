package widgets

import (
	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/theme"
)

// NavItem is one place of the navigation.
type NavItem struct {
	Label string
	OnTap func()
}

// BottomNav is the narrow layout's navigation; current is marked.
func BottomNav(items []NavItem, current int) fyne.CanvasObject {
	objects := make([]fyne.CanvasObject, 0, len(items))
	for i, it := range items {
		c := theme.Secondary
		ty := theme.Nav
		if i == current {
			c, ty = theme.Primary, theme.NavHere
		}
		s := Surface{Radius: 12, Pad: Sides(6, 0), Least: fyne.NewSize(Touch, 50)}
		objects = append(objects, newPress(MiddlePanel(s, T(it.Label, ty, c).Centered()), it.OnTap))
	}
	bar := Surface{Fill: theme.Card, Pad: Insets{7, 12, 8, 12}}
	return Column(0, Rule(), NewPanel(bar, Equal(4, objects...)))
}

// SideItem is one account in the wide layout's sidebar.
type SideItem struct {
	Who
	Sub     string
	Current bool
	Asking  bool
	OnTap   func()
}

// Side is the wide layout's sidebar: accounts above, places below.
type Side struct {
	*Panel
	subs []*Text
}

// NewSide makes the sidebar; the place at index current is marked.
func NewSide(title string, accounts []SideItem, places []NavItem, current int) *Side {
	side := &Side{}
	top := Column(6, Padded(Insets{Bottom: 10}, 0, T(title, theme.Title, theme.Ink)))
	for _, a := range accounts {
		top.Add(side.account(a))
	}
	bottom := Column(0)
	for i, it := range places {
		bottom.Add(sidePlace(it, i == current))
	}
	page := NewPage(PageParams{Body: top, Foot: bottom, Pad: &Insets{18, 18, 14, 18}})
	side.Panel = NewPanel(Surface{Fill: theme.Card}, page)
	return side
}

// SetSub changes the line under the name of the account at index i.
func (s *Side) SetSub(i int, text string) { s.subs[i].SetText(text) }

func (s *Side) account(a SideItem) fyne.CanvasObject {
	ground := Surface{Radius: 14, Pad: Sides(13, 14)}
	if a.Current {
		ground.Fill = theme.Weak
	}
	c := theme.Secondary
	if a.Asking {
		c = theme.Primary
	}
	sub := T(a.Sub, theme.Label, c)
	s.subs = append(s.subs, sub)
	return NewPress(ground, Row(12, 1, NewTile(a.Company, a.Color, 40),
		Column(0, T(a.Company, theme.Heading, theme.Ink), sub)), a.OnTap)
}

func sidePlace(it NavItem, here bool) fyne.CanvasObject {
	c := theme.Secondary
	s := Surface{Radius: 12, Pad: Sides(8, 14), Least: fyne.NewSize(Touch, Touch)}
	if here {
		c, s.Fill = theme.Primary, theme.Weak
	}
	return NewPress(s, Row(0, 0, T(it.Label, theme.Body, c)), it.OnTap)
}
