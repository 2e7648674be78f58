package flow

import (
	"context"
	"errors"
	"runtime/debug"

	"github.com/nod-auth/nod/app/internal/ui/notice"
	"github.com/nod-auth/nod/app/internal/ui/shell"
	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/problem"
)

// sentences are the errors that have words of their own, the narrower first.
var sentences = []struct {
	err error
	key string
}{
	{device.ErrHintsDiffer, "fail.hints"}, {device.ErrUntrusted, "fail.untrusted"}, {device.ErrRevoked, "fail.revoked"},
	{keystore.ErrDestroyed, "fail.store.destroyed"}, {keystore.ErrLocked, "fail.store.locked"}, {keystore.ErrInUse, "fail.store.in_use"},
	{keystore.ErrOtherMachine, "fail.store.other_machine"}, {keystore.ErrCleared, "fail.store.cleared"}, {keystore.ErrNotFound, "fail.store.cleared"},
	{keystore.ErrCorrupt, "fail.store.corrupt"}, {keystore.ErrFormat, "fail.store.format"}, {keystore.ErrWeakPIN, "pin.weak"},
	{keystore.ErrUnavailable, "fail.store.unavailable"}, {device.ErrNoStore, "fail.store.unavailable"},
	{device.ErrInUse, "fail.profile.in_use"}, {device.ErrStateCorrupt, "fail.profile.corrupt"}, {device.ErrStateNewer, "fail.profile.newer"},
	{device.ErrStateIO, "fail.profile.io"}, {device.ErrOffline, "fail.offline"},
}

// codes are the server's refusals that have words of their own.
var codes = map[problem.Code]string{"invitation_invalid": "fail.invitation", "device_limit": "fail.device_limit"}

// Problem words an error as one sentence: what happened and what to do.
func Problem(err error) string {
	if key := codes[problem.CodeOf(err)]; key != "" {
		return text(key)
	}
	for _, s := range sentences {
		if errors.Is(err, s.err) {
			return text(s.key)
		}
	}
	if code := problem.CodeOf(err); code != "" {
		return text("fail.refused", map[string]any{"Code": string(code)})
	}
	return text("fail.title")
}

func (a *App) problem(err error) string { return Problem(err) }

// failed is the page of an error.
func (a *App) failed(err error, again, other func(), otherKey string) *screen {
	a.p.Log.Warn("failed", "error", err)
	p := notice.Params{Title: text("fail.title"), Lead: a.problem(err), Action: text("error.retry"), OnAction: again}
	if again == nil {
		p.Action, p.OnAction, other = text("outcome.done"), other, nil
	}
	if other != nil {
		p.Other, p.OnOther = text(otherKey), other
	}
	var whole *problem.Problem
	if errors.As(err, &whole) {
		p.RequestID = whole.RequestID
	}
	return &screen{name: "failed", place: shell.Inside, bare: true, build: func() content {
		page := notice.New(p)
		if p.OnOther != nil {
			return content{page: page, keys: escape{page, p.OnOther}}
		}
		return content{page: page}
	}}
}

// openKeys opens the key store in the background at the start.
func (a *App) openKeys() {
	a.work(func(ctx context.Context) error {
		_, err := a.p.Keys.Open(ctx, false)
		debug.FreeOSMemory() // opening a file of keys takes 64 MiB once
		return err
	}, func(err error) {
		switch {
		case err == nil:
			a.changed()
			a.touch()
		case errors.Is(err, keystore.ErrUnavailable) && len(a.snap.Accounts) == 0: // asked for at the first account
		default:
			back := func() { a.top = nil; a.render() }
			a.top = a.failed(err, func() { back(); a.openKeys() }, back, "fail.go_on")
			a.render()
		}
	})
}
