package sqlstore

import (
	"errors"
	"time"

	"github.com/nod-auth/nod/backend/internal/txn"
)

// Meta reads an installation-wide value; "" when there is none.
func (t *Tx) Meta(key string) (string, error) {
	var v string
	err := t.row(`SELECT value FROM meta WHERE key = $1`, key).Scan(&v)
	if errors.Is(err, txn.ErrNotFound) {
		return "", nil
	}
	return v, err
}

// SetMeta stores an installation-wide value.
func (t *Tx) SetMeta(key, value string) error {
	return t.store(`INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
}

// Lease takes or renews a named lease until now + length and tells whether holder has it.
func (t *Tx) Lease(name, holder string, now time.Time, length time.Duration) (bool, error) {
	n, err := t.exec(`INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until WHERE leases.holder = excluded.holder OR leases.until <= $4`,
		name, holder, millis(now.Add(length)), millis(now))
	return n == 1, err
}

// Release gives a lease back.
func (t *Tx) Release(name, holder string) error {
	return t.store(`DELETE FROM leases WHERE name = $1 AND holder = $2`, name, holder)
}

// Sweep deletes what is of no use any more: replays that are over and used ids older than before; secrets of replays
// whose time is over are emptied.
func (t *Tx) Sweep(now, usedBefore time.Time) error {
	return errors.Join(
		t.store(`DELETE FROM replays WHERE expires_at <= $1`, millis(now)),
		t.store(`UPDATE replays SET sealed = NULL WHERE secrets_at <= $1 AND sealed IS NOT NULL`, millis(now)),
		t.store(`DELETE FROM used_ids WHERE at <= $1`, millis(usedBefore)))
}

// SweepOld deletes challenges and enrollments that ended before a time, at most limit of each, and returns how many. Wake-ups that
// are still on record keep their challenge until those are deleted. The audit chain and known keys stay.
func (t *Tx) SweepOld(before time.Time, limit int) (int64, error) {
	challenges, err := t.exec(`DELETE FROM challenges WHERE browser_hash IN (SELECT c.browser_hash FROM challenges c WHERE c.status IN
		('approved', 'denied', 'reported', 'failed', 'expired', 'canceled', 'superseded') AND c.expires_at < $1
		AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.tenant_id = c.tenant_id AND d.challenge_id = c.id) LIMIT $2)`, millis(before), limit)
	if err != nil {
		return 0, err
	}
	enrollments, err := t.exec(`DELETE FROM enrollments WHERE token_hash IN (SELECT token_hash FROM enrollments WHERE status IN ('active', 'failed', 'expired')
		AND expires_at < $1 LIMIT $2)`, millis(before), limit)
	return challenges + enrollments, err
}
