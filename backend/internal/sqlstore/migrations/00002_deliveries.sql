-- +goose Up
-- When the push address of a device was registered: a service's "dead since" spares what came later. A trigger sets
-- it, so that no writer can forget it.
ALTER TABLE devices ADD COLUMN push_at BIGINT NOT NULL DEFAULT 0;

-- +goose StatementBegin
CREATE TRIGGER devices_push_new AFTER INSERT ON devices WHEN NEW.push <> ''
BEGIN
    UPDATE devices SET push_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) WHERE tenant_id = NEW.tenant_id AND id = NEW.id;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER devices_push_changed AFTER UPDATE OF push ON devices WHEN NEW.push <> OLD.push
BEGIN
    UPDATE devices SET push_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) WHERE tenant_id = NEW.tenant_id AND id = NEW.id;
END;
-- +goose StatementEnd

-- The outbox of wake-ups: one row for each device of a challenge, written in the challenge's own transaction.
CREATE TABLE deliveries (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id    TEXT NOT NULL,
    challenge_id TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    device_id    TEXT NOT NULL,
    channel      TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    leased_until BIGINT NOT NULL DEFAULT 0,
    claims       BIGINT NOT NULL DEFAULT 0,
    finished_at  BIGINT NOT NULL DEFAULT 0,
    outcome      TEXT NOT NULL DEFAULT '',
    FOREIGN KEY (tenant_id, challenge_id) REFERENCES challenges (tenant_id, id),
    FOREIGN KEY (tenant_id, device_id) REFERENCES devices (tenant_id, id)
);
CREATE INDEX deliveries_due ON deliveries (channel, due_at) WHERE finished_at = 0;
CREATE INDEX deliveries_by_user ON deliveries (tenant_id, user_id, created_at);
CREATE INDEX deliveries_by_challenge ON deliveries (tenant_id, challenge_id);
CREATE INDEX deliveries_by_age ON deliveries (created_at);

-- Every attempt, for the operator. It holds no address.
CREATE TABLE delivery_attempts (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery_id BIGINT NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    channel     TEXT NOT NULL,
    started_at  BIGINT NOT NULL,
    latency_ms  BIGINT NOT NULL,
    outcome     TEXT NOT NULL,
    code        TEXT NOT NULL,
    message_id  TEXT NOT NULL
);
CREATE INDEX delivery_attempts_by_delivery ON delivery_attempts (delivery_id);
