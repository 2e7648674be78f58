package main

import (
	"bytes"
	"errors"
	"os"
	"time"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/keystore"
)

type listCommand struct{}

// Run lists what is on disk; no server is asked.
func (*listCommand) Run(a *app) error {
	if err := a.open(); err != nil {
		return err
	}
	accounts := a.core.Accounts()
	if len(accounts) == 0 {
		a.out.say("No accounts. Add one with: nodsim enroll <invitation>\n")
	}
	for _, acc := range accounts {
		a.out.event(event{
			"event": "account", "account": acc.ID, "status": acc.Status, "device": acc.Device, "server": acc.Server, "company": acc.Company,
			"user": acc.UserRef, "name": acc.DeviceName, "confirm_code": acc.ConfirmCode, "key_level": acc.Levels.Approval,
		})
		a.out.say("%s  %s\n", a.out.paint(bold, acc.Company+" · "+acc.Label()), a.out.paint(statusColor(acc.Status), string(acc.Status)))
		a.out.say("  %s\n  %s, %s keys, %q\n", acc.ID, acc.Host, acc.Levels.Approval, acc.DeviceName)
		if acc.ConfirmCode != "" {
			a.out.say("  code for the browser: %s\n", a.out.paint(bold, spaced(acc.ConfirmCode)))
		}
	}
	return nil
}

func statusColor(s device.AccountStatus) string {
	switch s {
	case device.AccountActive:
		return good
	case device.AccountRevoked:
		return danger
	case device.AccountRegistering, device.AccountUnconfirmed:
		return caution
	default:
		return dim
	}
}

type statusCommand struct{}

// Run asks every server once.
func (*statusCommand) Run(a *app) error {
	if err := a.open(); err != nil {
		return err
	}
	err := a.core.Sync(a.ctx)
	for _, d := range a.core.Diagnostics().Accounts {
		a.out.event(event{
			"event": "status", "account": d.Account, "status": d.Status, "host": d.Host, "reachable": d.Reachable, "failure": d.Failure,
			"clock_skew_seconds": int(d.ClockSkew / time.Second), "keys_sequence": d.KeysSequence, "refused": d.Refused, "unsent": d.Unsent,
		})
		reach := a.out.paint(good, "reachable")
		if !d.Reachable {
			reach = a.out.paint(danger, "not reachable ("+d.Failure+")")
		}
		a.out.say("%s  %s  %s\n", d.Host, a.out.paint(statusColor(d.Status), string(d.Status)), reach)
		a.out.say("  keys %s and %s, clock off by %s, %d refused, %d unsent\n",
			d.Levels.Device, d.Levels.Approval, d.ClockSkew.Round(time.Second), d.Refused, d.Unsent)
	}
	for _, c := range a.core.Pending() {
		a.out.event(challengeEvent(c))
		a.out.say("  waiting: %s, %s left\n", title(c), time.Until(c.Deadline).Round(time.Second))
	}
	return err
}

type rotateCommand struct {
	Account    string `arg:"" optional:"" help:"Id, user, company or host of the account; needed if there are several."`
	NewPinFile string `help:"File with the new PIN. Without it the PIN stays." type:"path" placeholder:"FILE"`
}

// Run replaces both keys.
func (r *rotateCommand) Run(a *app) error {
	if err := a.open(); err != nil {
		return err
	}
	acc, err := a.account(r.Account)
	if err != nil {
		return err
	}
	current, err := a.pins.get(a, "PIN:")
	if err != nil {
		return err
	}
	fresh := current
	if r.NewPinFile != "" {
		data, err := os.ReadFile(r.NewPinFile)
		if err != nil {
			return err
		}
		fresh = keystore.Verification{PIN: bytes.TrimSpace(data)}
	}
	if err := a.core.RotateKeys(a.ctx, device.RotateParams{Account: acc.ID, Current: current, New: fresh}); err != nil {
		return err
	}
	a.out.event(event{"event": "rotated", "account": acc.ID})
	a.out.say("Both keys of %s are new.\n", acc.Company)
	return nil
}

type unenrollCommand struct {
	Account string `arg:"" optional:"" help:"Id, user, company or host of the account; needed if there are several."`
	Forget  bool   `help:"Remove it here even if the server cannot be told."`
}

// Run removes an account.
func (u *unenrollCommand) Run(a *app) error {
	if err := a.open(); err != nil {
		return err
	}
	acc, err := a.account(u.Account)
	if err != nil {
		return err
	}
	err = a.core.Unenroll(a.ctx, acc.ID)
	if u.Forget && (errors.Is(err, device.ErrOffline) || errors.Is(err, device.ErrRefused) || errors.Is(err, device.ErrNotEnrolled)) {
		err = a.core.Forget(a.ctx, acc.ID)
	}
	if err != nil {
		return err
	}
	a.out.event(event{"event": "unenrolled", "account": acc.ID})
	a.out.say("%s · %s is removed.\n", acc.Company, acc.Label())
	return nil
}
