package sqlstore

import (
	"time"

	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/replay"
	"github.com/nod-auth/nod/shared/protocol"
)

const challengeSelect = `SELECT c.tenant_id, c.id, c.application_id, c.user_id, u.ref, c.session, c.transaction_id, c.kind, c.status, c.reason, c.jws, c.match,
	c.salt_sealed, c.needs, c.recipients, c.browser_hash, c.created_at, c.expires_at, c.decided_at, c.decision, c.signer, c.reported_at, c.report
	FROM challenges c JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id `

func scanChallenge(s scanner) (c challenge.Challenge, err error) {
	err = s.Scan(&c.Tenant, &c.ID, &c.Application, &c.User, &c.UserRef, &c.Session, &c.Transaction, &c.Kind, &c.Status, &c.Reason, &c.JWS, parsed{&c.Match},
		&c.SaltSealed, parsed{&c.Needs}, listed[protocol.DeviceID]{&c.Recipients}, &c.BrowserHash, at{&c.CreatedAt}, at{&c.ExpiresAt}, at{&c.DecidedAt}, &c.Decision,
		parsed{&c.Signer}, at{&c.ReportedAt}, &c.Report)
	c.Hash = protocol.Hash(c.JWS)
	return c, err
}

// InsertChallenge stores a new challenge.
func (t *Tx) InsertChallenge(c challenge.Challenge) error {
	return t.store(`INSERT INTO challenges (tenant_id, id, application_id, user_id, session, transaction_id, kind, status, jws, match, salt_sealed, needs, recipients,
		browser_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		c.Tenant, c.ID, c.Application, c.User, c.Session, c.Transaction, c.Kind, c.Status, c.JWS, text(c.Match), c.SaltSealed, text(c.Needs), text(c.Recipients),
		c.BrowserHash, millis(c.CreatedAt), millis(c.ExpiresAt))
}

// Challenge reads one challenge of a tenant.
func (t *Tx) Challenge(tn protocol.TenantID, id protocol.ChallengeID) (challenge.Challenge, error) {
	return scanChallenge(t.row(challengeSelect+`WHERE c.tenant_id = $1 AND c.id = $2`, tn, id))
}

// ChallengeByBrowser finds, in any tenant, a challenge that has both the id and the hash of the browser token.
func (t *Tx) ChallengeByBrowser(id protocol.ChallengeID, hash string) (challenge.Challenge, error) {
	return scanChallenge(t.row(challengeSelect+`WHERE c.id = $1 AND c.browser_hash = $2`, id, hash))
}

// Recent lists a user's challenges that are pending at now, or were denied since, oldest first.
func (t *Tx) Recent(tn protocol.TenantID, id protocol.UserID, now, since time.Time) ([]challenge.Brief, error) {
	const columns = `SELECT id, application_id, session, transaction_id, status, expires_at, decided_at, recipients, created_at FROM challenges `
	return list(t, func(s scanner) (challenge.Brief, error) {
		var created int64
		var b challenge.Brief
		err := s.Scan(&b.ID, &b.Application, &b.Session, &b.Transaction, &b.Status, at{&b.ExpiresAt}, at{&b.DecidedAt}, listed[protocol.DeviceID]{&b.Recipients}, &created)
		return b, err
	}, columns+`WHERE tenant_id = $1 AND user_id = $2 AND status = 'pending' AND expires_at > $3 UNION ALL `+
		columns+`WHERE tenant_id = $4 AND user_id = $5 AND status = 'denied' AND decided_at > 0 AND decided_at > $6 ORDER BY created_at, id`,
		tn, id, millis(now), tn, id, millis(since))
}

// FinishChallenge is the one conditional update of a challenge's status.
func (t *Tx) FinishChallenge(f challenge.Final) (bool, error) {
	signer := ""
	if f.Signer != nil {
		signer = text(f.Signer)
	}
	const set = `UPDATE challenges SET status = $1, reason = $2, decided_at = $3, decision = $4, signer = $5 WHERE tenant_id = $6 AND id = $7 AND status = 'pending' AND `
	query := set + `expires_at > $8`
	if f.Overdue {
		query = set + `expires_at <= $8`
	}
	n, err := t.exec(query, f.Status, f.Reason, millis(f.At), f.Decision, signer, f.Tenant, f.ID, millis(f.At))
	return n == 1, err
}

// SaveReport stores a report that came after a final status, once.
func (t *Tx) SaveReport(tn protocol.TenantID, id protocol.ChallengeID, raw string, now time.Time) (bool, error) {
	n, err := t.exec(`UPDATE challenges SET report = $1, reported_at = $2 WHERE tenant_id = $3 AND id = $4 AND reported_at = 0`, raw, millis(now), tn, id)
	return n == 1, err
}

// Overdue lists pending challenges whose time is over.
func (t *Tx) Overdue(now time.Time, limit int) ([]challenge.Challenge, error) {
	return list(t, scanChallenge, challengeSelect+`WHERE c.status = 'pending' AND c.expires_at <= $1 ORDER BY c.expires_at LIMIT $2`, millis(now), limit)
}

// CancelPending cancels a user's pending challenges, with an event each, and returns their ids.
func (t *Tx) CancelPending(tn protocol.TenantID, id protocol.UserID, now time.Time, reason string) ([]protocol.ChallengeID, error) {
	pending, err := t.Recent(tn, id, now, now)
	if err != nil {
		return nil, err
	}
	var ids []protocol.ChallengeID
	for _, b := range pending {
		won, err := t.FinishChallenge(challenge.Final{Tenant: tn, ID: b.ID, Status: protocol.StatusCanceled, Reason: reason, At: now})
		if err != nil {
			return nil, err
		}
		if !won {
			continue
		}
		ids = append(ids, b.ID)
		if err := t.AppendAudit(challenge.CanceledEvent(tn, id, b, now, reason)); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// Replay returns a remembered create; txn.ErrNotFound when there is none.
func (t *Tx) Replay(scope string) (r replay.Record, err error) {
	err = t.row(`SELECT tenant_id, scope, body, subject, sealed, secrets_at, expires_at FROM replays WHERE scope = $1`, scope).
		Scan(&r.Tenant, &r.Scope, &r.Body, &r.Subject, &r.Sealed, at{&r.SecretsAt}, at{&r.ExpiresAt})
	return r, err
}

// SaveReplay remembers a create; txn.ErrConflict when the scope is taken.
func (t *Tx) SaveReplay(r replay.Record) error {
	return t.store(`INSERT INTO replays (scope, tenant_id, body, subject, sealed, secrets_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		r.Scope, r.Tenant, r.Body, r.Subject, r.Sealed, millis(r.SecretsAt), millis(r.ExpiresAt))
}
