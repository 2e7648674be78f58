// Package ratelimit owns what bounds how often somebody may do something. It keeps its counts in memory, so each node counts for
// itself, and a restart forgets; what must hold across nodes and restarts (lock-out, wake-up budgets) is counted in the database.
package ratelimit

import (
	"sync"
	"time"
)

// kept is how many keys are remembered. Forgetting them all beyond it costs a few more permits, nothing else.
const kept = 10000

// Limit allows each key a burst and then one more after each pause. It is safe for concurrent use.
type Limit[K comparable] struct {
	burst int
	every time.Duration
	mu    sync.Mutex
	full  map[K]time.Time // when the key's whole burst is free again
}

// New makes a limit.
func New[K comparable](burst int, every time.Duration) *Limit[K] {
	return &Limit[K]{burst: burst, every: every, full: map[K]time.Time{}}
}

// Spend takes one permit of a key, or tells how long to wait for the next.
func (l *Limit[K]) Spend(key K, now time.Time) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	free := l.full[key]
	if free.Before(now) {
		free = now
	}
	free = free.Add(l.every)
	if over := free.Sub(now) - time.Duration(l.burst)*l.every; over > 0 {
		return over, false
	}
	if len(l.full) >= kept {
		clear(l.full)
	}
	l.full[key] = free
	return 0, true
}

// Forget gives a key its whole burst back.
func (l *Limit[K]) Forget(key K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.full, key)
}
