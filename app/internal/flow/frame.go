package flow

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/nod-auth/nod/app/internal/inbox"
	"github.com/nod-auth/nod/app/internal/ui/home"
	"github.com/nod-auth/nod/app/internal/ui/shell"
	"github.com/nod-auth/nod/app/internal/widgets"
	"github.com/nod-auth/nod/mobile/device"
)

// frame sets a page into the window's frame.
func (a *App) frame(s *screen, c content) *shell.Shell {
	return shell.New(shell.Params{
		AppName: a.p.Brand.Name, Accounts: a.sidebar(), Current: s.account, Place: s.place, Page: c.page, Wide: c.wide,
		OnAccount: a.openAccount, OnAdd: func() { a.visit(a.add("", "")) },
		OnAccounts: func() { a.visit(a.home()) }, OnActivity: func() { a.visit(a.activity()) }, OnSettings: func() { a.visit(a.settings()) },
	})
}

// signature is what the frame and a live page show of the inbox, as text to compare.
func (a *App) signature(s *screen) string {
	if s.bare && !s.live {
		return ""
	}
	var out strings.Builder
	for _, acc := range a.snap.Accounts {
		fmt.Fprint(&out, acc.ID, acc.Status, acc.Asking, acc.Company, acc.Label(), "|")
		if s.live {
			fmt.Fprint(&out, acc.Link == inbox.LinkOffline, s.links && acc.Link == inbox.LinkOnline, acc.DeviceName, acc.Skew.Round(time.Minute), acc.Levels, acc.LastUsedAt, "|")
		}
	}
	if s.live {
		for _, r := range a.snap.Pending {
			fmt.Fprint(&out, r.ID, "|")
		}
	}
	return out.String()
}

// who is how an account is shown.
func who(acc device.Account) widgets.Who {
	return widgets.Who{Company: cmp.Or(acc.Company, acc.Host), User: acc.Label()}
}

// accounts are the rows of home and sidebar.
func (a *App) accounts() []home.Account {
	if a.locked {
		return nil
	}
	out := make([]home.Account, 0, len(a.snap.Accounts))
	for _, acc := range a.snap.Accounts {
		row := home.Account{ID: string(acc.ID), Who: who(acc.Account), Asking: acc.Asking}
		switch acc.Status {
		case device.AccountActive:
			row.KeyName = textOr("key.short."+string(acc.Levels.Approval), string(acc.Levels.Approval))
		case device.AccountUnconfirmed:
			row.Problem = text("home.confirm")
		case device.AccountRegistering:
			row.Problem = text("home.registering")
		case device.AccountRevoked:
			row.Problem = text("home.revoked")
		}
		out = append(out, row)
	}
	return out
}

// sidebar is accounts with a word about servers that cannot be reached: a wide
// window has no other place for it.
func (a *App) sidebar() []home.Account {
	rows := a.accounts()
	for i := range rows {
		if acc := a.snap.Accounts[i]; acc.Link == inbox.LinkOffline && rows[i].Problem == "" {
			rows[i].Problem = text("home.unreachable")
		}
	}
	return rows
}

// home is the first page.
func (a *App) home() *screen {
	return &screen{name: "home", place: shell.Accounts, live: true, build: func() content {
		page := home.New(home.Params{
			AppName: a.p.Brand.Name, Accounts: a.accounts(), Requests: a.openRequests(), Offline: a.trouble(), Now: a.p.Now,
			OnAdd: func() { a.visit(a.add("", "")) }, OnAccount: a.openAccount, OnRequest: a.openRequest,
		})
		c := content{page: page, wide: home.NewCalm(len(a.snap.Accounts), func() { a.visit(a.add("", "")) })}
		if page.Ticks() {
			c.tick = func(now time.Time, frame *shell.Shell) {
				page.Tick(now)
				a.countDown(now, frame)
			}
		}
		return c
	}}
}

// countDown moves the seconds in the sidebar.
func (a *App) countDown(now time.Time, frame *shell.Shell) {
	if frame == nil {
		return
	}
	for _, r := range a.snap.Pending {
		frame.SetAsking(string(r.Account), r.Deadline.Sub(now))
	}
}

// openRequests are the banners.
func (a *App) openRequests() []home.Open {
	out := make([]home.Open, 0, len(a.snap.Pending))
	for _, r := range a.snap.Pending {
		out = append(out, home.Open{ID: string(r.ID), Who: widgets.Who{Company: r.Application.Name}, Title: summary(r), ExpiresAt: r.Deadline})
	}
	return out
}

// summary is a request in a few words: "Sign-in from Porto".
func summary(r device.Challenge) string {
	kind := kindName(r.Action.Kind, r.Action.Title)
	if r.Context.Location == "" {
		return kind
	}
	return text("home.ask.from", map[string]any{"Kind": kind, "Place": r.Context.Location})
}

func kindName(kind, title string) string {
	return textOr("kind."+kind, cmp.Or(title, strings.ReplaceAll(kind, "_", " ")))
}

// trouble is one sentence about servers that cannot be reached, or the clock.
func (a *App) trouble() string {
	var names []string
	var skew time.Duration
	for _, acc := range a.snap.Accounts {
		if acc.Link == inbox.LinkOffline && acc.Status != device.AccountRevoked {
			names = append(names, cmp.Or(acc.Company, acc.Host))
		}
		if acc.Skew.Abs() > skew.Abs() {
			skew = acc.Skew
		}
	}
	switch {
	case len(names) > 0:
		return text("home.offline", map[string]any{"Companies": strings.Join(names, ", ")})
	case skew != 0:
		return text("home.skew", map[string]any{"Minutes": int(skew.Abs().Round(time.Minute) / time.Minute)})
	}
	return ""
}

func (a *App) account(id string) (inbox.Account, bool) {
	for _, acc := range a.snap.Accounts {
		if string(acc.ID) == id {
			return acc, true
		}
	}
	return inbox.Account{}, false
}
