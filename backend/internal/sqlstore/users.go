package sqlstore

import (
	"errors"

	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

const userColumns = `tenant_id, id, ref, name, disabled, created_at`

func scanUser(s scanner) (u user.User, err error) {
	err = s.Scan(&u.Tenant, &u.ID, &u.Ref, &u.Name, &u.Disabled, at{&u.CreatedAt})
	return u, err
}

// User reads one user of a tenant.
func (t *Tx) User(tn protocol.TenantID, id protocol.UserID) (user.User, error) {
	return scanUser(t.row(`SELECT `+userColumns+` FROM users WHERE tenant_id = $1 AND id = $2`, tn, id))
}

// UserByRef finds a user by the application's name for it.
func (t *Tx) UserByRef(tn protocol.TenantID, ref string) (user.User, error) {
	return scanUser(t.row(`SELECT `+userColumns+` FROM users WHERE tenant_id = $1 AND ref = $2`, tn, ref))
}

// Users lists a tenant's users with ref above after, by ref.
func (t *Tx) Users(tn protocol.TenantID, after string, limit int) ([]user.User, error) {
	return list(t, scanUser, `SELECT `+userColumns+` FROM users WHERE tenant_id = $1 AND ref > $2 ORDER BY ref LIMIT $3`, tn, after, limit)
}

// SaveUser inserts or replaces a user.
func (t *Tx) SaveUser(u user.User) error {
	return t.store(`INSERT INTO users (`+userColumns+`) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, disabled = excluded.disabled`,
		u.Tenant, u.ID, u.Ref, u.Name, u.Disabled, millis(u.CreatedAt))
}

// Lockout reads the state of a factor class; its zero value when there is none.
func (t *Tx) Lockout(tn protocol.TenantID, id protocol.UserID, class user.Class) (user.Lockout, error) {
	l := user.Lockout{Class: class}
	err := t.row(`SELECT streak, total, locks, locked_until, disabled FROM lockouts WHERE tenant_id = $1 AND user_id = $2 AND class = $3`, tn, id, class).
		Scan(&l.Streak, &l.Total, &l.Locks, at{&l.LockedUntil}, &l.Disabled)
	if errors.Is(err, txn.ErrNotFound) {
		return l, nil
	}
	return l, err
}

// SaveLockout stores the state of a factor class; a clean one is no row.
func (t *Tx) SaveLockout(tn protocol.TenantID, id protocol.UserID, l user.Lockout) error {
	if l == (user.Lockout{Class: l.Class}) {
		return t.store(`DELETE FROM lockouts WHERE tenant_id = $1 AND user_id = $2 AND class = $3`, tn, id, l.Class)
	}
	return t.store(`INSERT INTO lockouts (tenant_id, user_id, class, streak, total, locks, locked_until, disabled) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (tenant_id, user_id, class) DO UPDATE SET streak = excluded.streak, total = excluded.total, locks = excluded.locks,
		locked_until = excluded.locked_until, disabled = excluded.disabled`,
		tn, id, l.Class, l.Streak, l.Total, l.Locks, millis(l.LockedUntil), l.Disabled)
}
