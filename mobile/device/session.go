package device

import (
	"context"
	"slices"
	"time"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/protocol"
)

// maxHeld bounds the challenges that are kept for one account. A server lets
// three of an application coexist; more than this is a fault or an attack.
const maxHeld = 32

// session is what lives of an account while the program runs. Its members are
// guarded by Core.mu unless they say otherwise.
type session struct {
	id   AccountID
	turn chan struct{} // one signing operation at a time; see enter
	wake chan struct{} // wakes the stream loop; holds at most one
	todo chan struct{} // wakes the re-send loop; holds at most one
	stop context.CancelFunc

	remote    remote
	deviceKey keystore.Key   // opened at first use
	keys      *protocol.Keys // the parsed Keys of the state
	keysRaw   string         // what keys was parsed from
	asked     time.Time      // when keys were last fetched

	held   []*heldChallenge                         // oldest first
	closed map[protocol.ChallengeID]protocol.Status // how held challenges ended, while they are being decided

	clock clock
	diag  sessionDiagnostics
}

// heldChallenge is a verified challenge with the bytes that were verified.
type heldChallenge struct {
	content  *protocol.Challenge
	hash     string
	received time.Time
	seen     time.Time // when the server last sent it
	deadline time.Time
	timer    *time.Timer
}

func (c *Core) newSession(a *accountState) (*session, error) {
	s := &session{
		id: a.ID, turn: make(chan struct{}, 1), wake: make(chan struct{}, 1), todo: make(chan struct{}, 1),
		closed: map[protocol.ChallengeID]protocol.Status{},
	}
	if a.ClockOffset != 0 {
		s.clock = clock{offset: time.Duration(a.ClockOffset) * time.Second, known: true}
	}
	var err error
	s.remote, err = c.newRemote(s, a.Server)
	return s, err
}

// enter waits for the account's turn; the caller must leave.
func (s *session) enter(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *session) leave() { <-s.turn }

// poke wakes a loop without waiting for it.
func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// find returns a held challenge; the caller holds Core.mu.
func (s *session) find(id protocol.ChallengeID) *heldChallenge {
	for _, h := range s.held {
		if h.content.ID == id {
			return h
		}
	}
	return nil
}

// drop forgets a held challenge and returns it; the caller holds Core.mu.
func (s *session) drop(id protocol.ChallengeID) *heldChallenge {
	h := s.find(id)
	if h == nil {
		return nil
	}
	s.held = slices.DeleteFunc(s.held, func(o *heldChallenge) bool { return o == h })
	if h.timer != nil {
		h.timer.Stop()
	}
	return h
}

// dropAll ends what the session keeps running; the caller holds Core.mu.
func (s *session) dropAll() {
	for _, h := range s.held {
		if h.timer != nil {
			h.timer.Stop()
		}
	}
	s.held = nil
	if s.stop != nil {
		s.stop()
	}
}

// observe notes an answer of the server: its clock, and that it is there.
func (c *Core) observe(s *session, server, local time.Time) {
	c.mu.Lock()
	moved := s.clock.read(server, local)
	s.diag.lastContact = local
	offset := int64(s.clock.offset / time.Second)
	a := c.state.account(s.id)
	stale := a != nil && (a.ClockOffset-offset > clockKept || offset-a.ClockOffset > clockKept)
	c.mu.Unlock()
	if moved && stale {
		// The next start needs a first guess only; an error here is told by the next save that matters.
		_ = c.changeAccount(s.id, func(_ *state, a *accountState) error {
			a.ClockOffset = offset
			return nil
		})
	}
}

// clockKept is how many seconds the kept offset may be off before it is worth a save.
const clockKept = 30

// serverNow is the server's time as far as it is known.
func (c *Core) serverNow(s *session) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return s.clock.server(c.now())
}
