package device

import (
	"fmt"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/shared/protocol"
)

// CheckPush refuses an address that its channel could never use, so that the app hears of it when it gives the address
// and not the user when a phone stays silent. No address is fine.
func CheckPush(p *protocol.PushAddress) error {
	if p == nil {
		return nil
	}
	if _, err := delivery.FromProtocol(*p); err != nil {
		return &fault.Error{Code: fault.ValidationFailed, Member: "push", Detail: err.Error()}
	}
	return nil
}

// NoteDuplicate records that another device has d's push address. It never detaches that device (T4).
func NoteDuplicate(tx Tx, d Device, now time.Time) error {
	if d.Push == nil {
		return nil
	}
	others, err := tx.DevicesAt(*d.Push)
	if err != nil {
		return fmt.Errorf("look for the push address: %w", err)
	}
	for _, o := range others {
		if o.ID == d.ID {
			continue
		}
		event := audit.Event{Tenant: d.Tenant, At: now, Type: audit.DevicePushDuplicate, Actor: string(d.ID), User: d.User, Device: d.ID}
		if o.Tenant == d.Tenant {
			event.Subject = string(o.ID)
		}
		return tx.AppendAudit(event)
	}
	return nil
}
