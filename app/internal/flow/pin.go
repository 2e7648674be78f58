package flow

import (
	"bytes"
	"context"
	"errors"
	"unicode/utf8"

	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/ui/lock"
	"github.com/nod-auth/nod/app/internal/ui/notice"
	"github.com/nod-auth/nod/app/internal/ui/shell"
	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/keystore"
)

// pinDigits is the length of the app's PIN: what keystore asks for at least.
const pinDigits = keystore.MinPIN

// leastPhrase is the least length of a passphrase in characters (NIST SP 800-63B-4
// section 3.1.1.2 asks for 8 where another factor is bound to it).
const leastPhrase = 8

type pinParams struct {
	purpose, subject, problem string
	phrase                    bool // ask for a passphrase instead
	cancel                    func()
	forgot                    func()
	done                      func(pin []byte) // owns and wipes it
}

// pinPage asks for a PIN or passphrase.
func (a *App) pinPage(p pinParams) *screen {
	digits := pinDigits
	if p.phrase {
		digits = 0
	}
	return &screen{name: "pin-" + p.purpose, place: shell.Inside, bare: true, typing: p.phrase, build: func() content {
		page, err := lock.New(lock.Params{
			Purpose: lock.Purpose(p.purpose), Subject: p.subject, Digits: digits, Problem: p.problem,
			OnDone: func(secret string) { p.done([]byte(secret)) }, OnCancel: p.cancel, OnForgot: p.forgot,
		})
		if err != nil {
			panic(err) // OnDone is never nil
		}
		return content{page: page}
	}}
}

// newPIN asks for a new PIN twice and hands it over; the receiver wipes it.
func (a *App) newPIN(show func(*screen), cancel func(), done func(pin []byte)) {
	var choose func(problem string)
	choose = func(problem string) {
		show(a.pinPage(pinParams{purpose: string(lock.Choose), problem: problem, cancel: cancel, done: func(first []byte) {
			if err := keystore.CheckPIN(first); err != nil {
				clear(first)
				choose(text("pin.weak"))
				return
			}
			show(a.pinPage(pinParams{purpose: string(lock.Repeat), cancel: func() { clear(first); cancel() }, done: func(second []byte) {
				same := bytes.Equal(first, second)
				clear(second)
				if !same {
					clear(first)
					choose(text("pin.differs"))
					return
				}
				done(first)
			}}))
		}}))
	}
	choose("")
}

// provePIN asks for the present PIN until the store takes it; the receiver wipes it.
func (a *App) provePIN(show func(*screen), p pinParams, done func(pin []byte)) {
	var try func(problem string)
	try = func(problem string) {
		q := p
		q.problem = problem
		q.done = func(pin []byte) {
			a.work(func(ctx context.Context) error {
				store, err := a.p.Keys.Open(ctx, false)
				if err != nil {
					return err
				}
				return a.p.Guard.Check(ctx, store, keystore.Verification{PIN: pin})
			}, func(err error) {
				if err != nil {
					clear(pin)
					try(a.pinProblem(err))
					return
				}
				done(pin)
			})
		}
		show(a.pinPage(q))
	}
	try(p.problem)
}

// pinProblem words why a PIN was not taken.
func (a *App) pinProblem(err error) string {
	var wrong *keystore.PINError
	var out *keystore.LockedOutError
	switch {
	case errors.As(err, &wrong):
		return wrongPIN(wrong.TriesLeft)
	case errors.As(err, &out) && !out.Until.IsZero():
		return text("pin.locked", map[string]any{"Time": when(out.Until, a.p.Now())})
	case errors.Is(err, keystore.ErrLockedOut):
		return text("pin.locked_open")
	case errors.Is(err, keystore.ErrDestroyed):
		return text("pin.gone")
	}
	return a.problem(err)
}

// Lock hides everything until the PIN is given. Without a PIN it does nothing.
func (a *App) Lock() {
	if a.p.Guard.Set() && !a.locked {
		a.lock()
		a.render()
	}
}

func (a *App) lock() {
	a.locked = true
	a.unlock("")
}

func (a *App) unlock(problem string) {
	open := func(pin []byte) {
		clear(pin)
		a.locked, a.top = false, nil
		a.render()
		a.takeLink()
	}
	show := func(s *screen) { a.top = s; a.render() }
	a.provePIN(show, pinParams{purpose: string(lock.Unlock), problem: problem, forgot: func() { a.forgot(show) }}, open)
}

// forgot is the way out for a PIN that nobody knows any more, or whose key ten
// wrong tries have erased: everything here goes, and the person starts again.
func (a *App) forgot(show func(*screen)) {
	back := func() { a.unlock("") }
	show(&screen{name: "forgot", place: shell.Inside, bare: true, build: func() content {
		page := notice.New(notice.Params{
			Icon: resource.IconHash, Title: text("forgot.title"), Lead: text("forgot.lead"),
			Action: text("forgot.yes"), OnAction: func() { a.startAgain(show) }, Other: text("back"), OnOther: back,
		})
		return content{page: page, keys: escapeOnly{page, back}}
	}})
}

