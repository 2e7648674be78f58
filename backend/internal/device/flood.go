package device

import (
	"sync"
	"time"

	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/shared/protocol"
)

// What one device may make the server write beside its answers: updates, of which more are rate_limited, and events about
// what was refused, of which more are not written. So no device fills the disk (T19).
const (
	floodBurst = 60
	floodEvery = 2 * time.Second // one more is allowed after this time
	floodKept  = 10000           // devices that are remembered on one node
)

// flood counts the writes of each device. The zero value is ready; it is safe for concurrent use.
type flood struct {
	mu   sync.Mutex
	full map[protocol.DeviceID]time.Time // when the device's whole burst is free again
}

// Spend takes one write of a device that proved its key, or refuses with rate_limited.
func (s *Service) Spend(id protocol.DeviceID) error {
	f, now := &s.flood, s.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full == nil || len(f.full) >= floodKept {
		f.full = map[protocol.DeviceID]time.Time{} // forgetting costs a few more rows, nothing else
	}
	free := f.full[id]
	if free.Before(now) {
		free = now
	}
	if free = free.Add(floodEvery); free.Sub(now) > floodBurst*floodEvery {
		return fault.Later(fault.RateLimited, "", floodEvery)
	}
	f.full[id] = free
	return nil
}
