package sqlstore

import (
	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/shared/protocol"
)

// SealedEvents lists a tenant's chained events with a place above after, by place.
func (t *Tx) SealedEvents(tn protocol.TenantID, after uint64, limit int) ([]audit.Event, error) {
	return list(t, scanEvent, `SELECT `+auditColumns+` FROM audit_events WHERE tenant_id = $1 AND seq > 0 AND seq > $2 ORDER BY seq LIMIT $3`, tn, int64(min(after, 1<<62)), limit)
}
