package flow

import (
	"context"
	"errors"
	"strings"
	"time"

	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/inbox"
	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/ui/account"
	"github.com/nod-auth/nod/app/internal/ui/shell"
	"github.com/nod-auth/nod/app/internal/widgets"
	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/protocol"
)

// openAccount goes to an account, or to its request when it asks.
func (a *App) openAccount(id string) {
	for _, r := range a.snap.Pending {
		if string(r.Account) == id && a.over == nil {
			a.openRequest(string(r.ID))
			return
		}
	}
	a.visit(a.accountPage(id))
}

func (a *App) accountPage(id string) *screen {
	s := &screen{name: "account", place: shell.Inside, account: id, live: true}
	s.leave = func() *screen {
		if _, ok := a.account(id); !ok {
			return a.home()
		}
		return nil
	}
	s.build = func() content {
		acc, _ := a.account(id)
		return content{page: account.New(a.accountParams(acc))}
	}
	return s
}

func (a *App) accountParams(acc inbox.Account) account.Params {
	id, now := string(acc.ID), a.p.Now()
	p := account.Params{
		Who: who(acc.Account), Server: acc.Host, DeviceName: acc.DeviceName,
		KeyLevel: levelName(acc.Levels.Approval), KeyStrong: strong(acc.Levels.Approval),
		LastUsed: text("when.never"), Added: when(acc.CreatedAt, now),
		OnRemove: func() { a.visit(a.remove(acc)) }, OnBack: func() { a.visit(a.home()) },
	}
	if !acc.LastUsedAt.IsZero() {
		p.LastUsed = when(acc.LastUsedAt, now)
	}
	switch acc.Status {
	case device.AccountUnconfirmed:
		p.Problem, p.ProblemAction, p.OnProblem = text("account.confirm"), text("account.confirm.action"), func() { a.visit(a.code(id)) }
	case device.AccountRegistering:
		p.Problem = text("account.registering")
	case device.AccountRevoked:
		p.Problem, p.ProblemAction, p.OnProblem = text("account.revoked"), text("account.revoked.action"), func() { a.forget(acc.ID, func() { a.visit(a.home()) }) }
	case device.AccountActive:
		p.OnRename = func() { a.visit(a.rename(acc)) }
		if a.stronger(acc.Levels.Approval) {
			p.Stronger, p.OnRotate = text("key.stronger"), func() { a.rotate(acc) }
		}
	}
	return p
}

// stronger tells whether a key made now would be safer than one of this level.
func (a *App) stronger(than protocol.KeyLevel) bool {
	s := a.p.Keys.Store()
	return s != nil && s.Level().Rank() > than.Rank()
}

// rotate moves an account's keys to the strongest store.
func (a *App) rotate(acc inbox.Account) {
	page := func() { a.visit(a.accountPage(string(acc.ID))) }
	move := func(pin []byte) {
		a.visit(a.wait(nil))
		a.work(func(ctx context.Context) error {
			defer clear(pin)
			v := keystore.Verification{PIN: pin, Reason: text("lock.rotate.lead", map[string]any{"Subject": acc.Company})}
			if err := a.p.Core.RotateKeys(ctx, device.RotateParams{Account: acc.ID, Store: a.p.Keys.Store(), Current: v, New: v}); err != nil {
				return err
			}
			if len(pin) == 0 {
				return nil
			}
			return a.p.Guard.Choose(ctx, a.p.Keys.Store(), v) // the PIN moves along
		}, func(err error) {
			if err != nil {
				a.visit(a.failed(err, page, nil, ""))
				return
			}
			page()
		})
	}
	if !asks(acc.Verification) && !asks(a.p.Keys.Store().UserVerification()) {
		move(nil)
		return
	}
	a.provePIN(a.visit, pinParams{purpose: "rotate", subject: acc.Company, cancel: page}, move)
}

// rename asks for this device's name.
func (a *App) rename(acc inbox.Account) *screen {
	back := func() { a.visit(a.accountPage(string(acc.ID))) }
	return &screen{name: "rename", place: shell.Inside, account: string(acc.ID), typing: true, build: func() content {
		var field *widgets.Field
		var save *widgets.Button
		submit := func() {
			name := strings.TrimSpace(field.Text())
			if name == "" || save.Disabled() {
				return
			}
			save.SetDisabled(true)
			a.work(func(ctx context.Context) error { return a.p.Core.Rename(ctx, acc.ID, name) }, func(err error) {
				save.SetDisabled(false)
				if err != nil {
					field.Say(a.problem(err))
					return
				}
				a.snap = a.p.Inbox.Snapshot()
				back()
			})
		}
		save = widgets.NewButton(widgets.Primary, text("rename.save"), submit)
		field = widgets.NewField(widgets.FieldParams{Label: text("rename.field"), Value: acc.DeviceName, OnReturn: func(string) { submit() }, OnEscape: back})
		page := widgets.NewPage(widgets.PageParams{
			Head: widgets.Column(4, widgets.BackLink(text("back"), back), widgets.T(text("rename.title"), theme.Title, theme.Ink)),
			Body: widgets.Column(16, widgets.T(text("rename.lead"), theme.Body, theme.Secondary), field), Foot: save, MaxWidth: 480,
		})
		return content{page: page, keys: escapeOnly{page, back}}
	}}
}

// remove asks, then removes the account at its server and here.
func (a *App) remove(acc inbox.Account) *screen {
	back := func() { a.visit(a.accountPage(string(acc.ID))) }
	gone := func() { a.snap = a.p.Inbox.Snapshot(); a.visit(a.home()) }
	return &screen{name: "remove", place: shell.Inside, account: string(acc.ID), build: func() content {
		page := account.NewRemove(account.RemoveParams{Who: who(acc.Account), OnKeep: back, OnRemove: func() {
			if acc.Status == device.AccountRevoked || acc.Status == device.AccountRegistering {
				a.forget(acc.ID, gone)
				return
			}
			a.visit(a.wait(nil))
			a.work(func(ctx context.Context) error { return a.p.Core.Unenroll(ctx, acc.ID) }, func(err error) {
				switch {
				case err == nil || errors.Is(err, device.ErrNoAccount):
					gone()
				default: // the server cannot be told: the person may still want it gone here
					a.visit(a.failed(err, func() { a.visit(a.remove(acc)) }, func() { a.forget(acc.ID, gone) }, "account.forget"))
				}
			})
		}})
		return content{page: page, keys: escapeOnly{page, back}}
	}}
}

// forget removes an account here only.
func (a *App) forget(id device.AccountID, then func()) {
	a.work(func(ctx context.Context) error { return a.p.Core.Forget(ctx, id) }, func(err error) {
		if err != nil && !errors.Is(err, device.ErrNoAccount) {
			a.visit(a.failed(err, nil, func() { a.visit(a.home()) }, ""))
			return
		}
		a.snap = a.p.Inbox.Snapshot()
		then()
	})
}

// escapeOnly gives a page the Esc key and no other.
type escapeOnly struct {
	fyne.CanvasObject
	do func()
}

// TypedKey takes Esc.
func (e escapeOnly) TypedKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeyEscape {
		e.do()
	}
}

// day words a date as the heading of the history.
func day(t, now time.Time) string {
	switch dayNumber(now.Local()) - dayNumber(t.Local()) {
	case 0:
		return text("day.today")
	case 1:
		return text("day.yesterday")
	}
	return t.Local().Format("2006-01-02")
}
