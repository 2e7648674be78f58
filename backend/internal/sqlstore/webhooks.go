package sqlstore

import (
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/backend/internal/webhook"
	"github.com/nod-auth/nod/shared/protocol"
)

const webhookSelect = `SELECT tenant_id, id, url, events, keys_sealed, fingerprint, created_at, disabled_at, reason FROM webhook_endpoints `

func scanWebhook(s scanner) (r webhook.Record, err error) {
	err = s.Scan(&r.Tenant, &r.ID, &r.URL, parsed{&r.Events}, &r.KeysSealed, &r.Fingerprint, at{&r.CreatedAt}, at{&r.DisabledAt}, &r.Reason)
	return r, err
}

// SaveWebhook inserts or replaces an endpoint.
func (t *Tx) SaveWebhook(r webhook.Record) error {
	return t.store(`INSERT INTO webhook_endpoints (tenant_id, id, url, events, keys_sealed, fingerprint, created_at, disabled_at, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (tenant_id, id) DO UPDATE SET url = excluded.url, events = excluded.events,
		keys_sealed = excluded.keys_sealed, fingerprint = excluded.fingerprint, disabled_at = excluded.disabled_at, reason = excluded.reason`,
		r.Tenant, r.ID, r.URL, text(r.Events), r.KeysSealed, r.Fingerprint, millis(r.CreatedAt), millis(r.DisabledAt), r.Reason)
}

// Webhook reads one endpoint.
func (t *Tx) Webhook(id string) (webhook.Record, error) {
	return scanWebhook(t.row(webhookSelect+`WHERE id = $1`, id))
}

// Webhooks lists a tenant's endpoints, oldest first.
func (t *Tx) Webhooks(tn protocol.TenantID) ([]webhook.Record, error) {
	return list(t, scanWebhook, webhookSelect+`WHERE tenant_id = $1 ORDER BY created_at, id`, tn)
}

// DeleteWebhook deletes an endpoint.
func (t *Tx) DeleteWebhook(tn protocol.TenantID, id string) error {
	n, err := t.exec(`DELETE FROM webhook_endpoints WHERE tenant_id = $1 AND id = $2`, tn, id)
	if err == nil && n == 0 {
		return txn.ErrNotFound
	}
	return err
}
