package sqlstore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/shared/protocol"
)

// point reads a public key's column: the uncompressed point, which is read much faster than a JSON web key.
type point struct{ key *protocol.JWK }

// Scan implements sql.Scanner.
func (p point) Scan(v any) error {
	b, ok := v.([]byte)
	if !ok {
		return fmt.Errorf("a key column has %T", v)
	}
	return p.key.UnmarshalBinary(b)
}

const deviceSelect = `SELECT d.tenant_id, d.id, d.user_id, d.name, d.model, d.platform, d.app_version, d.status, d.handle, d.push, d.counter_max, d.counter_seen,
	d.created_at, d.seen_at, d.revoked_at, k.id, k.jwk, k.claimed, k.proven, a.id, a.jwk, a.claimed, a.proven
	FROM devices d JOIN credentials k ON k.id = d.device_key JOIN credentials a ON a.id = d.approval_key `

func scanDevice(s scanner) (d device.Device, err error) {
	err = s.Scan(&d.Tenant, &d.ID, &d.User, &d.Info.Name, &d.Info.Model, &d.Info.Platform, &d.Info.AppVersion, &d.Status, &d.Handle, parsed{&d.Push},
		&d.Counter.Max, &d.Counter.Seen, at{&d.CreatedAt}, at{&d.SeenAt}, at{&d.RevokedAt},
		&d.Key.ID, point{&d.Key.JWK}, &d.Key.Claimed, &d.Key.Proven, &d.Approval.ID, point{&d.Approval.JWK}, &d.Approval.Claimed, &d.Approval.Proven)
	return d, err
}

// Device reads one device of a tenant.
func (t *Tx) Device(tn protocol.TenantID, id protocol.DeviceID) (device.Device, error) {
	return scanDevice(t.row(deviceSelect+`WHERE d.tenant_id = $1 AND d.id = $2`, tn, id))
}

// Standing reads a device's user and status only.
func (t *Tx) Standing(tn protocol.TenantID, id protocol.DeviceID) (user protocol.UserID, status device.Status, err error) {
	err = t.row(`SELECT user_id, status FROM devices WHERE tenant_id = $1 AND id = $2`, tn, id).Scan(&user, &status)
	return user, status, err
}

// Approvers lists a user's active devices, oldest first.
func (t *Tx) Approvers(tn protocol.TenantID, id protocol.UserID) ([]device.Approver, error) {
	return list(t, func(s scanner) (a device.Approver, err error) {
		err = s.Scan(&a.ID, &a.Approval.ID, &a.Approval.Claimed, &a.Approval.Proven)
		return a, err
	}, `SELECT d.id, a.id, a.claimed, a.proven FROM devices d JOIN credentials a ON a.id = d.approval_key
		WHERE d.tenant_id = $1 AND d.user_id = $2 AND d.status = 'active' ORDER BY d.created_at, d.id`, tn, id)
}

// DeviceByKey finds the device whose current credential has this thumbprint.
func (t *Tx) DeviceByKey(kid protocol.Thumbprint) (device.Device, error) {
	return scanDevice(t.row(deviceSelect+`JOIN credentials c ON c.tenant_id = d.tenant_id AND c.device_id = d.id WHERE c.id = $1 AND c.current`, kid))
}

// Devices lists a user's devices, revoked ones too, oldest first.
func (t *Tx) Devices(tn protocol.TenantID, id protocol.UserID) ([]device.Device, error) {
	return list(t, scanDevice, deviceSelect+`WHERE d.tenant_id = $1 AND d.user_id = $2 ORDER BY d.created_at, d.id`, tn, id)
}

// DevicesAt lists devices that are not revoked and have this push address.
func (t *Tx) DevicesAt(p protocol.PushAddress) ([]device.Device, error) {
	return list(t, scanDevice, deviceSelect+`WHERE d.push_hash = $1 AND d.status <> 'revoked'`, pushHash(&p))
}

