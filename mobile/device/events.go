package device

import (
	"sync"

	"github.com/nod-auth/nod/shared/protocol"
)

// EventKind says what changed.
type EventKind string

// The events.
const (
	// EventChallenge: a challenge came; read [Core.Pending].
	EventChallenge EventKind = "challenge"
	// EventClosed: a challenge ended; Event.Status says how, Event.Outcome when it was answered here.
	EventClosed EventKind = "closed"
	// EventAccount: an account was added, removed or changed; read [Core.Accounts].
	EventAccount EventKind = "account"
	// EventConnection: a stream opened or ended; read [Core.Diagnostics].
	EventConnection EventKind = "connection"
	// EventResync: this subscriber was too slow and events were dropped; read everything again.
	EventResync EventKind = "resync"
)

// Event is a hint to read again; the content is in the snapshots.
type Event struct {
	Kind      EventKind
	Account   AccountID
	Challenge protocol.ChallengeID
	Status    protocol.Status
	Outcome   OutcomeKind
}

// feedBuffer is how far a subscriber may lag behind.
const feedBuffer = 64

// feed hands events to subscribers and never waits for one.
type feed struct {
	mu     sync.Mutex
	next   int
	subs   map[int]chan Event
	closed bool
}

func (f *feed) subscribe() (<-chan Event, func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ch := make(chan Event, feedBuffer)
	if f.closed {
		close(ch)
		return ch, func() {}
	}
	if f.subs == nil {
		f.subs = map[int]chan Event{}
	}
	id := f.next
	f.next++
	f.subs[id] = ch
	return ch, func() { f.cancel(id) }
}

func (f *feed) cancel(id int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ch, ok := f.subs[id]; ok {
		delete(f.subs, id)
		close(ch)
	}
}

func (f *feed) send(e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ch := range f.subs {
		select {
		case ch <- e:
		default:
			drain(ch)
			ch <- Event{Kind: EventResync} // only send, under mu, writes: there is room now
		}
	}
}

func drain(ch chan Event) {
	for {
		select {
		case <-ch:
		default:
			return
		}
	}
}

func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for id, ch := range f.subs {
		delete(f.subs, id)
		close(ch)
	}
}
