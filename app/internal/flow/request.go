package flow

import (
	"context"
	"errors"
	"time"

	"github.com/nod-auth/nod/app/internal/inbox"
	"github.com/nod-auth/nod/app/internal/ui/firstrun"
	"github.com/nod-auth/nod/app/internal/ui/prompt"
	"github.com/nod-auth/nod/app/internal/ui/shell"
	"github.com/nod-auth/nod/app/internal/widgets"
	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/protocol"
)

// follow moves the pages along when the request on the screen changed.
func (a *App) follow(before inbox.Snapshot) {
	was, is := before.Current, a.snap.Current
	switch {
	case is == nil:
		if was != nil && a.over != nil && a.asked.id == string(was.Request.ID) {
			a.endRequest()
		}
	case is.Outcome == nil && (was == nil || was.Request.ID != is.Request.ID || was.Outcome != nil):
		a.showRequest(is.Request)
	case is.Outcome != nil && (was == nil || was.Outcome == nil || was.Request.ID != is.Request.ID || was.Outcome.Kind != is.Outcome.Kind):
		if a.over == nil || a.asked.id != string(is.Request.ID) {
			a.p.Inbox.Dismiss() // the person was elsewhere: the history tells
			return
		}
		a.cover(a.outcome(*is))
	}
}

// showRequest puts a request before the person.
func (a *App) showRequest(r device.Challenge) {
	p, err := a.newPrompt(r)
	if err != nil {
		a.p.Log.Error("prompt not made", "error", err)
		return
	}
	a.asked = request{id: string(r.ID), page: p}
	a.cover(a.promptScreen(r, p))
}

// endRequest leaves the request's pages; the place below comes back.
func (a *App) endRequest() {
	a.asked = request{}
	a.uncover()
	a.takeLink()
}

// takeLink goes on with an invitation that had to wait.
func (a *App) takeLink() {
	if link := a.link; link != "" && a.top == nil && a.over == nil {
		a.link = ""
		a.invited(link)
	}
}

// openRequest is the tap on a banner.
func (a *App) openRequest(id string) {
	for _, r := range a.snap.Pending {
		if string(r.ID) != id {
			continue
		}
		if a.p.Inbox.Choose(r.Account, r.ID) {
			if a.asked.id == id && a.asked.page != nil {
				a.cover(a.promptScreen(r, a.asked.page))
			} else {
				a.showRequest(r)
			}
		} else if c := a.p.Inbox.Snapshot().Current; c != nil { // one at a time: the open one first
			a.showRequest(c.Request)
		}
	}
}

func (a *App) promptScreen(r device.Challenge, p *prompt.Prompt) *screen {
	return &screen{name: "prompt", place: shell.Inside, account: string(r.Account), build: func() content {
		return content{page: p, tick: func(now time.Time, frame *shell.Shell) {
			p.Tick(now)
			a.countDown(now, frame)
		}}
	}}
}

func (a *App) newPrompt(r device.Challenge) (*prompt.Prompt, error) {
	acc, _ := a.account(string(r.Account))
	return prompt.New(prompt.Params{
		Request: requestOf(r, acc.Account, a.p.Now()), Now: a.p.Now,
		Approve: func(number string) { a.approve(r, number) },
		Deny:    func() { a.answer(r, device.DecideParams{Answer: protocol.Deny, WrongRequest: true}) },
		Report:  func() { a.answer(r, device.DecideParams{Answer: protocol.Report}) },
		Expired: func() {}, // the inbox tells: the same clock, and the server's word where there is one
	})
}

// approve asks for the PIN where the key wants one, then answers.
func (a *App) approve(r device.Challenge, number string) {
	if !asks(r.Verification) {
		a.answer(r, device.DecideParams{Answer: protocol.Approve, Number: number, Verification: keystore.Verification{Reason: text("lock.approve.lead", map[string]any{"Subject": r.Application.Name})}})
		return
	}
	a.askPIN(r, number, "")
}

func (a *App) askPIN(r device.Challenge, number, problem string) {
	a.cover(a.pinPage(pinParams{
		purpose: "approve", subject: r.Application.Name, problem: problem,
		cancel: func() { a.backToPrompt(r, text("prompt.failed.pin")) },
		done: func(pin []byte) {
			a.send(r, device.DecideParams{Answer: protocol.Approve, Number: number, Verification: keystore.Verification{PIN: pin}}, func(out device.Outcome) {
				switch out.Kind {
				case device.OutcomeWrongPIN:
					a.askPIN(r, number, wrongPIN(out.TriesLeft))
				case device.OutcomeNeedsPIN:
					a.askPIN(r, number, "")
				default:
					a.backToPrompt(r, refusal(out, a.p.Now()))
				}
			})
		},
	}))
}

// answer sends an answer that asks for nothing more.
func (a *App) answer(r device.Challenge, p device.DecideParams) {
	a.send(r, p, func(out device.Outcome) { a.backToPrompt(r, refusal(out, a.p.Now())) })
}

// send sends an answer. again is told of an outcome after which the person may
// try again; every other one comes through the inbox.
func (a *App) send(r device.Challenge, p device.DecideParams, again func(device.Outcome)) {
	p.Account, p.Challenge = r.Account, r.ID
	var out device.Outcome
	a.work(func(ctx context.Context) (err error) {
		defer clear(p.Verification.PIN)
		out, err = a.p.Inbox.Answer(ctx, p)
		return err
	}, func(err error) {
		switch {
		case errors.Is(err, device.ErrNoChallenge): // it ended meanwhile, and the inbox has said so
		case err != nil:
			a.p.Log.Warn("answer failed", "error", err)
			a.backToPrompt(r, text("prompt.failed.other", map[string]any{"Problem": a.problem(err)}))
		case !out.Final() && out.Kind != device.OutcomeOffline:
			again(out)
		}
	})
}