// startAgain removes every account and the PIN from this device. It runs while
// the app is locked, so it takes only what is the device's own: nothing is
// answered, shown or sent.
func (a *App) startAgain(show func(*screen)) {
	show(a.wait(nil))
	a.work(func(ctx context.Context) error {
		for _, acc := range a.p.Core.Accounts() {
			if err := a.p.Core.Forget(ctx, acc.ID); err != nil && !errors.Is(err, device.ErrNoAccount) {
				return err
			}
		}
		return a.p.Guard.Forget(ctx, a.p.Keys.Store())
	}, func(err error) {
		if err != nil {
			show(a.failed(err, func() { a.startAgain(show) }, func() { a.unlock("") }, "back"))
			return
		}
		a.p.Prefs.Lock = false
		a.save()
		a.locked, a.top, a.over, a.base = false, nil, nil, a.home()
		a.snap = a.p.Inbox.Snapshot()
		a.render()
	})
}

// askPassphrase asks for the key file's passphrase and waits; it is called from
// any goroutine but Fyne's.
func (a *App) askPassphrase(ctx context.Context, fresh, wrong bool) ([]byte, error) {
	type reply struct {
		secret []byte
		err    error
	}
	replies := make(chan reply, 1)
	before := a.top
	finish := func(r reply) {
		a.top = before
		if a.locked && before == nil {
			a.unlock("")
		} else {
			a.render()
			a.takeLink()
		}
		replies <- r
	}
	a.p.Do(func() {
		a.p.Raise() // without the keys no request can come
		before = a.top
		show := func(s *screen) { a.top = s; a.render() }
		cancel := func() { finish(reply{err: keystore.ErrCanceled}) }
		if fresh {
			a.newPhrase(show, cancel, func(secret []byte) { finish(reply{secret: secret}) })
			return
		}
		p := pinParams{purpose: string(lock.Unlock), phrase: true, done: func(secret []byte) { finish(reply{secret: secret}) }}
		if wrong {
			p.problem = text("phrase.wrong")
		}
		show(a.pinPage(p))
	})
	select {
	case r := <-replies:
		return r.secret, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// changePIN asks for the present PIN and a new one, and makes new approval keys
// with it: a PIN is never changed in place (package keystore).
func (a *App) changePIN() {
	back := func() { a.visit(a.settings()) }
	a.provePIN(a.visit, pinParams{purpose: "change", cancel: back}, func(old []byte) {
		cancel := func() { clear(old); back() }
		a.newPIN(a.visit, cancel, func(next []byte) { a.renewKeys(old, next, map[device.AccountID]bool{}) })
	})
}

// renewKeys replaces the keys of every active account that is not done yet. Where
// a server cannot be reached it can be gone on with; the accounts that were left
// out keep the old PIN.
func (a *App) renewKeys(old, next []byte, done map[device.AccountID]bool) {
	a.visit(a.wait(nil))
	end := func() { clear(old); clear(next); a.visit(a.settings()) }
	a.work(func(ctx context.Context) error {
		store := a.p.Keys.Store()
		for _, acc := range a.p.Core.Accounts() {
			if done[acc.ID] || acc.Status != device.AccountActive || !asks(acc.Verification) {
				continue
			}
			if err := a.p.Core.RotateKeys(ctx, device.RotateParams{
				Account: acc.ID, Store: store, Current: keystore.Verification{PIN: old}, New: keystore.Verification{PIN: next},
			}); err != nil {
				return err
			}
			done[acc.ID] = true
		}
		return a.p.Guard.Choose(ctx, store, keystore.Verification{PIN: next})
	}, func(err error) {
		if err != nil {
			a.visit(a.failed(err, func() { a.renewKeys(old, next, done) }, end, "cancel"))
			return
		}
		end()
	})
}

// newPhrase asks for a first passphrase twice.
func (a *App) newPhrase(show func(*screen), cancel func(), done func([]byte)) {
	var choose func(problem string)
	choose = func(problem string) {
		show(a.pinPage(pinParams{purpose: "phrase", phrase: true, problem: problem, cancel: cancel, done: func(first []byte) {
			if utf8.RuneCount(first) < leastPhrase {
				clear(first)
				choose(text("phrase.short"))
				return
			}
			show(a.pinPage(pinParams{purpose: "phrase_again", phrase: true, cancel: func() { clear(first); cancel() }, done: func(second []byte) {
				same := bytes.Equal(first, second)
				clear(second)
				if !same {
					clear(first)
					choose(text("phrase.differs"))
					return
				}
				done(first)
			}}))
		}}))
	}
	choose("")
}

// escape gives a page that knows no keys of its own the Esc key.
type escape struct {
	fyne.CanvasObject
	do func()
}

// TypedKey takes Esc, and Enter where nothing has the focus: these pages have one way on.
func (e escape) TypedKey(k *fyne.KeyEvent) {
	switch k.Name {
	case fyne.KeyEscape, fyne.KeyReturn, fyne.KeyEnter:
		e.do()
	}
}
