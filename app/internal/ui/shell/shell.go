// Package shell owns the frame around the pages: a bar of three places below on
// a narrow window, a sidebar with the accounts on a wide one.
package shell

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/ui/home"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// Place is where a page belongs in the navigation.
type Place int

// The places. A page Inside one (a prompt, adding an account) has no bar below.
const (
	Accounts Place = iota
	Activity
	Settings
	Inside
)

// WideFrom is the width from which the sidebar stands beside the page.
const WideFrom = 760

// SideWidth is the sidebar's width in units at text size 1.
const SideWidth = 280

// Params makes a [Shell].
type Params struct {
	AppName  string
	Accounts []home.Account
	Current  string // the account that is marked in the sidebar; "" for none
	Place    Place
	Page     fyne.CanvasObject // what a narrow window shows
	// Wide is what a wide window shows beside the sidebar; nil means Page.
	Wide       fyne.CanvasObject
	OnAccount  func(id string)
	OnAdd      func()
	OnAccounts func()
	OnActivity func()
	OnSettings func()
}

// Shell is the frame with a page in it.
type Shell struct {
	widget.BaseWidget
	p     Params
	split *widgets.Split
	side  *widgets.Side
}

// New frames a page. Another page, or other accounts, make another frame.
func New(p Params) *Shell {
	wide := p.Wide
	if wide == nil {
		wide = p.Page
	}
	narrow := fyne.CanvasObject(container.NewStack(p.Page)) // its own object: the two are hidden in turn
	if p.Place != Inside {
		narrow = widgets.WithBar(p.Page, p.bar())
	}
	s := &Shell{p: p, side: p.newSide()}
	s.split = widgets.NewSplit(narrow, widgets.WithSide(s.side.Panel, wide, SideWidth), WideFrom)
	s.ExtendBaseWidget(s)
	return s
}

// CreateRenderer implements fyne.Widget.
func (s *Shell) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(s.split) }

// Wide reports whether the sidebar is shown.
func (s *Shell) Wide() bool { return s.split.Wide() }

// SetAsking shows the seconds left beside an account that asks.
func (s *Shell) SetAsking(id string, left time.Duration) {
	seconds := max(0, int((left+time.Second-1)/time.Second))
	s.setSub(id, text("nav.asking_left", map[string]any{"Seconds": seconds}))
}

// SetCode shows an account's one-time code in the sidebar.
func (s *Shell) SetCode(id, code string) { s.setSub(id, widgets.GroupCode(code)) }

func (s *Shell) setSub(id, sub string) {
	for i, a := range s.p.Accounts {
		if a.ID == id {
			s.side.SetSub(i, sub)
		}
	}
}

func (p Params) bar() fyne.CanvasObject {
	return widgets.BottomNav([]widgets.NavItem{
		{Label: text("nav.accounts"), OnTap: p.OnAccounts},
		{Label: text("nav.activity"), OnTap: p.OnActivity},
		{Label: text("nav.settings"), OnTap: p.OnSettings},
	}, int(p.Place))
}

func (p Params) newSide() *widgets.Side {
	items := make([]widgets.SideItem, 0, len(p.Accounts))
	for _, a := range p.Accounts {
		sub := a.Who.User
		switch {
		case a.Asking:
			sub = text("nav.asking")
		case a.Problem != "":
			sub = a.Problem
		case a.Code != "":
			sub = widgets.GroupCode(a.Code)
		}
		items = append(items, widgets.SideItem{
			Who: a.Who, Sub: sub, Current: a.ID == p.Current, Asking: a.Asking, OnTap: func() { p.OnAccount(a.ID) },
		})
	}
	here := -1
	if p.Place == Activity || p.Place == Settings {
		here = int(p.Place)
	}
	return widgets.NewSide(p.AppName, items, []widgets.NavItem{
		{Label: "+ " + text("nav.add"), OnTap: p.OnAdd},
		{Label: text("nav.activity"), OnTap: p.OnActivity},
		{Label: text("nav.settings"), OnTap: p.OnSettings},
	}, here)
}

func text(key string, data ...map[string]any) string { return resource.Text(key, data...) }
