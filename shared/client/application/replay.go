package application

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Replay remembers which approvals were used. [Memory] is enough for one process; several that share sessions need a
// shared one, such as a table with a unique key. Implementations must be safe for concurrent use.
type Replay interface {
	// Use records key until the given time. It is true exactly for the first call with a key. After an error the
	// approval is refused.
	Use(ctx context.Context, key string, until time.Time) (first bool, err error)
}

// DefaultMemory is the size of the memory that [New] makes: over a hundred approvals a second, in about 20 MB.
const DefaultMemory = 100_000

// ErrMemoryFull means that more approvals are being used at once than the memory holds. They are refused: forgetting one
// would let it be used twice.
var ErrMemoryFull = errors.New("the memory of used approvals is full")

// Memory is a [Replay] in this process's memory, with a bound.
type Memory struct {
	limit int
	now   func() time.Time

	mu   sync.Mutex
	used map[string]time.Time
	next time.Time // when the earliest entry can be forgotten
}

// NewMemory returns a memory of at most limit approvals. now is nil for time.Now.
func NewMemory(limit int, now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{limit: limit, now: now, used: map[string]time.Time{}}
}

// Use implements [Replay].
func (m *Memory) Use(_ context.Context, key string, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if end, ok := m.used[key]; ok && now.Before(end) {
		return false, nil
	}
	if len(m.used) >= m.limit && !now.Before(m.next) {
		m.forget(now)
	}
	if len(m.used) >= m.limit {
		return false, ErrMemoryFull
	}
	if len(m.used) == 0 || until.Before(m.next) {
		m.next = until
	}
	m.used[key] = until
	return true, nil
}

// forget drops what is over, and learns when to look again.
func (m *Memory) forget(now time.Time) {
	m.next = time.Time{}
	for key, end := range m.used {
		switch {
		case !now.Before(end):
			delete(m.used, key)
		case m.next.IsZero() || end.Before(m.next):
			m.next = end
		}
	}
}
