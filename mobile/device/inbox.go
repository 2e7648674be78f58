package device

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	client "github.com/nod-auth/nod/shared/client/device"
	"github.com/nod-auth/nod/shared/protocol"
)

// Sync asks the servers of the given accounts (all, if none are given) once:
// unfinished enrollments, device status, pending challenges, answers and key
// replacements whose outcome is not known. Use it where Run does not run, such as in a phone's
// background; it returns when all have answered or failed, with all errors joined.
func (c *Core) Sync(ctx context.Context, ids ...AccountID) error {
	if len(ids) == 0 {
		for _, a := range c.Accounts() {
			ids = append(ids, a.ID)
		}
	}
	errs := make([]error, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() { errs[i] = c.syncAccount(ctx, id) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (c *Core) syncAccount(ctx context.Context, id AccountID) error {
	if err := c.register(ctx, id); err != nil {
		return err
	}
	s, _, err := c.read(id)
	if err != nil {
		return err
	}
	rotation := c.resumeRotation(ctx, s) // first: it decides which keys the server knows
	if err := c.readInbox(ctx, s); err != nil {
		return errors.Join(rotation, fmt.Errorf("sync: %w", err))
	}
	_, err = c.resend(ctx, s)
	return errors.Join(rotation, err)
}

// readInbox takes what the server has for the device now.
func (c *Core) readInbox(ctx context.Context, s *session) error {
	before := c.unseen(s)
	in, err := s.remote.Challenges(ctx, s.remote.prove)
	err = classify(err)
	c.noteFailure(s, err)
	if err != nil {
		return errors.Join(err, c.noteRevoked(s, err))
	}
	if err := c.applyStatus(s, in.Status); err != nil {
		return err
	}
	keysErr := c.applySequence(ctx, s, in.KeysSequence) // what older keys can verify is shown all the same
	for _, raw := range in.Challenges {
		delete(before, protocol.Hash(raw))
		c.admitOrLog(ctx, s, raw)
	}
	for _, id := range before { // the server no longer lists them; how they ended it does not say
		c.endHeld(s, id, "")
	}
	return keysErr
}

// applyStatus takes the device's state as the server names it.
func (c *Core) applyStatus(s *session, status client.Status) error {
	var to AccountStatus
	switch status {
	case client.Unconfirmed:
		to = AccountUnconfirmed
	case client.Active:
		to = AccountActive
	case client.Revoked:
		to = AccountRevoked
	default:
		return nil // a newer server's word: nothing to do here
	}
	_, a, err := c.read(s.id)
	if err != nil || a.Status == to {
		return err
	}
	err = c.changeAccount(s.id, func(_ *state, a *accountState) error {
		a.Status = to
		if to != AccountUnconfirmed {
			a.ConfirmCode = ""
		}
		return nil
	})
	if err == nil {
		c.feed.send(Event{Kind: EventAccount, Account: s.id})
	}
	return err
}

// noteRevoked marks the account when err says that the server does not know the
// device; while a key replacement is open, it may only not know the key.
func (c *Core) noteRevoked(s *session, err error) error {
	if !errors.Is(err, ErrRevoked) {
		return nil
	}
	if _, a, err := c.read(s.id); err != nil || a.Rotation != nil {
		return err
	}
	return c.applyStatus(s, client.Revoked)
}

func (c *Core) applySequence(ctx context.Context, s *session, sequence uint64) error {
	keys, err := c.storedKeys(s)
	if err != nil || sequence <= keys.Sequence {
		return err
	}
	_, err = c.fetchKeys(ctx, s)
	return err
}

// admitOrLog admits a challenge; one that cannot be trusted is counted and not shown (T12).
func (c *Core) admitOrLog(ctx context.Context, s *session, raw string) {
	err := c.admit(ctx, s, raw)
	if err == nil {
		return
	}
	c.mu.Lock()
	s.diag.refused++
	c.mu.Unlock()
	c.log.WarnContext(ctx, "challenge not shown", "account", s.id, "error", err)
}

// admit verifies a challenge and holds it.
func (c *Core) admit(ctx context.Context, s *session, raw string) error {
	hash := protocol.Hash(raw)
	if c.seeAgain(s, hash) {
		return nil
	}
	kid, err := protocol.Peek(raw, protocol.TypeChallenge)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	keys, err := c.trustedKeys(ctx, s, kid)
	if err != nil {
		return err
	}
	_, a, err := c.read(s.id)
	if err != nil {
		return err
	}
	content, err := protocol.VerifyChallenge(raw, keys, a.Device)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	if c.hold(s, content, hash) {
		c.feed.send(Event{Kind: EventChallenge, Account: s.id, Challenge: content.ID})
	}
	return nil
}

// seeAgain tells whether a challenge is held already.
func (c *Core) seeAgain(s *session, hash string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range s.held {
		if h.hash == hash {
			h.seen = c.now()
			return true
		}
	}
	return false
}

// hold keeps a challenge until it ends; it returns false for one that is over, or
// whose id is held with other content: a challenge is signed once (T6).
func (c *Core) hold(s *session, content *protocol.Challenge, hash string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	deadline := s.clock.deadline(now, content.IssuedAt.Time(), content.ExpiresAt.Time())
	if c.closed || !now.Before(deadline) || s.find(content.ID) != nil || len(s.held) >= maxHeld {
		return false
	}
	h := &heldChallenge{content: content, hash: hash, received: now, seen: now, deadline: deadline}
	h.timer = time.AfterFunc(deadline.Sub(now), func() { c.expire(s, content.ID) })
	at, _ := slices.BinarySearchFunc(s.held, content.IssuedAt, func(o *heldChallenge, t protocol.Time) int {
		return cmpTime(o.content.IssuedAt, t)
	})
	s.held = slices.Insert(s.held, at, h)
	return true
}

func cmpTime(a, b protocol.Time) int {
	if a <= b { // the same second: the one that came first stays first
		return -1
	}
	return 1
}

// expire ends a challenge whose time is over. One that is being decided is left
// to that: its outcome is the server's to tell.
func (c *Core) expire(s *session, id protocol.ChallengeID) { c.endHeld(s, id, protocol.StatusExpired) }

// unseen are the held challenges, by hash, that the present stream has not sent:
// of those it will not tell the end.
func (c *Core) unseen(s *session) map[string]protocol.ChallengeID {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[string]protocol.ChallengeID, len(s.held))
	for _, h := range s.held {
		if s.diag.streamSince.IsZero() || h.seen.Before(s.diag.streamSince) {
			out[h.hash] = h.content.ID
		}
	}
	return out
}

// endHeld takes a challenge into the history and off the list, in this order, so
// that it can be reported at any moment.
func (c *Core) endHeld(s *session, id protocol.ChallengeID, status protocol.Status) {
	c.mu.Lock()
	h := s.find(id)
	if h != nil && status != "" {
		s.closed[id] = status // for an answer that is under way
	}
	c.mu.Unlock()
	if h == nil {
		return
	}
	entry := h.entry(s.id)
	entry.Status, entry.At = status, c.now().UTC()
	answered := false
	err := c.changeAccount(s.id, func(st *state, a *accountState) error {
		answered = a.decision(id) != nil
		settled := slices.ContainsFunc(st.Activity, func(o Entry) bool { return o.Account == a.ID && o.Challenge == id })
		if !answered && !settled {
			st.record(entry)
		}
		return nil
	})
	if err != nil && !errors.Is(err, ErrClosed) {
		c.log.Warn("history not saved", "error", err) //nolint:sloglint // a timer has no context
	}
	if answered { // its outcome is the server's to tell; see settle
		return
	}
	c.mu.Lock()
	dropped := s.drop(id)
	delete(s.closed, id)
	c.mu.Unlock()
	if dropped != nil { // else it was settled meanwhile
		c.feed.send(Event{Kind: EventClosed, Account: s.id, Challenge: id, Status: status})
	}
}

func (h *heldChallenge) entry(account AccountID) Entry {
	m := h.content
	return Entry{
		Account: account, Challenge: m.ID, Hash: h.hash, ReceivedAt: h.received.UTC(), Application: m.Application.Name,
		Kind: m.Action.Kind, Title: m.Action.Title, Location: m.Context.Location, Browser: m.Context.Browser, IP: m.Context.IP,
	}
}

// record puts an entry on top; an older one of the same challenge makes room for it.
func (s *state) record(e Entry) {
	s.Activity = slices.DeleteFunc(s.Activity, func(o Entry) bool { return o.Account == e.Account && o.Challenge == e.Challenge })
	s.Activity = append([]Entry{e}, s.Activity...)
	if len(s.Activity) > maxActivity {
		s.Activity = s.Activity[:maxActivity]
	}
}

func (a *accountState) decision(id protocol.ChallengeID) *storedDecision {
	for i := range a.Decisions {
		if a.Decisions[i].Challenge == id {
			return &a.Decisions[i]
		}
	}
	return nil
}

// Pending lists the verified challenges of all accounts that are not over, oldest first.
func (c *Core) Pending() []Challenge {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	var out []Challenge
	for _, a := range c.state.Accounts {
		s := c.sessions[a.ID]
		if s == nil {
			continue
		}
		for _, h := range s.held {
			if now.Before(h.deadline) {
				out = append(out, h.snapshot(a))
			}
		}
	}
	slices.SortStableFunc(out, func(x, y Challenge) int { return x.ReceivedAt.Compare(y.ReceivedAt) })
	return out
}

func (h *heldChallenge) snapshot(a *accountState) Challenge {
	out := Challenge{
		Account: a.ID, Challenge: *h.content, ReceivedAt: h.received, Deadline: h.deadline,
		Blockers: h.blockers(a), Verification: a.ApprovalKey.Verification,
	}
	if d := a.decision(h.content.ID); d != nil {
		out.Sending = d.Answer
	}
	return out
}

func (h *heldChallenge) blockers(a *accountState) []Blocker {
	var out []Blocker
	if a.Status != AccountActive {
		out = append(out, BlockUnconfirmed)
	}
	if len(h.content.Unsupported) > 0 {
		out = append(out, BlockUnsupported)
	}
	if least := h.content.Requirements.KeyLevel; least != "" && a.ApprovalKey.Level.Rank() < least.Rank() {
		out = append(out, BlockKeyLevel)
	}
	return out
}

// known returns a status from the stream; a word that is none of this protocol's is "".
func known(s protocol.Status) protocol.Status {
	if s.Final() {
		return s
	}
	return ""
}
