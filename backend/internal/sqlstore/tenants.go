package sqlstore

import (
	"encoding/json"

	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/shared/protocol"
)

const tenantColumns = `id, name, device_add, created_at, disabled, root_jwk, root_sealed, keys_seq, keys_jws`

func scanTenant(s scanner) (t tenant.Tenant, err error) {
	err = s.Scan(&t.ID, &t.Name, &t.DeviceAdd, at{&t.CreatedAt}, &t.Disabled, parsed{&t.Root}, &t.RootSealed, &t.KeysSeq, &t.KeysJWS)
	return t, err
}

// Tenant reads one tenant.
func (t *Tx) Tenant(id protocol.TenantID) (tenant.Tenant, error) {
	return scanTenant(t.row(`SELECT `+tenantColumns+` FROM tenants WHERE id = $1`, id))
}

// Tenants lists all tenants, oldest first.
func (t *Tx) Tenants() ([]tenant.Tenant, error) {
	return list(t, scanTenant, `SELECT `+tenantColumns+` FROM tenants ORDER BY created_at, id`)
}

// SaveTenant inserts or replaces a tenant.
func (t *Tx) SaveTenant(v tenant.Tenant) error {
	return t.store(`INSERT INTO tenants (`+tenantColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, device_add = excluded.device_add, disabled = excluded.disabled,
		root_jwk = excluded.root_jwk, root_sealed = excluded.root_sealed, keys_seq = excluded.keys_seq, keys_jws = excluded.keys_jws`,
		v.ID, v.Name, v.DeviceAdd, millis(v.CreatedAt), v.Disabled, text(v.Root), notNil(v.RootSealed), v.KeysSeq, v.KeysJWS)
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

const signingKeyColumns = `tenant_id, id, jwk, sealed, status, not_before, retired_at`

func scanSigningKey(s scanner) (k tenant.SigningKey, err error) {
	err = s.Scan(&k.Tenant, &k.ID, parsed{&k.JWK}, &k.Sealed, &k.Status, at{&k.NotBefore}, at{&k.RetiredAt})
	return k, err
}

// SigningKeys lists a tenant's signing keys, oldest first.
func (t *Tx) SigningKeys(id protocol.TenantID) ([]tenant.SigningKey, error) {
	return list(t, scanSigningKey, `SELECT `+signingKeyColumns+` FROM signing_keys WHERE tenant_id = $1 ORDER BY not_before, id`, id)
}

// SaveSigningKey inserts a signing key or stores its new state.
func (t *Tx) SaveSigningKey(k tenant.SigningKey) error {
	return t.store(`INSERT INTO signing_keys (`+signingKeyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant_id, id) DO UPDATE SET status = excluded.status, retired_at = excluded.retired_at`,
		k.Tenant, k.ID, text(k.JWK), k.Sealed, k.Status, millis(k.NotBefore), millis(k.RetiredAt))
}

const applicationColumns = `tenant_id, id, name, origins, min_match, created_at, disabled`

func scanApplication(s scanner) (a tenant.Application, err error) {
	err = s.Scan(&a.Tenant, &a.ID, &a.Name, listed[string]{&a.Origins}, &a.MinMatch, at{&a.CreatedAt}, &a.Disabled)
	return a, err
}

// Application reads one application of a tenant.
func (t *Tx) Application(tn protocol.TenantID, id protocol.ApplicationID) (tenant.Application, error) {
	return scanApplication(t.row(`SELECT `+applicationColumns+` FROM applications WHERE tenant_id = $1 AND id = $2`, tn, id))
}

// Applications lists a tenant's applications, oldest first.
func (t *Tx) Applications(tn protocol.TenantID) ([]tenant.Application, error) {
	return list(t, scanApplication, `SELECT `+applicationColumns+` FROM applications WHERE tenant_id = $1 ORDER BY created_at, id`, tn)
}

// SaveApplication inserts or replaces an application.
func (t *Tx) SaveApplication(a tenant.Application) error {
	origins := a.Origins
	if origins == nil {
		origins = []string{}
	}
	return t.store(`INSERT INTO applications (`+applicationColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, origins = excluded.origins, min_match = excluded.min_match, disabled = excluded.disabled`,
		a.Tenant, a.ID, a.Name, text(origins), a.MinMatch, millis(a.CreatedAt), a.Disabled)
}

//nolint:gosec // G101: names of columns
const apiKeyColumns = `hash, id, tenant_id, application_id, label, scopes, created_at, revoked_at`

func scanAPIKey(s scanner) (k tenant.APIKey, err error) {
	var scopes string
	if err = s.Scan(&k.Hash, &k.ID, &k.Tenant, &k.Application, &k.Label, &scopes, at{&k.CreatedAt}, at{&k.RevokedAt}); err != nil {
		return k, err
	}
	return k, json.Unmarshal([]byte(scopes), &k.Scopes)
}

// CallerByHash finds an API key by the hash of its secret, with its application.
func (t *Tx) CallerByHash(hash string) (c tenant.Caller, err error) {
	k, a := &c.Key, &c.Application
	err = t.row(`SELECT k.hash, k.id, k.tenant_id, k.application_id, k.label, k.scopes, k.created_at, k.revoked_at,
		a.tenant_id, a.id, a.name, a.origins, a.min_match, a.created_at, a.disabled
		FROM api_keys k JOIN applications a ON a.tenant_id = k.tenant_id AND a.id = k.application_id WHERE k.hash = $1`, hash).
		Scan(&k.Hash, &k.ID, &k.Tenant, &k.Application, &k.Label, listed[tenant.Scope]{&k.Scopes}, at{&k.CreatedAt}, at{&k.RevokedAt},
			&a.Tenant, &a.ID, &a.Name, listed[string]{&a.Origins}, &a.MinMatch, at{&a.CreatedAt}, &a.Disabled)
	return c, err
}

// APIKeys lists a tenant's API keys, oldest first.
func (t *Tx) APIKeys(tn protocol.TenantID) ([]tenant.APIKey, error) {
	return list(t, scanAPIKey, `SELECT `+apiKeyColumns+` FROM api_keys WHERE tenant_id = $1 ORDER BY created_at, id`, tn)
}

// SaveAPIKey inserts an API key or stores that it is revoked.
func (t *Tx) SaveAPIKey(k tenant.APIKey) error {
	return t.store(`INSERT INTO api_keys (`+apiKeyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (hash) DO UPDATE SET revoked_at = excluded.revoked_at, label = excluded.label`,
		k.Hash, k.ID, k.Tenant, k.Application, k.Label, text(k.Scopes), millis(k.CreatedAt), millis(k.RevokedAt))
}
