package device

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// Decide signs an answer, keeps it, sends it and says how that ended.
//
// The signed answer and its counter are on disk before it is sent. If the reply
// is lost the outcome is [OutcomeOffline], and the same bytes are sent again by
// Run, Sync, or Decide with the same answer. Another answer takes their place;
// if the server had the first one already, the outcome is that one's.
//
// Errors are for what the person cannot answer: [ErrNoChallenge],
// [ErrCannotApprove], [ErrNumber] (nothing sent), [ErrNoStore] and the key
// store's (locked, erased, another machine's), [ErrStateIO] (nothing sent).
func (c *Core) Decide(ctx context.Context, p DecideParams) (Outcome, error) {
	s, _, err := c.read(p.Account)
	if err != nil {
		return Outcome{}, err
	}
	if err := s.enter(ctx); err != nil {
		return Outcome{}, fmt.Errorf("decide: %w", err)
	}
	defer s.leave()
	if err := c.finishRotation(ctx, s); err != nil {
		c.log.WarnContext(ctx, "key replacement still open", "account", s.id, "error", err)
	}
	_, a, err := c.read(p.Account) // as it is now that it is our turn
	if err != nil {
		return Outcome{}, err
	}
	if a.Status == AccountRegistering {
		return Outcome{}, ErrNotEnrolled
	}
	kept := a.decision(p.Challenge)
	if kept != nil && kept.Answer == p.Answer && kept.Number == p.Number {
		return c.deliver(ctx, s, *kept)
	}
	d, err := c.draft(s, &a, p)
	if err != nil {
		return Outcome{}, err
	}
	if kept != nil {
		d.Earlier = append(slices.Clone(kept.Earlier), earlierAnswer{kept.Answer, kept.JWS})
	}
	d.JWS, err = c.signDecision(ctx, s, &a, p, d.Entry.Hash)
	if err != nil {
		return c.refusedByStore(err)
	}
	err = c.changeAccount(a.ID, func(_ *state, kept *accountState) error {
		kept.Counter = a.Counter + 1
		kept.Decisions = slices.DeleteFunc(kept.Decisions, func(o storedDecision) bool { return o.Challenge == d.Challenge })
		kept.Decisions = append(kept.Decisions, d)
		return nil
	})
	if err != nil {
		return Outcome{}, fmt.Errorf("decide: %w", err)
	}
	return c.deliver(ctx, s, d)
}

// lateReply is how long after a challenge's end its answer is still sent again:
// the server has the outcome of bytes that it took in time.
const lateReply = 10 * time.Minute

// draft finds what is answered and checks that it may be.
func (c *Core) draft(s *session, a *accountState, p DecideParams) (storedDecision, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	d := storedDecision{Challenge: p.Challenge, Answer: p.Answer, Number: p.Number}
	if h := s.find(p.Challenge); h != nil {
		d.Entry, d.Until = h.entry(a.ID), h.deadline.Add(lateReply)
		if p.Answer == protocol.Report {
			d.Until = h.received.Add(protocol.ReportWindow)
		}
		return d, h.allows(a, p)
	}
	for _, e := range c.state.Activity {
		if e.Account == a.ID && e.Challenge == p.Challenge && p.Answer == protocol.Report && e.Reportable(now) {
			d.Entry, d.Until = e, e.ReceivedAt.Add(protocol.ReportWindow)
			return d, nil
		}
	}
	return d, ErrNoChallenge
}

// allows refuses an answer that the server would refuse too, and wastes no try on it.
func (h *heldChallenge) allows(a *accountState, p DecideParams) error {
	switch p.Answer {
	case protocol.Deny, protocol.Report:
		return nil
	case protocol.Approve:
	default:
		return fmt.Errorf("%w: unknown answer", ErrNoChallenge)
	}
	if blockers := h.blockers(a); len(blockers) > 0 {
		return fmt.Errorf("%w: %s", ErrCannotApprove, blockers[0])
	}
	if !numberComplete(h.content.Match, p.Number) {
		return ErrNumber
	}
	return nil
}