// pushHash indexes an address without repeating it.
func pushHash(p *protocol.PushAddress) string {
	if p == nil {
		return ""
	}
	sum := sha256.Sum256([]byte(p.Channel + "\x00" + p.Kind + "\x00" + p.Address))
	return hex.EncodeToString(sum[:16])
}

// SaveDevice inserts or replaces a device and makes its two credentials the current ones.
func (t *Tx) SaveDevice(d device.Device) error {
	push := ""
	if d.Push != nil {
		push = text(d.Push)
	}
	err := t.store(`INSERT INTO devices (tenant_id, id, user_id, name, model, platform, app_version, status, device_key, approval_key, handle, push, push_hash,
		counter_max, counter_seen, created_at, seen_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
		ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, model = excluded.model, platform = excluded.platform, app_version = excluded.app_version,
		status = excluded.status, device_key = excluded.device_key, approval_key = excluded.approval_key, handle = excluded.handle, push = excluded.push,
		push_hash = excluded.push_hash, seen_at = excluded.seen_at, revoked_at = excluded.revoked_at`,
		d.Tenant, d.ID, d.User, d.Info.Name, d.Info.Model, d.Info.Platform, d.Info.AppVersion, d.Status, d.Key.ID, d.Approval.ID, d.Handle, push, pushHash(d.Push),
		d.Counter.Max, d.Counter.Seen, millis(d.CreatedAt), millis(d.SeenAt), millis(d.RevokedAt))
	if err != nil {
		return err
	}
	if err := t.saveCredential(d, protocol.RoleDevice); err != nil {
		return err
	}
	return t.saveCredential(d, protocol.RoleApproval)
}

// saveCredential stores the current credential of a role and makes an earlier one of that role past.
func (t *Tx) saveCredential(d device.Device, role protocol.KeyRole) error {
	c := d.Credential(role)
	n, err := t.exec(`UPDATE credentials SET claimed = $1, proven = $2 WHERE id = $3 AND tenant_id = $4 AND device_id = $5 AND role = $6 AND current`,
		c.Claimed, c.Proven, c.ID, d.Tenant, d.ID, role)
	if err != nil || n == 1 {
		return err
	}
	if err := t.store(`UPDATE credentials SET current = FALSE WHERE tenant_id = $1 AND device_id = $2 AND role = $3 AND current`, d.Tenant, d.ID, role); err != nil {
		return err
	}
	encoded, err := c.JWK.MarshalBinary()
	if err != nil {
		return fmt.Errorf("encode a credential: %w", err)
	}
	return t.store(`INSERT INTO credentials (id, tenant_id, device_id, role, jwk, claimed, proven, current) VALUES ($1, $2, $3, $4, $5, $6, $7, TRUE)`,
		c.ID, d.Tenant, d.ID, role, encoded, c.Claimed, c.Proven)
}

// KnownKey tells whether a thumbprint was ever a device's or a tenant's.
func (t *Tx) KnownKey(id protocol.Thumbprint) (known bool, err error) {
	err = t.row(`SELECT EXISTS (SELECT 1 FROM credentials WHERE id = $1) OR EXISTS (SELECT 1 FROM signing_keys WHERE id = $2)`, id, id).Scan(&known)
	return known, err
}

// SaveCounter stores the window of a device's decision counters.
func (t *Tx) SaveCounter(tn protocol.TenantID, id protocol.DeviceID, c device.Counter) error {
	return t.store(`UPDATE devices SET counter_max = $1, counter_seen = $2 WHERE tenant_id = $3 AND id = $4`, c.Max, c.Seen, tn, id)
}

// UseOnce stores a device's jti; txn.ErrConflict when it was used before.
func (t *Tx) UseOnce(id protocol.DeviceID, jti string, now time.Time) error {
	return t.store(`INSERT INTO used_ids (device_id, jti, at) VALUES ($1, $2, $3)`, id, jti, millis(now))
}
