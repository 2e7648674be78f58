// Package inbox is the app's observable state over the device core: accounts and
// their connections, the requests that wait, the one that is being answered, and
// how answers ended.
//
// It leaves to others: protocol and keys (mobile/device), and everything that is
// seen. It imports nothing of a toolkit, so it is tested without one.
//
// Invariants:
//
//   - [Snapshot] holds only challenges that the core verified.
//   - The request being answered ([Current]) is never swapped for another while
//     it is open; it ends by an answer, by its time, or by the server.
//   - An outcome stays to be read for a moment and then gives way to the next
//     request: nothing stands in front of a request for ever.
//
// All methods are safe for concurrent use.
package inbox

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/shared/protocol"
)

// OutcomeStays is how long an outcome is left standing before a waiting request
// takes its place.
const OutcomeStays = 4 * time.Second

// Params makes an [Inbox].
type Params struct {
	// Core is the open profile; required.
	Core *device.Core
	// Now is the local clock; nil means time.Now.
	Now func() time.Time
}

// Inbox is the state. Make one with New and keep Run running.
type Inbox struct {
	core *device.Core
	now  func() time.Time

	mu       sync.Mutex
	accounts []Account
	pending  []device.Challenge
	current  *Current
	arrivals int
	watchers map[chan struct{}]struct{}
	timers   map[timerName]*time.Timer
	rechecks int
	closed   bool
}

// Snapshot is what there is to show at one moment. It may be kept; nothing in it changes.
type Snapshot struct {
	// Accounts in the order in which they were added.
	Accounts []Account
	// Pending are the requests that wait for an answer of this device, oldest first,
	// without those whose answer is on its way.
	Pending []device.Challenge
	// Current is what the person is answering, or how that ended; nil when nothing asks.
	Current *Current
	// Arrivals counts the requests that have come since the start. When it rises,
	// raise the window.
	Arrivals int
}

// Current is the request on the screen.
type Current struct {
	Request device.Challenge
	// Sending is set while an answer is being signed and sent.
	Sending bool
	// Outcome is nil while the request is open.
	Outcome *Outcome
}

// Outcome is how the request on the screen ended.
type Outcome struct {
	device.Outcome
	At time.Time
}

// New reads the core and starts to follow nothing yet; see [Inbox.Run].
func New(p Params) (*Inbox, error) {
	if p.Core == nil {
		return nil, errors.New("inbox: Core is missing")
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	b := &Inbox{core: p.Core, now: p.Now, watchers: map[chan struct{}]struct{}{}, timers: map[timerName]*time.Timer{}}
	b.reread()
	return b, nil
}

// Run follows the core until ctx ends or the core is closed.
func (b *Inbox) Run(ctx context.Context) {
	events, cancel := b.core.Subscribe()
	defer cancel()
	defer b.stop()
	b.mu.Lock()
	b.reread()
	b.mu.Unlock()
	b.tell()
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-events:
			if !ok {
				return
			}
			b.handle(e)
		}
	}
}

func (b *Inbox) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for _, t := range b.timers {
		t.Stop()
	}
}

// Snapshot returns what there is to show.
func (b *Inbox) Snapshot() Snapshot {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Snapshot{Accounts: slices.Clone(b.accounts), Pending: slices.Clone(b.pending), Arrivals: b.arrivals}
	if b.current != nil {
		c := *b.current
		s.Current = &c
	}
	return s
}

// Watch returns a channel that gets a token after changes, never more than one
// at a time, and a function that ends it. Read [Inbox.Snapshot] at each token.
func (b *Inbox) Watch() (changes <-chan struct{}, cancel func()) {
	ch := make(chan struct{}, 1)
	b.mu.Lock()
	b.watchers[ch] = struct{}{}
	b.mu.Unlock()
	return ch, func() {
		b.mu.Lock()
		delete(b.watchers, ch)
		b.mu.Unlock()
	}
}

func (b *Inbox) tell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tellLocked()
}