// numberComplete tells whether number has the form that the match asks for.
func numberComplete(m protocol.Match, number string) bool {
	switch m.Mode {
	case protocol.MatchChoose:
		return slices.Contains(m.Options, number)
	case protocol.MatchEnter:
		return len(number) == m.Digits && strings.Trim(number, "0123456789") == ""
	case protocol.MatchCompare, protocol.MatchNone:
		return number == ""
	}
	return false
}

func (c *Core) signDecision(ctx context.Context, s *session, a *accountState, p DecideParams, hash string) (string, error) {
	d := &protocol.Decision{
		Issuer: a.Device, Audience: a.Server, Tenant: a.Tenant, ID: protocol.RandomText(16), IssuedAt: protocol.At(c.now()),
		Challenge: p.Challenge, ChallengeHash: hash, Answer: p.Answer, Counter: a.Counter + 1,
	}
	var signer *protocol.Signer
	var err error
	switch p.Answer {
	case protocol.Approve:
		d.Number, d.UserVerification = p.Number, claim(a.ApprovalKey.Verification)
		signer, err = c.approvalSigner(ctx, a.ApprovalKey, p.Verification)
	case protocol.Report:
		d.Reason = "not_me"
		signer, err = c.deviceSigner(ctx, s, a.DeviceKey)
	case protocol.Deny:
		if p.WrongRequest {
			d.Reason = "wrong_request"
		}
		signer, err = c.deviceSigner(ctx, s, a.DeviceKey)
	}
	if err != nil {
		return "", err
	}
	return protocol.Sign(signer, d)
}

// claim is what a decision says of the person's verification. A platform does
// not tell whether a finger or its own PIN was used: the weaker is claimed.
func claim(v keystore.UserVerification) string {
	if v == keystore.VerifyByPIN {
		return "pin"
	}
	return "device_credential"
}

// refusedByStore turns what the person can mend into an outcome.
func (c *Core) refusedByStore(err error) (Outcome, error) {
	var pin *keystore.PINError
	var locked *keystore.LockedOutError
	switch {
	case errors.Is(err, keystore.ErrPINRequired):
		return Outcome{Kind: OutcomeNeedsPIN, Status: protocol.StatusPending}, nil
	case errors.As(err, &pin):
		return Outcome{Kind: OutcomeWrongPIN, Status: protocol.StatusPending, TriesLeft: pin.TriesLeft}, nil
	case errors.As(err, &locked):
		return Outcome{Kind: OutcomeLockedOut, Status: protocol.StatusPending, Until: locked.Until}, nil
	case errors.Is(err, keystore.ErrCanceled):
		return Outcome{Kind: OutcomeUnverified, Status: protocol.StatusPending}, nil
	default:
		return Outcome{}, fmt.Errorf("decide: %w", err)
	}
}

// deliver sends a kept decision and settles it. The caller has the account's turn.
func (c *Core) deliver(ctx context.Context, s *session, d storedDecision) (Outcome, error) {
	status, err := s.remote.decide(ctx, &d)
	out := c.outcome(s, d, status, err)
	if out.Kind == OutcomeOffline {
		poke(s.todo)
		return out, nil
	}
	if err := c.noteRevoked(s, classify(err)); err != nil {
		return out, err
	}
	return out, c.settle(s, d, out)
}

// outcome reads the server's answer.
func (c *Core) outcome(s *session, d storedDecision, status protocol.Status, err error) Outcome {
	if err == nil {
		return Outcome{Kind: kindOf(d.Answer, status), Status: status}
	}
	code := problem.CodeOf(err)
	c.mu.Lock()
	known := s.closed[d.Challenge]
	c.mu.Unlock()
	switch code { //nolint:exhaustive // the rest is told by classify
	case problem.NumberWrong:
		return Outcome{Kind: OutcomeNumberWrong, Status: protocol.StatusFailed, Code: code}
	case problem.ChallengeExpired:
		return Outcome{Kind: OutcomeExpired, Status: protocol.StatusExpired, Code: code}
	case problem.ChallengeAlreadyDecided:
		return Outcome{Kind: kindOf("", known), Status: known, Code: code}
	case problem.NotFound: // it has ended so long ago that the server forgot it
		return Outcome{Kind: OutcomeExpired, Code: code}
	case problem.LockedOut, problem.UserLocked:
		var p *problem.Problem
		out := Outcome{Kind: OutcomeLockedOut, Status: protocol.StatusPending, Code: code}
		if errors.As(err, &p) && p.RetryAfter > 0 {
			out.Until = c.now().Add(p.RetryAfter)
		}
		return out
	}
	if errors.Is(classify(err), ErrOffline) {
		if !c.now().Before(d.Until) {
			return Outcome{Kind: OutcomeExpired, Status: protocol.StatusExpired}
		}
		return Outcome{Kind: OutcomeOffline, Status: protocol.StatusPending, Code: code}
	}
	return Outcome{Kind: OutcomeRefused, Status: known, Code: code}
}

