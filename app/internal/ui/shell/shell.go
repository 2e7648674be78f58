// Package shell owns the frame around the pages: a bar of three places below on
// a narrow window, a sidebar with the accounts on a wide one.
package shell

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

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

// New frames a page. Another page, or other accounts, make another frame.
func New(p Params) *widgets.Split {
	wide := p.Wide
	if wide == nil {
		wide = p.Page
	}
	narrow := fyne.CanvasObject(container.NewStack(p.Page)) // its own object: the two are hidden in turn
	if p.Place != Inside {
		narrow = widgets.WithBar(p.Page, p.bar())
	}
	return widgets.NewSplit(narrow, widgets.WithSide(p.side(), wide, SideWidth), WideFrom, nil)
}

func (p Params) bar() fyne.CanvasObject {
	return widgets.BottomNav([]widgets.NavItem{
		{Label: text("nav.accounts"), OnTap: p.OnAccounts},
		{Label: text("nav.activity"), OnTap: p.OnActivity},
		{Label: text("nav.settings"), OnTap: p.OnSettings},
	}, int(p.Place))
}

func (p Params) side() fyne.CanvasObject {
	items := make([]widgets.SideItem, 0, len(p.Accounts))
	for _, a := range p.Accounts {
		sub := a.Who.User
		switch {
		case a.Asking:
			sub = text("nav.asking")
		case a.Problem != "":
			sub = a.Problem
		}
		items = append(items, widgets.SideItem{
			Who: a.Who, Sub: sub, Current: a.ID == p.Current, Asking: a.Asking, OnTap: func() { p.OnAccount(a.ID) },
		})
	}
	here := -1
	if p.Place == Activity || p.Place == Settings {
		here = int(p.Place)
	}
	return widgets.Side(p.AppName, items, []widgets.NavItem{
		{Label: "+ " + text("nav.add"), OnTap: p.OnAdd},
		{Label: text("nav.activity"), OnTap: p.OnActivity},
		{Label: text("nav.settings"), OnTap: p.OnSettings},
	}, here)
}

func text(key string, data ...map[string]any) string { return resource.Text(key, data...) }