func (b *Inbox) tellLocked() {
	for ch := range b.watchers {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

func (b *Inbox) handle(e device.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reread()
	switch e.Kind {
	case device.EventChallenge:
		b.arrivals++
	case device.EventClosed:
		b.closeCurrent(e)
	case device.EventAccount, device.EventConnection, device.EventResync:
	}
	b.rechecks = 0
	b.advance()
	b.watchLinks()
	b.tellLocked()
}

// reread takes everything from the core; the caller holds mu, or is New.
func (b *Inbox) reread() {
	b.pending = b.pending[:0:0]
	asking := map[device.AccountID]bool{}
	for _, c := range b.core.Pending() {
		if c.Sending == "" {
			b.pending = append(b.pending, c)
			asking[c.Account] = true
		}
	}
	b.accounts = readAccounts(b.core, asking)
	if b.current != nil && b.current.Outcome == nil && !b.hasAccount(b.current.Request.Account) {
		b.current = nil // the account was removed: there is nobody to answer to
	}
	if b.current == nil && len(b.pending) > 0 {
		b.current = &Current{Request: b.pending[0]}
	}
}

func (b *Inbox) hasAccount(id device.AccountID) bool {
	return slices.ContainsFunc(b.accounts, func(a Account) bool { return a.ID == id })
}

// closeCurrent notes how the request on the screen ended. An answer that is
// under way tells that itself.
func (b *Inbox) closeCurrent(e device.Event) {
	c := b.current
	if c == nil || c.Sending || c.Request.ID != e.Challenge || c.Request.Account != e.Account {
		return
	}
	kind := e.Outcome
	if kind == "" {
		kind = endOf(e.Status)
	}
	c.Outcome = &Outcome{Outcome: device.Outcome{Kind: kind, Status: e.Status}, At: b.now()}
}

// endOf says what a request's end means here when it was not answered here.
func endOf(s protocol.Status) device.OutcomeKind {
	switch s {
	case protocol.StatusExpired:
		return device.OutcomeExpired
	case protocol.StatusCanceled:
		return device.OutcomeCanceled
	case protocol.StatusSuperseded:
		return device.OutcomeSuperseded
	default:
		return device.OutcomeDecidedElsewhere
	}
}

// advance lets the oldest waiting request onto the screen when there is room; the
// caller holds mu.
func (b *Inbox) advance() {
	if c := b.current; c != nil {
		if c.Outcome == nil || c.Sending || len(b.pending) == 0 {
			return
		}
		replaced := c.Outcome.Kind == device.OutcomeSuperseded // the newer request stands; there is nothing to read
		if left := OutcomeStays - b.now().Sub(c.Outcome.At); left > 0 && !replaced {
			b.after(timerAdvance, left, func() { b.advance() })
			return
		}
	}
	b.current = nil
	if len(b.pending) > 0 {
		b.current = &Current{Request: b.pending[0]}
	}
}

// Dismiss takes the outcome off the screen; the next request follows.
func (b *Inbox) Dismiss() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.current == nil || b.current.Outcome == nil {
		return
	}
	b.current = nil
	b.reread()
	b.tellLocked()
}

// Choose puts a waiting request onto the screen instead of an outcome, and
// reports whether that request is on the screen now. An open request stays.
func (b *Inbox) Choose(account device.AccountID, id protocol.ChallengeID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reread()
	if c := b.current; c == nil || c.Outcome != nil {
		for _, p := range b.pending {
			if p.Account == account && p.ID == id {
				b.current = &Current{Request: p}
				b.tellLocked()
				break
			}
		}
	}
	c := b.current
	return c != nil && c.Outcome == nil && c.Request.ID == id && c.Request.Account == account
}

// Answer answers the request on the screen and returns how that went. While it
// runs [Current.Sending] is set. An outcome after which the person may try again
// (no or a wrong PIN, locked out, refused) leaves the request open; every other
// one, [device.OutcomeOffline] included, is also in [Current.Outcome].
func (b *Inbox) Answer(ctx context.Context, p device.DecideParams) (device.Outcome, error) {
	b.mu.Lock()
	c := b.current
	if c == nil || c.Sending || c.Request.ID != p.Challenge || c.Request.Account != p.Account {
		b.mu.Unlock()
		return device.Outcome{}, device.ErrNoChallenge
	}
	c.Sending = true
	b.tellLocked()
	b.mu.Unlock()
	out, err := b.core.Decide(ctx, p)
	b.mu.Lock()
	defer b.mu.Unlock()
	c.Sending = false
	if err == nil && (out.Final() || out.Kind == device.OutcomeOffline) {
		c.Outcome = &Outcome{Outcome: out, At: b.now()}
	}
	b.reread()
	if c.Outcome == nil && !b.now().Before(c.Request.Deadline) {
		c.Outcome = &Outcome{Outcome: device.Outcome{Kind: device.OutcomeExpired}, At: b.now()}
	}
	b.advance()
	b.tellLocked()
	return out, err
}

// timerName names the inbox's one-shot timers; each runs at most once at a time.
type timerName int

const (
	timerAdvance timerName = iota
	timerLinks
)

// after runs do under mu once d has passed, and tells the watchers; the caller holds mu.
func (b *Inbox) after(name timerName, d time.Duration, do func()) {
	if t := b.timers[name]; t != nil {
		t.Stop()
	}
	if b.closed {
		return
	}
	b.timers[name] = time.AfterFunc(d, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.closed {
			return
		}
		do()
		b.tellLocked()
	})
}
