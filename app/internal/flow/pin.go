package flow

import (
	"bytes"
	"context"
	"errors"
	"unicode/utf8"

	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/ui/lock"
	"github.com/nod-auth/nod/app/internal/ui/shell"
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
	}
	show := func(s *screen) { a.top = s; a.render() }
	a.provePIN(show, pinParams{purpose: string(lock.Unlock), problem: problem}, open)
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
