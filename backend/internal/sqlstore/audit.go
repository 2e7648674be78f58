package sqlstore

import (
	"errors"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/shared/protocol"
)

const auditColumns = `id, tenant_id, at, type, actor, user_id, device_id, application_id, subject, detail, seq, hash`

func scanEvent(s scanner) (e audit.Event, err error) {
	err = s.Scan(&e.ID, &e.Tenant, at{&e.At}, &e.Type, &e.Actor, &e.User, &e.Device, &e.Application, &e.Subject, &e.Detail, &e.Seq, &e.Hash)
	return e, err
}

// AppendAudit records an event in the transaction of the fact; the sealer chains it.
func (t *Tx) AppendAudit(e audit.Event) error {
	return t.store(`INSERT INTO audit_events (tenant_id, at, type, actor, user_id, device_id, application_id, subject, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		e.Tenant, millis(e.At), e.Type, e.Actor, e.User, e.Device, e.Application, e.Subject, e.Detail)
}

// Unsealed lists committed events without a place, of all tenants.
func (t *Tx) Unsealed(limit int) ([]audit.Event, error) {
	return list(t, scanEvent, `SELECT `+auditColumns+` FROM audit_events WHERE seq = 0 ORDER BY id LIMIT $1`, limit)
}

// Head returns the end of a tenant's chain.
func (t *Tx) Head(tn protocol.TenantID) (audit.Head, error) {
	h := audit.Head{Tenant: tn}
	err := t.row(`SELECT seq, hash FROM audit_heads WHERE tenant_id = $1`, tn).Scan(&h.Seq, &h.Hash)
	if errors.Is(err, txn.ErrNotFound) {
		return h, nil
	}
	return h, err
}

// Seal gives an event its place in the chain.
func (t *Tx) Seal(id int64, seq uint64, hash string) error {
	n, err := t.exec(`UPDATE audit_events SET seq = $1, hash = $2 WHERE id = $3 AND seq = 0`, seq, hash, id)
	if err == nil && n != 1 {
		return txn.ErrConflict
	}
	return err
}

// SaveHead stores the end of a tenant's chain.
func (t *Tx) SaveHead(h audit.Head) error {
	return t.store(`INSERT INTO audit_heads (tenant_id, seq, hash) VALUES ($1, $2, $3) ON CONFLICT (tenant_id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash`,
		h.Tenant, h.Seq, h.Hash)
}

// Events lists a tenant's events with id above after.
func (t *Tx) Events(tn protocol.TenantID, after int64, limit int) ([]audit.Event, error) {
	return list(t, scanEvent, `SELECT `+auditColumns+` FROM audit_events WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3`, tn, after, limit)
}

// Checkpoints lists a tenant's signed checkpoints.
func (t *Tx) Checkpoints(tn protocol.TenantID) ([]audit.Checkpoint, error) {
	return list(t, func(s scanner) (c audit.Checkpoint, err error) {
		err = s.Scan(&c.Tenant, &c.Seq, &c.Hash, at{&c.At}, &c.JWS)
		return c, err
	}, `SELECT tenant_id, seq, hash, at, jws FROM audit_checkpoints WHERE tenant_id = $1 ORDER BY seq`, tn)
}

// SaveCheckpoint stores a signed checkpoint.
func (t *Tx) SaveCheckpoint(c audit.Checkpoint) error {
	return t.store(`INSERT INTO audit_checkpoints (tenant_id, seq, hash, at, jws) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, seq) DO NOTHING`,
		c.Tenant, c.Seq, c.Hash, millis(c.At), c.JWS)
}
