package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/keystore"
)

type enrollCommand struct {
	Invitation string        `arg:"" help:"The invitation: nod://enroll?... or the https link. Quote it."`
	Name       string        `help:"What this device calls itself." default:"nodsim"`
	Yes        bool          `help:"Do not ask. Nobody is asked either when input is no terminal." short:"y"`
	Wait       time.Duration `help:"Wait so long until the code was typed in the browser." placeholder:"60s"`
}

// Run registers and prints the code.
func (e *enrollCommand) Run(a *app) error {
	if err := a.open(); err != nil {
		return err
	}
	acc, err := a.enroll(e.Invitation, e.Name, !e.Yes && isTerminal(a.stdin))
	if err != nil || e.Wait == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(a.ctx, e.Wait)
	defer cancel()
	return a.awaitActive(ctx, acc.ID)
}

// enroll shows an invitation, asks if wanted, registers and tells the code.
func (a *app) enroll(text, name string, question bool) (device.Account, error) {
	in, err := a.core.Inspect(text)
	if err != nil {
		return device.Account{}, err
	}
	a.showInvitation(in)
	if question {
		answer, err := a.ask("Add this account? [y/N]")
		if err != nil || !strings.HasPrefix(strings.ToLower(answer), "y") {
			return device.Account{}, &exitErr{code: exitOutcome, text: "not added"}
		}
	}
	pin, err := a.newPIN()
	if err != nil {
		return device.Account{}, err
	}
	acc, err := a.core.Enroll(a.ctx, device.EnrollParams{Invitation: in, DeviceName: name, Verification: pin})
	if err != nil {
		return acc, err
	}
	a.out.event(event{
		"event": "enrolled", "account": acc.ID, "device": acc.Device, "server": acc.Server, "company": acc.Company,
		"user": acc.UserRef, "confirm_code": acc.ConfirmCode,
	})
	if acc.ConfirmCode != "" {
		a.out.say("\n  Type this code in the browser that showed the invitation:\n\n      %s\n\n", a.out.paint(bold, spaced(acc.ConfirmCode)))
	}
	return acc, nil
}

func (a *app) showInvitation(in device.Invitation) {
	a.out.say("\n  %s\n", a.out.paint(bold, orElse(in.Company, "A company that gave no name")))
	a.out.say("  %s  %s\n", a.out.paint(dim, "server "), in.Host)
	a.out.say("  %s  %s\n", a.out.paint(dim, "account"), orElse(in.User, "not named"))
	a.out.say("  %s  %s\n", a.out.paint(dim, "keys   "), in.Level)
	if in.Plain {
		a.out.say("  %s\n", a.out.paint(caution, "Plain http, to this computer only."))
	}
	a.out.say("  %s\n", a.out.paint(dim, "Go on only if you asked this company for the invitation."))
}

// newPIN gets the PIN for new keys; one that is typed is typed twice.
func (a *app) newPIN() (keystore.Verification, error) {
	v, err := a.pins.get(a, "New PIN (at least 6 characters):")
	if err != nil || a.pins.pin != nil {
		return v, err
	}
	if err := keystore.CheckPIN(v.PIN); err != nil {
		return v, err
	}
	again, err := a.pins.get(a, "The same PIN again:")
	if err != nil {
		return v, err
	}
	if string(again.PIN) != string(v.PIN) {
		return v, fmt.Errorf("%w: the two are not the same", keystore.ErrWrongPIN)
	}
	return v, nil
}

// awaitActive waits until the account is confirmed.
func (a *app) awaitActive(ctx context.Context, id device.AccountID) error {
	events, cancel := a.core.Subscribe()
	defer cancel()
	stop := a.background(ctx)
	defer stop()
	for {
		switch acc, ok := a.core.Account(id); {
		case !ok || acc.Status == device.AccountRevoked:
			return device.ErrRevoked
		case acc.Status == device.AccountActive:
			a.out.event(event{"event": "active", "account": id})
			a.out.say("  %s\n", a.out.paint(good, "Confirmed. This device can answer now."))
			return nil
		}
		select {
		case <-events:
		case <-ctx.Done():
			if a.ctx.Err() != nil {
				return a.ctx.Err()
			}
			return &exitErr{code: exitNothing, text: "the code was not typed in time"}
		}
	}
}

// background keeps the streams open until stop is called or ctx ends.
func (a *app) background(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- a.core.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			_, _ = fmt.Fprintln(a.stderr, "nodsim:", err)
		}
	}
}

func spaced(code string) string {
	if len(code) != 6 {
		return code
	}
	return code[:3] + " " + code[3:]
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
