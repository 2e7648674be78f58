package flow

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/storage"

	"github.com/nod-auth/nod/app/internal/platform"
	"github.com/nod-auth/nod/app/internal/ui/enroll"
	"github.com/nod-auth/nod/app/internal/ui/firstrun"
	"github.com/nod-auth/nod/app/internal/ui/notice"
	"github.com/nod-auth/nod/app/internal/ui/shell"
	"github.com/nod-auth/nod/app/internal/widgets"
	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/keystore"
)

// firstRun teaches, once, and goes on to the first account.
func (a *App) firstRun() *screen {
	return a.teach(func() {
		if len(a.snap.Accounts) == 0 {
			a.visit(a.add("", ""))
		} else {
			a.visit(a.home())
		}
	})
}

func (a *App) teach(end func()) *screen {
	done := func() {
		a.p.Prefs.Taught = true
		a.save()
		end()
	}
	return &screen{name: "first-run", bare: true, build: func() content {
		return content{page: firstrun.New(firstrun.Params{AppName: a.p.Brand.Name, OnDone: done, OnPractice: func() { a.practice(done) }})}
	}}
}

// Link takes an invitation from outside: the command line, a browser, a second
// instance. It contacts nothing, and waits while a request is answered (T37).
func (a *App) Link(uri string) {
	a.Raised()
	a.p.Raise()
	if strings.TrimSpace(uri) == "" {
		return
	}
	if a.over != nil || a.top != nil {
		a.link = uri
		return
	}
	a.invited(uri)
}

// add is the page of ways to add an account.
func (a *App) add(typed, problem string) *screen {
	return &screen{name: "add", place: shell.Inside, typing: true, build: func() content {
		page := enroll.NewAdd(enroll.AddParams{
			Scheme: a.p.Brand.Scheme, OnPaste: a.paste, OnOpenImage: a.openPicture, OnText: a.invited, OnCancel: func() { a.visit(a.home()) }, Problem: problem,
		})
		if typed != "" {
			page.SetText(typed)
		}
		return content{page: page}
	}}
}

// invited reads an invitation and shows what it says; nothing is contacted yet.
func (a *App) invited(s string) {
	inv, err := a.p.Core.Inspect(strings.TrimSpace(s))
	switch {
	case errors.Is(err, device.ErrInsecure):
		a.visit(a.add(s, text("add.problem.insecure")))
	case errors.Is(err, device.ErrHostNotAllowed):
		a.visit(a.add(s, text("add.problem.host", map[string]any{"Host": inv.Host})))
	case err != nil:
		a.visit(a.add(s, text("add.problem.invitation", map[string]any{"Scheme": a.p.Brand.Scheme})))
	case inv.Known != "":
		a.openAccount(string(inv.Known))
	default:
		a.visit(a.confirm(inv))
	}
}

// paste takes a link or a picture from the clipboard.
func (a *App) paste() {
	if s := strings.TrimSpace(a.p.App.Clipboard().Content()); s != "" {
		a.invited(s)
		return
	}
	var data []byte
	a.work(func(ctx context.Context) (err error) {
		data, err = a.p.System.Clipboard.Image(ctx)
		return err
	}, func(err error) {
		if err != nil {
			a.visit(a.add("", text("add.problem.clipboard")))
			return
		}
		a.picture(bytes.NewReader(data))
	})
}

// openPicture asks for a file with a picture.
func (a *App) openPicture() {
	d := dialog.NewFileOpen(func(f fyne.URIReadCloser, err error) {
		if err != nil || f == nil {
			return
		}
		defer f.Close()
		a.picture(f)
	}, a.p.Window)
	d.SetFilter(storage.NewExtensionFileFilter([]string{".png", ".jpg", ".jpeg", ".gif"}))
	d.Show()
}

// dropped takes the first of the files that were dropped on the window.
func (a *App) dropped(files []fyne.URI) {
	if len(files) == 0 || a.over != nil || a.top != nil || a.locked {
		return
	}
	f, err := storage.Reader(files[0])
	if err != nil {
		a.visit(a.add("", text("add.problem.picture")))
		return
	}
	defer f.Close()
	a.picture(f)
}

func (a *App) picture(r io.Reader) {
	s, err := DecodeQR(r)
	if err != nil {
		a.visit(a.add("", text("add.problem.picture")))
		return
	}
	a.invited(s)
}

