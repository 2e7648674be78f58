package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/shared/protocol"
)

// The ways to answer.
const (
	wayApprove = "approve"
	wayDeny    = "deny"
	wayReport  = "report"
	wayWrong   = "wrong-number"
	waySleep   = "sleep"
)

type answerCommand struct {
	Approve     bool `help:"Approve the next request." xor:"way"`
	Deny        bool `help:"Deny it." xor:"way"`
	Report      bool `help:"Report it: it was not me." xor:"way"`
	WrongNumber bool `help:"Approve it with a number that is wrong." xor:"way"`
	Sleep       bool `help:"See it, do not answer, and wait for its end." xor:"way"`

	Always string `help:"Answer every request like that until the end: approve, deny, report, wrong-number or sleep." enum:",approve,deny,report,wrong-number,sleep" default:"" placeholder:"WAY"`

	Number        string        `help:"The number that the sign-in page shows." placeholder:"N"`
	NumberFrom    string        `help:"Read numbers from a file, or - for standard input. Lines are NUMBER or CHALLENGE NUMBER; the file is read again until it has one." placeholder:"FILE"`
	NumberCommand string        `help:"Run this command in a shell and take the number that it prints. NOD_CHALLENGE, NOD_USER and NOD_APPLICATION are set." placeholder:"CMD"`
	Wait          time.Duration `help:"How long to wait for a request." default:"60s"`

	Invitations string `help:"Enroll with these first, one invitation per line; - for standard input." placeholder:"FILE"`
	Devices     int    `help:"So many devices at once, in memory, each with an invitation of --invitations." placeholder:"N"`
	Name        string `help:"What the devices call themselves." default:"nodsim"`
}

func (c *answerCommand) way() string {
	switch {
	case c.Always != "":
		return c.Always
	case c.Deny:
		return wayDeny
	case c.Report:
		return wayReport
	case c.WrongNumber:
		return wayWrong
	case c.Sleep:
		return waySleep
	default:
		return wayApprove
	}
}

// Validate refuses a call that says nothing.
func (c *answerCommand) Validate() error {
	once := c.Approve || c.Deny || c.Report || c.WrongNumber || c.Sleep
	if once && c.Always != "" {
		return errors.New("--always and a single answer can't be used together")
	}
	if !once && c.Always == "" {
		return errors.New("say how to answer: --approve, --deny, --report, --wrong-number, --sleep or --always")
	}
	if c.Devices > 0 && c.Invitations == "" {
		return errors.New("--devices needs --invitations")
	}
	if c.Invitations == "-" && c.NumberFrom == "-" {
		return errors.New("standard input can hold invitations or numbers, not both")
	}
	return nil
}

// Run answers.
func (c *answerCommand) Run(a *app) error {
	if c.Devices > 0 {
		a.cli.Memory = true
	}
	if err := a.open(); err != nil {
		return err
	}
	r := &robot{app: a, command: c, way: c.way(), numbers: newNumbers(a, c), busy: map[protocol.ChallengeID]bool{}}
	if err := r.enroll(); err != nil {
		return err
	}
	if len(a.core.Accounts()) == 0 {
		_, err := a.account("")
		return err
	}
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	if c.Always == "" {
		ctx, cancel = context.WithTimeout(ctx, c.Wait)
		defer cancel()
	}
	return r.loop(ctx)
}

// robot answers without a person.
type robot struct {
	*app
	command *answerCommand
	way     string
	numbers *numbers

	mu    sync.Mutex
	busy  map[protocol.ChallengeID]bool // being answered, or slept through
	tasks sync.WaitGroup
}

// parallel bounds what is answered, and enrolled, at the same time.
const parallel = 64

// loop watches for requests. Without --always it ends with the first one.
func (r *robot) loop(ctx context.Context) error {
	events, cancel := r.core.Subscribe()
	defer cancel()
	stop := r.background(ctx)
	defer stop()
	results := make(chan error, 1)
	slots := make(chan struct{}, parallel)
	defer r.tasks.Wait()
	taskCtx, cancelTasks := context.WithCancel(ctx)
	defer cancelTasks()
	r.out.event(event{"event": "ready", "accounts": len(r.core.Accounts())})
	for {
		for _, c := range r.fresh() {
			if r.command.Always == "" {
				return r.answer(taskCtx, c, events)
			}
			r.tasks.Go(func() {
				select {
				case slots <- struct{}{}:
					defer func() { <-slots }()
				case <-taskCtx.Done():
					return
				}
				if err := r.answer(taskCtx, c, nil); err != nil {
					select {
					case results <- err:
					default:
					}
				}
			})
		}
		select {
		case e := <-events:
			r.note(e)
			for more := true; more; { // a burst is looked through once
				select {
				case e, open := <-events:
					r.note(e)
					more = open
				default:
					more = false
				}
			}
		case err := <-results:
			if !isOutcome(err) { // one request that ended otherwise is no reason to stop
				return err
			}
		case <-ctx.Done():
			return r.nothing()
		}
	}
}

func isOutcome(err error) bool {
	var e *exitErr
	return errors.As(err, &e)
}

// nothing is how waiting in vain ends.
func (r *robot) nothing() error {
	if r.ctx.Err() != nil || r.command.Always != "" {
		return nil
	}
	for _, d := range r.core.Diagnostics().Accounts {
		if d.Status == device.AccountRevoked {
			return device.ErrRevoked
		}
		if !d.Reachable {
			return device.ErrOffline
		}
	}
	return &exitErr{code: exitNothing, text: "no request came in time"}
}

