package challenge

import (
	"fmt"
	"time"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/shared/protocol"
)

// Outbox is where wake-ups wait to be sent. They are written in the challenge's own transaction, so none precedes the
// commit and none is lost after it.
type Outbox interface {
	// Reachable lists those of the devices that are active and have a push address.
	Reachable(protocol.TenantID, []protocol.DeviceID) ([]protocol.DeviceID, error)
	WakeupHistory(tenant protocol.TenantID, user protocol.UserID, now time.Time) (delivery.History, error)
	EnqueueWakeups(tenant protocol.TenantID, id protocol.ChallengeID, devices []protocol.DeviceID, now time.Time) error
}

// ring queues the wake-ups of a new challenge, unless the user's budget is used up (T1). The challenge stands either
// way: an app that is open or is opened shows it.
func ring(tx Outbox, c Challenge) (queued bool, err error) {
	devices, err := tx.Reachable(c.Tenant, c.Recipients)
	if err != nil {
		return false, fmt.Errorf("read push addresses: %w", err)
	}
	if len(devices) == 0 {
		return false, nil
	}
	history, err := tx.WakeupHistory(c.Tenant, c.User, c.CreatedAt)
	if err != nil {
		return false, fmt.Errorf("read the wake-up history: %w", err)
	}
	if history.Suppressed(c.CreatedAt) != "" {
		return false, nil
	}
	if err := tx.EnqueueWakeups(c.Tenant, c.ID, devices, c.CreatedAt); err != nil {
		return false, fmt.Errorf("queue wake-ups: %w", err)
	}
	return true, nil
}