// backToPrompt shows the request again and says why, if it is still open.
func (a *App) backToPrompt(r device.Challenge, why string) {
	c := a.p.Inbox.Snapshot().Current
	if a.asked.page == nil || a.asked.id != string(r.ID) || c == nil || c.Request.ID != r.ID || c.Outcome != nil {
		return
	}
	a.asked.page.Failed(why)
	a.cover(a.promptScreen(r, a.asked.page))
}

// refusal words an outcome that leaves a request open.
func refusal(out device.Outcome, now time.Time) string {
	switch out.Kind {
	case device.OutcomeLockedOut:
		if out.Until.IsZero() {
			return text("prompt.failed.locked_open")
		}
		return text("prompt.failed.locked", map[string]any{"Time": when(out.Until, now)})
	case device.OutcomeUnverified, device.OutcomeNeedsPIN:
		return text("prompt.failed.pin")
	default:
		return text("prompt.failed.refused", map[string]any{"Code": string(out.Code)})
	}
}

func wrongPIN(tries int) string {
	if tries == keystore.TriesUnknown {
		return text("pin.wrong_open")
	}
	return text("pin.wrong", map[string]any{"Tries": tries})
}

var results = map[device.OutcomeKind]prompt.Result{
	device.OutcomeApproved: prompt.Approved, device.OutcomeDenied: prompt.Denied, device.OutcomeReported: prompt.Reported,
	device.OutcomeNumberWrong: prompt.WrongNumber, device.OutcomeExpired: prompt.ExpiredNow, device.OutcomeOffline: prompt.NotSent,
}

// outcome is the page that says how a request ended.
func (a *App) outcome(c inbox.Current) *screen {
	result, ok := results[c.Outcome.Kind]
	if !ok {
		result = prompt.Elsewhere
	}
	return a.outcomePage(c.Request, result)
}

func (a *App) outcomePage(r device.Challenge, result prompt.Result) *screen {
	acc, _ := a.account(string(r.Account))
	p := prompt.OutcomeParams{Result: result, Who: whoAsks(r, acc.Account), Place: r.Context.Location, Done: func() { a.p.Inbox.Dismiss() }}
	switch result {
	case prompt.ExpiredNow, prompt.WrongNumber, prompt.Elsewhere: // it may not have been this person
		p.Report = func() { a.reportEnded(r) }
	case prompt.Approved, prompt.Denied, prompt.Reported, prompt.NotSent: // this person's own answer
	}
	return &screen{name: "outcome-" + string(result), place: shell.Inside, account: string(r.Account), build: func() content {
		page := prompt.NewOutcome(p)
		return content{page: page, keys: escape{page, p.Done}}
	}}
}

// reportEnded sends "it was not me" for a request that has ended.
func (a *App) reportEnded(r device.Challenge) {
	back := func() { a.p.Inbox.Dismiss() }
	var out device.Outcome
	a.cover(a.wait(nil))
	a.work(func(ctx context.Context) (err error) {
		out, err = a.p.Inbox.Report(ctx, r.Account, r.ID)
		return err
	}, func(err error) {
		if err == nil && out.Kind == device.OutcomeOffline {
			err = device.ErrOffline
		}
		switch {
		case a.asked.id != string(r.ID): // another request has taken the screen
		case err != nil:
			a.cover(a.failed(err, func() { a.reportEnded(r) }, back, "cancel"))
		default:
			a.cover(a.outcomePage(r, prompt.Reported))
		}
	})
}

// practice is a prompt of which nothing is sent.
func (a *App) practice(back func()) {
	r := firstrun.Practice(a.p.Brand.Name, a.p.Now())
	end := func(result prompt.Result) func() {
		return func() {
			a.visit(&screen{name: "practice-outcome", bare: true, build: func() content {
				page := prompt.NewOutcome(prompt.OutcomeParams{Result: result, Who: r.Who, Practice: true, Done: back})
				return content{page: page, keys: escape{page, back}}
			}})
		}
	}
	p, err := prompt.New(prompt.Params{
		Request: r, Now: a.p.Now, Deny: end(prompt.Denied), Report: end(prompt.Reported), Expired: end(prompt.ExpiredNow),
		Approve: func(number string) {
			if number == firstrun.PracticeNumber {
				end(prompt.Approved)()
			} else {
				end(prompt.WrongNumber)()
			}
		},
	})
	if err != nil {
		a.p.Log.Error("practice not made", "error", err)
		return
	}
	a.visit(&screen{name: "practice", bare: true, build: func() content {
		return content{page: p, tick: func(now time.Time, _ *shell.Shell) { p.Tick(now) }}
	}})
}

// whoAsks names the application that asks, and the person with the company where
// that is another name.
func whoAsks(r device.Challenge, acc device.Account) widgets.Who {
	user := r.User.Name
	if user == "" {
		user = r.User.Ref
	}
	if acc.Company != "" && acc.Company != r.Application.Name {
		user += " · " + acc.Company
	}
	return widgets.Who{Company: r.Application.Name, User: user}
}