// kindOf says what a final status means for one who answered.
func kindOf(answer protocol.Answer, status protocol.Status) OutcomeKind {
	switch {
	case answer == protocol.Report:
		return OutcomeReported
	case answer == protocol.Approve && status == protocol.StatusApproved:
		return OutcomeApproved
	case answer == protocol.Approve && status == protocol.StatusFailed:
		return OutcomeNumberWrong
	case answer == protocol.Deny && status == protocol.StatusDenied:
		return OutcomeDenied
	}
	switch status { //nolint:exhaustive // the rest was decided by somebody else
	case protocol.StatusExpired:
		return OutcomeExpired
	case protocol.StatusSuperseded:
		return OutcomeSuperseded
	case protocol.StatusCanceled:
		return OutcomeCanceled
	default:
		return OutcomeDecidedElsewhere
	}
}

// settle forgets a kept decision whose outcome is known, and writes the history.
func (c *Core) settle(s *session, d storedDecision, out Outcome) error {
	// After a lock-out or a refusal the challenge may still be denied.
	over := out.Final()
	c.mu.Lock()
	endedAs, ended := s.closed[d.Challenge]
	delete(s.closed, d.Challenge)
	if over {
		s.drop(d.Challenge)
	}
	c.mu.Unlock()
	now := c.now().UTC()
	err := c.changeAccount(s.id, func(st *state, a *accountState) error {
		a.Decisions = slices.DeleteFunc(a.Decisions, func(o storedDecision) bool { return o.JWS == d.JWS })
		a.LastUsedAt = now
		if over {
			st.record(finished(d, out, now))
		}
		return nil
	})
	if over {
		c.feed.send(Event{Kind: EventClosed, Account: s.id, Challenge: d.Challenge, Status: out.Status, Outcome: out.Kind})
	} else {
		c.feed.send(Event{Kind: EventChallenge, Account: s.id, Challenge: d.Challenge, Outcome: out.Kind})
	}
	if err != nil {
		return fmt.Errorf("keep the outcome: %w", err)
	}
	if ended && !over {
		c.endHeld(s, d.Challenge, endedAs)
	}
	return nil
}

func finished(d storedDecision, out Outcome, now time.Time) Entry {
	e := d.Entry
	e.At = now
	switch out.Kind { //nolint:exhaustive // the rest was not answered from here
	case OutcomeReported:
		e.Reported, e.Answer = true, protocol.Report
	case OutcomeApproved, OutcomeDenied, OutcomeNumberWrong:
		e.Answer = d.Answer
	}
	if out.Status != "" {
		e.Status = out.Status
	}
	return e
}

// resend sends every kept decision again; left tells whether some still have no outcome.
func (c *Core) resend(ctx context.Context, s *session) (left bool, err error) {
	if err := s.enter(ctx); err != nil {
		return true, err
	}
	defer s.leave()
	_, a, err := c.read(s.id)
	if err != nil {
		return false, nil //nolint:nilerr // closed or removed: nothing is left to send
	}
	var errs []error
	for _, d := range a.Decisions {
		status, sendErr := s.remote.decide(ctx, &d)
		out := c.outcome(s, d, status, sendErr)
		if out.Kind == OutcomeOffline {
			left = true
			errs = append(errs, classify(sendErr))
			continue
		}
		errs = append(errs, c.settle(s, d, out))
	}
	return left, errors.Join(errs...)
}
