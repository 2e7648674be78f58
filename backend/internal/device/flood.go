package device

import (
	"time"

	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/shared/protocol"
)

// What one device may make the server write beside its answers: updates, of which more are rate_limited, and events about
// what was refused, of which more are not written. So no device fills the disk (T19).
const (
	floodBurst = 60
	floodEvery = 2 * time.Second
)

// Spend takes one write of a device that proved its key, or refuses with rate_limited.
func (s *Service) Spend(id protocol.DeviceID) error {
	if wait, ok := s.flood.Spend(id, s.Now()); !ok {
		return fault.Later(fault.RateLimited, "", wait)
	}
	return nil
}