// confirm asks whether the account is to be added. Nothing was contacted.
func (a *App) confirm(inv device.Invitation) *screen {
	level := a.p.Keys.Level()
	w := widgets.Who{Company: cmp.Or(inv.Company, inv.Host), User: inv.User}
	return &screen{name: "confirm", place: shell.Inside, build: func() content {
		p := enroll.ConfirmParams{
			Who: w, Server: inv.Host, Key: textOr("key.made."+string(level), string(level)), OnCancel: func() { a.visit(a.home()) },
			OnAdd: func() { a.agreed(inv) },
		}
		if !strong(level) {
			p.Weak = text("key.weak")
		}
		return content{page: enroll.NewConfirm(p)}
	}}
}

// agreed opens the key store, gets the PIN and enrolls.
func (a *App) agreed(inv device.Invitation) {
	a.visit(a.wait(func() { a.visit(a.home()) }))
	var store keystore.Store
	a.work(func(ctx context.Context) (err error) {
		store, err = a.p.Keys.Open(ctx, true)
		return err
	}, func(err error) {
		home := func() { a.visit(a.home()) }
		switch {
		case errors.Is(err, keystore.ErrCanceled):
			a.visit(a.confirm(inv))
		case err != nil:
			a.visit(a.failed(err, func() { a.agreed(inv) }, home, "cancel"))
		case !asks(store.UserVerification()):
			a.enroll(inv, nil)
		case a.p.Guard.Set():
			a.provePIN(a.visit, pinParams{purpose: "add", subject: cmp.Or(inv.Company, inv.Host), cancel: home}, func(pin []byte) { a.enroll(inv, pin) })
		default:
			a.newPIN(a.visit, home, func(pin []byte) { a.enroll(inv, pin) })
		}
	})
}

// enroll makes the keys and registers them; it wipes the PIN.
func (a *App) enroll(inv device.Invitation, pin []byte) {
	a.visit(a.wait(nil))
	var acc device.Account
	a.work(func(ctx context.Context) (err error) {
		defer clear(pin)
		v := keystore.Verification{PIN: pin, Reason: text("lock.add.lead", map[string]any{"Subject": inv.Company})}
		if !a.p.Guard.Set() && len(pin) > 0 {
			if err := a.p.Guard.Choose(ctx, a.p.Keys.Store(), v); err != nil {
				return err
			}
		}
		acc, err = a.p.Core.Enroll(ctx, device.EnrollParams{Invitation: inv, DeviceName: platform.DeviceName(), Verification: v})
		return err
	}, func(err error) {
		a.snap = a.p.Inbox.Snapshot()
		switch {
		case err == nil:
			a.visit(a.code(string(acc.ID)))
		case errors.Is(err, device.ErrOffline):
			a.visit(a.failed(err, func() { a.agreedAgain(inv) }, func() { a.visit(a.home()) }, "cancel"))
		default:
			a.visit(a.failed(err, nil, func() { a.visit(a.home()) }, ""))
		}
	})
}

// agreedAgain sends an enrollment whose reply was lost once more: the same bytes.
func (a *App) agreedAgain(inv device.Invitation) {
	a.visit(a.wait(nil))
	var acc device.Account
	a.work(func(ctx context.Context) (err error) {
		acc, err = a.p.Core.Enroll(ctx, device.EnrollParams{Invitation: inv, DeviceName: platform.DeviceName()})
		return err
	}, func(err error) {
		if err != nil {
			a.visit(a.failed(err, func() { a.agreedAgain(inv) }, func() { a.visit(a.home()) }, "cancel"))
			return
		}
		a.visit(a.code(string(acc.ID)))
	})
}

func (a *App) wait(cancel func()) *screen {
	return &screen{name: "wait", place: shell.Inside, build: func() content {
		return content{page: notice.NewWait(text("wait.key.title"), text("wait.key.lead"), cancel)}
	}}
}

// code shows the digits to type in the browser, until the browser did.
func (a *App) code(id string) *screen {
	s := &screen{name: "code", place: shell.Inside, account: id, live: true}
	s.leave = func() *screen {
		if acc, ok := a.p.Core.Account(device.AccountID(id)); !ok || acc.Status == device.AccountActive {
			return a.home()
		}
		return nil
	}
	s.build = func() content {
		acc, _ := a.p.Core.Account(device.AccountID(id))
		home := func() { a.visit(a.home()) }
		state := enroll.WaitCode
		if acc.Status == device.AccountRevoked {
			state = enroll.CodeFailed
		}
		page := enroll.NewCode(enroll.CodeParams{
			Who: who(acc), Code: acc.ConfirmCode, State: state, Server: acc.Host, OnCancel: home,
			OnAgain: func() { a.forget(acc.ID, func() { a.visit(a.add("", "")) }) },
		})
		return content{page: page, keys: escape{page, home}}
	}
	return s
}
