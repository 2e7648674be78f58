-- +goose Up
-- Every index is a page to write, so there are few. A query that means a partial index states its condition in literals.
--
-- Times are Unix milliseconds, UTC; 0 means "not yet". Every row of a tenant carries the tenant's id, and
-- references within a tenant are composite, so that no row can point into another tenant (T9).
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE tenants (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    device_add  TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    disabled    BOOLEAN NOT NULL DEFAULT FALSE,
    root_jwk    TEXT NOT NULL,
    root_sealed BLOB NOT NULL,
    keys_seq    BIGINT NOT NULL,
    keys_jws    TEXT NOT NULL
);

CREATE TABLE signing_keys (
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    id         TEXT NOT NULL,
    jwk        TEXT NOT NULL,
    sealed     BLOB NOT NULL,
    status     TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    retired_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE applications (
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    id         TEXT NOT NULL,
    name       TEXT NOT NULL,
    origins    TEXT NOT NULL DEFAULT '[]',
    min_match  TEXT NOT NULL DEFAULT 'enter',
    created_at BIGINT NOT NULL,
    disabled   BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE api_keys (
    hash           TEXT PRIMARY KEY,
    id             TEXT NOT NULL UNIQUE,
    tenant_id      TEXT NOT NULL,
    application_id TEXT NOT NULL,
    label          TEXT NOT NULL,
    scopes         TEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    revoked_at     BIGINT NOT NULL DEFAULT 0,
    FOREIGN KEY (tenant_id, application_id) REFERENCES applications (tenant_id, id)
);

CREATE TABLE users (
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    id         TEXT NOT NULL,
    ref        TEXT NOT NULL,
    name       TEXT NOT NULL DEFAULT '',
    disabled   BOOLEAN NOT NULL DEFAULT FALSE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, ref)
);

CREATE TABLE lockouts (
    tenant_id    TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    class        TEXT NOT NULL,
    streak       INTEGER NOT NULL,
    total        INTEGER NOT NULL,
    locks        INTEGER NOT NULL,
    locked_until BIGINT NOT NULL,
    disabled     BOOLEAN NOT NULL,
    PRIMARY KEY (tenant_id, user_id, class),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);

CREATE TABLE devices (
    tenant_id    TEXT NOT NULL,
    id           TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    name         TEXT NOT NULL,
    model        TEXT NOT NULL,
    platform     TEXT NOT NULL,
    app_version  TEXT NOT NULL,
    status       TEXT NOT NULL,
    device_key   TEXT NOT NULL,
    approval_key TEXT NOT NULL,
    handle       TEXT NOT NULL,
    push         TEXT NOT NULL DEFAULT '',
    push_hash    TEXT NOT NULL DEFAULT '',
    counter_max  BIGINT NOT NULL DEFAULT 0,
    counter_seen BIGINT NOT NULL DEFAULT 0,
    created_at   BIGINT NOT NULL,
    seen_at      BIGINT NOT NULL,
    revoked_at   BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX devices_by_user ON devices (tenant_id, user_id);
CREATE INDEX devices_by_push ON devices (push_hash);

-- Every key that was ever a device's. A thumbprint is never accepted twice.
CREATE TABLE credentials (
    id         TEXT PRIMARY KEY,
    tenant_id  TEXT NOT NULL,
    device_id  TEXT NOT NULL,
    role       TEXT NOT NULL,
    jwk        BLOB NOT NULL,
    claimed    TEXT NOT NULL,
    proven     TEXT NOT NULL DEFAULT '',
    current    BOOLEAN NOT NULL,
    FOREIGN KEY (tenant_id, device_id) REFERENCES devices (tenant_id, id)
);
CREATE INDEX credentials_by_device ON credentials (tenant_id, device_id);

CREATE TABLE used_ids (
    device_id TEXT NOT NULL,
    jti       TEXT NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (device_id, jti)
);

CREATE TABLE enrollments (
    tenant_id      TEXT NOT NULL,
    id             TEXT NOT NULL,
    application_id TEXT NOT NULL,
    user_id        TEXT NOT NULL,
    token_hash     TEXT NOT NULL UNIQUE,
    status         TEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    hash           TEXT NOT NULL DEFAULT '',
    sealed         BLOB,
    device_id      TEXT NOT NULL DEFAULT '',
    approval_id    TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, application_id) REFERENCES applications (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX enrollments_due ON enrollments (status, expires_at);
CREATE INDEX enrollments_by_approval ON enrollments (tenant_id, approval_id);

CREATE TABLE challenges (
    tenant_id      TEXT NOT NULL,
    id             TEXT NOT NULL,
    application_id TEXT NOT NULL,
    user_id        TEXT NOT NULL,
    session        TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    kind           TEXT NOT NULL,
    status         TEXT NOT NULL,
    reason         TEXT NOT NULL DEFAULT '',
    jws            TEXT NOT NULL,
    match          TEXT NOT NULL,
    salt_sealed    BLOB,
    needs          TEXT NOT NULL,
    recipients     TEXT NOT NULL,
    browser_hash   TEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    decided_at     BIGINT NOT NULL DEFAULT 0,
    decision       TEXT NOT NULL DEFAULT '',
    signer         TEXT NOT NULL DEFAULT '',
    reported_at    BIGINT NOT NULL DEFAULT 0,
    report         TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (id, tenant_id), -- found by id alone for a browser's token
    FOREIGN KEY (tenant_id, application_id) REFERENCES applications (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX challenges_pending ON challenges (tenant_id, user_id) WHERE status = 'pending';
CREATE INDEX challenges_due ON challenges (expires_at) WHERE status = 'pending';
-- The outcomes of a user, by kind: for the rules of create and for the wake-up budgets.
CREATE INDEX challenges_outcomes ON challenges (tenant_id, user_id, status, decided_at) WHERE decided_at > 0;

CREATE TABLE replays (
    scope      TEXT PRIMARY KEY,
    tenant_id  TEXT NOT NULL,
    body       TEXT NOT NULL,
    subject    TEXT NOT NULL,
    sealed     BLOB,
    secrets_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX replays_due ON replays (expires_at);

CREATE TABLE audit_events (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id      TEXT NOT NULL,
    at             BIGINT NOT NULL,
    type           TEXT NOT NULL,
    actor          TEXT NOT NULL,
    user_id        TEXT NOT NULL DEFAULT '',
    device_id      TEXT NOT NULL DEFAULT '',
    application_id TEXT NOT NULL DEFAULT '',
    subject        TEXT NOT NULL DEFAULT '',
    detail         TEXT NOT NULL DEFAULT '',
    seq            BIGINT NOT NULL DEFAULT 0,
    hash           TEXT NOT NULL DEFAULT ''
);
CREATE INDEX audit_unsealed ON audit_events (seq) WHERE seq = 0;
CREATE INDEX audit_by_tenant ON audit_events (tenant_id, id);
CREATE UNIQUE INDEX audit_by_place ON audit_events (tenant_id, seq) WHERE seq > 0;

CREATE TABLE audit_heads (
    tenant_id TEXT PRIMARY KEY,
    seq       BIGINT NOT NULL,
    hash      TEXT NOT NULL
);

CREATE TABLE audit_checkpoints (
    tenant_id TEXT NOT NULL,
    seq       BIGINT NOT NULL,
    hash      TEXT NOT NULL,
    at        BIGINT NOT NULL,
    jws       TEXT NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);

CREATE TABLE leases (
    name   TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until  BIGINT NOT NULL
);
