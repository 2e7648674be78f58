// Package home owns the first page: the accounts, their one-time codes, and the
// banner of an open request; and the calm page a wide window shows meanwhile.
//
// It is told what to show and reports taps; it computes no code and opens no
// connection.
package home

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// Account is one row of the page.
type Account struct {
	ID      string
	Who     widgets.Who
	KeyName string        // "key in TPM", worded; "" for none
	Code    string        // the one-time code in force; "" when it has none
	Left    time.Duration // until the next code
	Period  time.Duration
	Problem string // what the person must do: "this device must be confirmed"
	Asking  bool
}

// Open is the banner of an open request; the oldest comes first.
type Open struct {
	ID        string
	Who       widgets.Who
	Title     string // "Sign-in from Porto", worded
	ExpiresAt time.Time
}

// Params makes a [Home].
type Params struct {
	AppName   string
	Accounts  []Account
	Requests  []Open
	Offline   string // a sentence when a server cannot be reached; "" when all is well
	Now       func() time.Time
	OnAdd     func()
	OnAccount func(id string)
	OnRequest func(id string)
}

// Home is the page. SetCode and Tick change what moves; anything else makes a
// new Home.
type Home struct {
	widget.BaseWidget
	page    *widgets.Page
	p       Params
	cards   map[string]*widgets.AccountCard
	banners []*widgets.AskingBanner
}

// New makes the page.
func New(p Params) *Home {
	h := &Home{p: p, cards: map[string]*widgets.AccountCard{}}
	head := widgets.TitleRow(p.AppName, widgets.IconButton(resource.IconPlus, p.OnAdd))
	body, center := h.list(), false
	if len(p.Accounts) == 0 {
		center = true
		body = widgets.Column(0, widgets.State(widgets.StateParams{
			Icon: resource.IconShield, Title: text("home.empty.title"), Lead: text("home.empty.lead"),
			Action: text("home.empty.action"), OnAction: p.OnAdd,
		}))
	}
	h.page = widgets.NewPage(widgets.PageParams{Head: head, Body: body, Center: center, Gap: 14, Pad: &widgets.Insets{Top: 20, Right: 20, Bottom: 12, Left: 20}})
	h.ExtendBaseWidget(h)
	return h
}

// CreateRenderer implements fyne.Widget.
func (h *Home) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(h.page) }

func (h *Home) list() *fyne.Container {
	body := widgets.Column(10)
	if h.p.Offline != "" {
		body.Add(widgets.StatusBar(resource.IconOffline, h.p.Offline))
	}
	for _, r := range h.p.Requests {
		b := widgets.NewAskingBanner(widgets.AskingParams{
			Who: r.Who, Title: text("home.asking", map[string]any{"Company": r.Who.Company}), Sub: h.left(r), OnTap: func() { h.p.OnRequest(r.ID) },
		})
		h.banners = append(h.banners, b)
		body.Add(b)
	}
	body.Add(widgets.Section(text("home.accounts")))
	for _, a := range h.p.Accounts {
		c := widgets.NewAccountCard(widgets.AccountCardParams{
			Who: a.Who, Sub: Sub(a), Code: a.Code, Left: a.Left, Period: a.Period,
			Problem: a.Problem != "", OnTap: func() { h.p.OnAccount(a.ID) },
		})
		h.cards[a.ID] = c
		body.Add(c)
	}
	return body
}

// Sub is the line under an account's name.
func Sub(a Account) string {
	switch {
	case a.Problem != "":
		return join(a.Who.User, a.Problem)
	case a.KeyName != "":
		return join(a.Who.User, a.KeyName)
	}
	return a.Who.User
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + " · " + b
}

func (h *Home) left(r Open) string {
	s := int((r.ExpiresAt.Sub(h.p.Now()) + time.Second - 1) / time.Second)
	return text("home.left", map[string]any{"Title": r.Title, "Seconds": max(0, s)})
}

// Tick tells the page the time; call it each second while it is seen and
// [Home.Ticks] holds.
func (h *Home) Tick(time.Time) {
	for i, b := range h.banners {
		b.SetSub(h.left(h.p.Requests[i]))
	}
}

// Ticks reports whether anything on the page moves.
func (h *Home) Ticks() bool {
	if len(h.banners) > 0 {
		return true
	}
	for _, a := range h.p.Accounts {
		if a.Code != "" {
			return true
		}
	}
	return false
}

// SetCode shows an account's code in force and the time until the next.
func (h *Home) SetCode(id, code string, left time.Duration) {
	if c := h.cards[id]; c != nil {
		c.SetCode(code, left)
	}
}

// NewCalm is what a wide window shows beside its accounts when nothing asks.
func NewCalm(accounts int, onAdd func()) fyne.CanvasObject {
	p := widgets.StateParams{Icon: resource.IconShield, Title: text("home.calm.title"), Lead: text("home.calm.lead")}
	if accounts == 0 {
		p = widgets.StateParams{
			Icon: resource.IconShield, Title: text("home.empty.title"), Lead: text("home.empty.lead"),
			Action: text("home.empty.action"), OnAction: onAdd,
		}
	}
	return widgets.NewPage(widgets.PageParams{Body: widgets.State(p), Center: true, MaxWidth: 420})
}

func text(key string, data ...map[string]any) string { return resource.Text(key, data...) }
