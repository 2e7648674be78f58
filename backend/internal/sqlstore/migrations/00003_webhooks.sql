-- +goose Up
-- Endpoints of integrators. The keys are sealed; a key is never that of two endpoints (T22).
CREATE TABLE webhook_endpoints (
    tenant_id   TEXT NOT NULL REFERENCES tenants (id),
    id          TEXT NOT NULL UNIQUE,
    url         TEXT NOT NULL,
    events      TEXT NOT NULL,
    keys_sealed BLOB NOT NULL,
    fingerprint TEXT NOT NULL UNIQUE,
    created_at  BIGINT NOT NULL,
    disabled_at BIGINT NOT NULL DEFAULT 0,
    reason      TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, id)
);

-- A delivery of the channel webhook names its endpoint; the others are empty.
ALTER TABLE deliveries ADD COLUMN endpoint_id TEXT NOT NULL DEFAULT '';