// fresh are the pending challenges that nobody works on yet.
func (r *robot) fresh() []device.Challenge {
	var out []device.Challenge
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.core.Pending() {
		if !r.busy[c.ID] && c.Sending == "" {
			r.busy[c.ID] = true
			out = append(out, c)
		}
	}
	return out
}

// note tells a script what happened, and forgets challenges that are over.
func (r *robot) note(e device.Event) {
	switch e.Kind {
	case device.EventClosed:
		r.mu.Lock()
		delete(r.busy, e.Challenge)
		r.mu.Unlock()
		r.out.event(event{"event": "closed", "account": e.Account, "challenge": e.Challenge, "status": e.Status, "outcome": e.Outcome})
	case device.EventAccount:
		if acc, ok := r.core.Account(e.Account); ok {
			r.out.event(event{"event": "account", "account": acc.ID, "status": acc.Status, "user": acc.UserRef})
		}
	case device.EventChallenge, device.EventConnection, device.EventResync:
	}
}

// answer answers one challenge in the robot's way.
func (r *robot) answer(ctx context.Context, c device.Challenge, events <-chan device.Event) error {
	acc, _ := r.core.Account(c.Account)
	r.out.event(challengeEvent(c))
	if r.command.Devices == 0 {
		r.out.say("%s\n", r.out.prompt(c, acc.Company, 0))
	}
	p := device.DecideParams{Account: c.Account, Challenge: c.ID, Answer: protocol.Approve}
	want := device.OutcomeApproved
	switch r.way {
	case waySleep:
		return r.sleep(ctx, c, events)
	case wayDeny:
		p.Answer, want = protocol.Deny, device.OutcomeDenied
	case wayReport:
		p.Answer, want = protocol.Report, device.OutcomeReported
	default:
		number, err := r.number(ctx, c)
		if err != nil {
			return err
		}
		if p.Verification, err = r.pins.get(r.app, "PIN:"); err != nil {
			return err
		}
		p.Number = number
		if r.way == wayWrong {
			want = device.OutcomeNumberWrong
		}
	}
	out, err := r.core.Decide(ctx, p)
	if err != nil {
		return err
	}
	r.out.event(outcomeEvent(c, p.Answer, out))
	r.out.say("%s", r.out.outcome(out))
	if out.Kind == want {
		return nil
	}
	return &exitErr{code: exitOf(out.Kind)}
}

func exitOf(k device.OutcomeKind) int {
	switch k {
	case device.OutcomeNumberWrong:
		return exitNumber
	case device.OutcomeOffline:
		return exitOffline
	case device.OutcomeNeedsPIN, device.OutcomeWrongPIN, device.OutcomeLockedOut, device.OutcomeUnverified:
		return exitPIN
	default:
		return exitOutcome
	}
}

// sleep watches a challenge end. events is nil where somebody else reads them.
func (r *robot) sleep(ctx context.Context, c device.Challenge, events <-chan device.Event) error {
	if events == nil {
		return nil
	}
	end := time.NewTimer(time.Until(c.Deadline) + 5*time.Second)
	defer end.Stop()
	for {
		select {
		case e := <-events:
			r.note(e)
			if e.Kind == device.EventClosed && e.Challenge == c.ID {
				r.out.say("%s", r.out.outcome(device.Outcome{Kind: ended(e.Status)}))
				return nil
			}
		case <-end.C:
			return nil
		case <-r.ctx.Done():
			return nil
		}
	}
}

// number finds what to type; for the wrong way, something else.
func (r *robot) number(ctx context.Context, c device.Challenge) (string, error) {
	if !c.Match.Mode.Checked() {
		return "", nil
	}
	right, err := r.numbers.get(ctx, c)
	if r.way != wayWrong {
		return right, err
	}
	if c.Match.Mode == protocol.MatchChoose {
		for _, option := range c.Match.Options {
			if option != right {
				return option, nil
			}
		}
	}
	return otherNumber(right, c.Match.Digits)
}

// otherNumber draws a number of so many digits that is not right. Without the
// right one it may hit it, once in a hundred.
func otherNumber(right string, digits int) (string, error) {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	for {
		n, err := rand.Int(rand.Reader, limit)
		if err != nil {
			return "", fmt.Errorf("draw a number: %w", err)
		}
		if s := fmt.Sprintf("%0*d", digits, n); s != right {
			return s, nil
		}
	}
}

// enroll registers with the invitations that were given.
func (r *robot) enroll() error {
	if r.command.Invitations == "" {
		return nil
	}
	list, err := readAll(r.stdin, r.command.Invitations)
	if err != nil {
		return fmt.Errorf("read the invitations: %w", err)
	}
	invitations := strings.Fields(list)
	if n := r.command.Devices; n > 0 {
		if len(invitations) < n {
			return fmt.Errorf("there are %d invitations for %d devices", len(invitations), n)
		}
		invitations = invitations[:n]
	}
	errs := make(chan error, len(invitations))
	slots := make(chan struct{}, parallel)
	for i, text := range invitations {
		slots <- struct{}{}
		r.tasks.Go(func() {
			defer func() { <-slots }()
			_, err := r.app.enroll(text, fmt.Sprintf("%s %d", r.command.Name, i+1), false)
			errs <- err
		})
	}
	r.tasks.Wait()
	close(errs)
	var failed []error
	for err := range errs {
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}
