package main

import (
	"errors"
	"os"
	"strings"
	"time"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/protocol"
)

type runCommand struct {
	Invitations []string `arg:"" optional:"" help:"Enroll with these first. With --memory the whole demo is one command."`
	Name        string   `help:"What this device calls itself." default:"nodsim"`
}

// Run answers requests in the terminal until the input or the program ends.
func (r *runCommand) Run(a *app) error {
	if err := a.open(); err != nil {
		return err
	}
	for _, text := range r.Invitations {
		if _, err := a.enroll(text, r.Name, false); err != nil {
			return err
		}
	}
	if len(a.core.Accounts()) == 0 {
		_, err := a.account("")
		return err
	}
	for _, acc := range a.core.Accounts() {
		a.out.say("  %s · %s  %s\n", acc.Company, acc.Label(), a.out.paint(statusColor(acc.Status), string(acc.Status)))
	}
	t := &terminal{app: a}
	return t.loop()
}

// terminal is the interactive authenticator. One prompt is shown at a time and is
// never swapped for another while it waits for an answer.
type terminal struct {
	*app
	input  <-chan string
	shown  *device.Challenge
	status map[device.AccountID]device.AccountStatus
	quiet  bool // "waiting" has been said
}

func (t *terminal) loop() error {
	events, cancel := t.core.Subscribe()
	defer cancel()
	stop := t.background(t.ctx)
	defer stop()
	done := make(chan struct{})
	defer close(done)
	t.input = lines(t.stdin, done)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	t.status = map[device.AccountID]device.AccountStatus{}
	for {
		t.refresh()
		select {
		case <-t.ctx.Done():
			return nil
		case e, ok := <-events:
			if !ok {
				return nil
			}
			t.tell(e)
		case line, ok := <-t.input:
			if !ok {
				return nil
			}
			if err := t.typed(line); err != nil {
				return err
			}
		case <-tick.C:
			t.count()
		}
	}
}

// refresh shows the next challenge when none is shown.
func (t *terminal) refresh() {
	if t.shown != nil {
		return
	}
	list := t.core.Pending()
	for i, c := range list {
		if c.Sending != "" {
			continue
		}
		acc, _ := t.core.Account(c.Account)
		t.shown, t.quiet = &list[i], false
		t.out.event(challengeEvent(c))
		t.out.say("\a%s", t.out.prompt(c, acc.Company, len(list)-1))
		t.prompt("")
		return
	}
	if !t.quiet {
		t.quiet = true
		t.out.say("\n  %s\n", t.out.paint(dim, "Waiting for requests. Ctrl-C ends."))
	}
}

// prompt says something, then draws the countdown and the line where the person types.
func (t *terminal) prompt(note string) {
	if note != "" {
		t.out.say("  %s\n", note)
	}
	t.out.say("%s\n  > ", t.bar())
}

// count redraws the countdown above the line where the person types.
func (t *terminal) count() {
	if t.shown != nil && t.out.color {
		t.out.say("\x1b7\x1b[1A\r\x1b[2K%s\x1b8", t.bar())
	}
}

func (t *terminal) bar() string {
	return t.out.countdown(time.Until(t.shown.Deadline), t.shown.Deadline.Sub(t.shown.ReceivedAt))
}

// tell says what happened elsewhere.
func (t *terminal) tell(e device.Event) {
	switch e.Kind {
	case device.EventClosed:
		t.out.event(event{"event": "closed", "account": e.Account, "challenge": e.Challenge, "status": e.Status, "outcome": e.Outcome})
		if t.shown != nil && t.shown.ID == e.Challenge {
			t.shown = nil
			t.out.say("\n%s", t.out.outcome(device.Outcome{Kind: ended(e.Status)}))
		}
	case device.EventAccount:
		acc, ok := t.core.Account(e.Account)
		if ok && t.status[e.Account] != acc.Status {
			t.status[e.Account] = acc.Status
			t.out.event(event{"event": "account", "account": acc.ID, "status": acc.Status})
			t.out.say("\n  %s · %s is %s\n", acc.Company, acc.Label(), t.out.paint(statusColor(acc.Status), string(acc.Status)))
		}
	case device.EventConnection:
		for _, d := range t.core.Diagnostics().Accounts {
			if d.Account == e.Account {
				t.out.event(event{"event": "connection", "account": e.Account, "open": !d.StreamSince.IsZero(), "failure": d.Failure})
			}
		}
	case device.EventChallenge, device.EventResync: // refresh sees them
	}
}

// ended says what a status means for one who did not answer.
func ended(s protocol.Status) device.OutcomeKind {
	switch s {
	case protocol.StatusExpired:
		return device.OutcomeExpired
	case protocol.StatusSuperseded:
		return device.OutcomeSuperseded
	case protocol.StatusCanceled:
		return device.OutcomeCanceled
	default:
		return device.OutcomeDecidedElsewhere
	}
}

// typed takes a line. An empty one does nothing: Enter alone never answers.
func (t *terminal) typed(line string) error {
	if t.shown == nil || line == "" {
		if t.shown != nil {
			t.prompt("")
		}
		return nil
	}
	p := device.DecideParams{Account: t.shown.Account, Challenge: t.shown.ID}
	switch strings.ToLower(line) {
	case "d", "deny":
		p.Answer = protocol.Deny
	case "w":
		p.Answer, p.WrongRequest = protocol.Deny, true
	case "r", "report":
		p.Answer = protocol.Report
	case "y", "yes":
		p.Answer = protocol.Approve
	default:
		p.Answer, p.Number = protocol.Approve, strings.ReplaceAll(line, " ", "")
	}
	return t.decide(p)
}

func (t *terminal) decide(p device.DecideParams) error {
	if p.Answer == protocol.Approve && t.shown.CanApprove(p.Number) {
		v, err := t.pin()
		if err != nil {
			return err
		}
		p.Verification = v
	}
	out, err := t.core.Decide(t.ctx, p)
	switch {
	case errors.Is(err, device.ErrNumber):
		t.prompt("That is not what is asked for.")
		return nil
	case errors.Is(err, device.ErrCannotApprove):
		t.prompt(t.out.paint(caution, "This request can only be denied here."))
		return nil
	case errors.Is(err, device.ErrNoChallenge):
		t.shown = nil
		t.out.say("%s", t.out.outcome(device.Outcome{Kind: device.OutcomeExpired}))
		return nil
	case errors.Is(err, keystore.ErrDestroyed):
		return err
	case err != nil:
		t.prompt(err.Error())
		return nil
	}
	t.out.event(outcomeEvent(*t.shown, p.Answer, out))
	t.out.say("%s", t.out.outcome(out))
	if out.Final() || out.Kind == device.OutcomeOffline {
		t.shown = nil
		return nil
	}
	t.prompt("")
	return nil
}

// pin gets the PIN; one that is typed comes by the line reader, which owns the input.
func (t *terminal) pin() (keystore.Verification, error) {
	if t.pins.pin != nil {
		return keystore.Verification{PIN: t.pins.pin}, nil
	}
	f, ok := t.stdin.(*os.File)
	if !ok || !isTerminal(f) {
		return keystore.Verification{}, errNoTerminal
	}
	restore, err := hideTyping(f)
	if err != nil {
		return keystore.Verification{}, err
	}
	defer restore()
	t.out.say("  PIN: ")
	defer t.out.say("\n")
	select {
	case line := <-t.input:
		return keystore.Verification{PIN: []byte(line)}, nil
	case <-t.ctx.Done():
		return keystore.Verification{}, t.ctx.Err()
	}
}
