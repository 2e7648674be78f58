// Package bus owns wake-ups inside one process: who waits for a topic hears that it changed.
//
// It carries hints, never facts: a listener that hears of a change reads the store. A slow listener is told once that
// it missed something ([Subscription.Lagged]) and must read everything anew; nothing here blocks a publisher.
// Several nodes will share a bus through the same two methods.
package bus

import "sync"

// Event is what listeners of a topic receive.
type Event struct {
	Kind   string // challenge, closed, device, keys, changed
	ID     string // of the object that changed
	Status string // its status, where it has one
	Data   string // a challenge's compact JWS, so that a stream needs no read
}

// buffered events per listener; a device that has more unread than this reads anew.
const depth = 8

// Bus is safe for concurrent use.
type Bus struct {
	mu     sync.Mutex
	topics map[string]map[*Subscription]struct{}
	closed bool
}

// New returns an empty bus.
func New() *Bus { return &Bus{topics: map[string]map[*Subscription]struct{}{}} }

// Subscription is one listener. Its channel is closed by Close of the bus.
type Subscription struct {
	C      <-chan Event
	c      chan Event
	bus    *Bus
	topic  string
	lagged bool
}

// Subscribe listens to a topic until Close of the subscription.
func (b *Bus) Subscribe(topic string) *Subscription {
	c := make(chan Event, depth)
	s := &Subscription{C: c, c: c, bus: b, topic: topic}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		close(c)
		return s
	}
	set := b.topics[topic]
	if set == nil {
		set = map[*Subscription]struct{}{}
		b.topics[topic] = set
	}
	set[s] = struct{}{}
	return s
}

// Close ends the subscription. It may be called more than once.
func (s *Subscription) Close() {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	set := s.bus.topics[s.topic]
	delete(set, s)
	if len(set) == 0 {
		delete(s.bus.topics, s.topic)
	}
}

// Lagged tells, once, whether an event was dropped since the last call.
func (s *Subscription) Lagged() bool {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	l := s.lagged
	s.lagged = false
	return l
}

// Publish hands an event to every listener of a topic and never blocks. It returns how many listened.
func (b *Bus) Publish(topic string, e Event) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.topics[topic] {
		select {
		case s.c <- e:
		default:
			s.lagged = true
		}
	}
	return len(b.topics[topic])
}

// Listeners counts the subscriptions, for metrics.
func (b *Bus) Listeners() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, set := range b.topics {
		n += len(set)
	}
	return n
}

// Close closes every subscription's channel, so that open waits end; later subscriptions are closed at once.
func (b *Bus) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for topic, set := range b.topics {
		for s := range set {
			close(s.c)
		}
		delete(b.topics, topic)
	}
}

// Challenge is the topic of one challenge.
func Challenge(id string) string { return "c:" + id }

// Enrollment is the topic of one enrollment.
func Enrollment(id string) string { return "e:" + id }

// Device is the topic of one device.
func Device(id string) string { return "d:" + id }
