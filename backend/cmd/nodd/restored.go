package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/enrollment"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

type restoredCmd struct {
	Revocations string `help:"File with the ids of devices and API keys that were revoked, and of users that were disabled, after the backup, one a line, from your exported audit events. All are again." placeholder:"FILE" xor:"gap" required:""`
	AcceptGap   bool   `name:"accept-gap" help:"Accept that what was revoked or disabled after the backup is valid again." xor:"gap" required:""`
}

// Run opens a new epoch: whatever was under way when the backup was taken is over, so that an answer recorded then cannot
// be replayed now.
func (c restoredCmd) Run(ctx context.Context, p *program, s *settings) error {
	cfg, err := s.load(p)
	if err != nil {
		return err
	}
	unlock, err := lockServing(cfg.Data)
	if err != nil {
		return err
	}
	defer unlock()
	revoked, err := c.read()
	if err != nil {
		return err
	}
	return s.with(ctx, p, func(d *domain) error {
		list, err := d.allTenants(ctx)
		if err != nil {
			return err
		}
		known := map[string]bool{}
		for _, t := range list {
			if err := d.openEpoch(ctx, t, epoch{revoked, c.detail(), known}); err != nil {
				return err
			}
			p.printf("tenant %s: a new epoch; pending challenges and invitations are over\n", t.ID)
		}
		warnUnknown(p, revoked, known)
		return d.update(ctx, func(tx *sqlstore.Tx) error { return tx.SetMeta(metaBackup, "") })
	})
}

func warnUnknown(p *program, ids []string, known map[string]bool) {
	var unknown []string
	for _, id := range ids {
		if !known[id] {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) > 0 {
		_, _ = fmt.Fprintf(p.Err, "nodd: %d of %d ids are not in this backup: %s\n  -> right if they were made after it; else check the spelling and run this again\n",
			len(unknown), len(ids), strings.Join(unknown, " "))
	}
}

// metaBackup holds when a copy was taken. It stands in copies only, until [restoredCmd] takes it away.
const metaBackup = "backup_taken_at"

// markBackup writes into a copy that it is one, so that it is not served as if nothing had happened since.
func markBackup(ctx context.Context, path string) (err error) {
	db, err := sqlstore.Open(ctx, sqlstore.Options{Path: path})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Update(ctx, func(tx *sqlstore.Tx) error { return tx.SetMeta(metaBackup, stamp(wallClock())) })
}

// refuseBackup keeps a server from a backup that was put in place without opening a new epoch: what was pending then could be
// answered again, and what was revoked since would be valid (T5).
func (d *domain) refuseBackup(ctx context.Context) error {
	taken := ""
	err := d.view(ctx, func(tx *sqlstore.Tx) (err error) {
		taken, err = tx.Meta(metaBackup)
		return err
	})
	if err != nil || taken == "" {
		return err
	}
	return failure("run `nodd restored --revocations FILE`, or `nodd restored --accept-gap`: what was revoked since then is valid in it (docs/operations.md, Restore)",
		"%s is a backup from %s", d.config.Data, taken)
}

func (c restoredCmd) detail() string {
	if c.AcceptGap {
		return "gap_accepted"
	}
	return "revocations_replayed"
}

func (c restoredCmd) read() ([]string, error) {
	if c.Revocations == "" {
		return nil, nil
	}
	f, err := os.Open(c.Revocations)
	if err != nil {
		return nil, failure("name an existing file; an empty one means that nothing was revoked", "the revocations cannot be read: %w", err)
	}
	defer func() { _ = f.Close() }()
	var ids []string
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if !revocable(text) {
			return nil, failure("write the id of a device (dev_...), an API key (key_...) or a user (usr_...) a line", "line %d of %s is no id", n, c.Revocations)
		}
		ids = append(ids, text)
	}
	return ids, lines.Err()
}

func revocable(id string) bool {
	_, notDevice := protocol.ParseID[protocol.DeviceID](id)
	_, notUser := protocol.ParseID[protocol.UserID](id)
	return notDevice == nil || notUser == nil || strings.HasPrefix(id, "key_")
}

// epoch is what opening one does to every tenant.
type epoch struct {
	revoked []string        // ids of devices, API keys and users
	detail  string          // for the audit
	known   map[string]bool // those ids that a tenant has; filled
}

// sequenceSkip is how far the sequence of a tenant's key statement jumps. Devices refuse a lower one than they have seen, and they may
// have seen some that the backup does not know (T42).
const sequenceSkip = 1000

// openEpoch does all of one tenant: the keys first, since that can be done twice.
func (d *domain) openEpoch(ctx context.Context, t tenant.Tenant, e epoch) error {
	if err := d.tenants.Skip(ctx, t.ID, sequenceSkip); err != nil {
		return err
	}
	now := wallClock()
	return d.update(ctx, func(tx *sqlstore.Tx) error {
		for _, id := range e.revoked {
			found, err := endAgain(tx, t.ID, id, now)
			if err != nil {
				return fmt.Errorf("revoke %s: %w", id, err)
			}
			e.known[id] = e.known[id] || found
		}
		if err := cancelAll(tx, t.ID, now); err != nil {
			return err
		}
		if err := endInvitations(tx, t.ID, now); err != nil {
			return err
		}
		return tx.AppendAudit(audit.Event{Tenant: t.ID, At: now, Type: audit.EpochOpened, Actor: "operator", Detail: e.detail})
	})
}

// endAgain revokes or disables what an id names, and tells whether this tenant has it.
func endAgain(tx *sqlstore.Tx, t protocol.TenantID, id string, now time.Time) (found bool, err error) {
	switch {
	case strings.HasPrefix(id, "key_"):
		return revokeKeyAgain(tx, t, id, now)
	case strings.HasPrefix(id, "usr_"):
		u, err := tx.User(t, protocol.UserID(id))
		if err != nil || u.Disabled {
			return present(err)
		}
		return true, user.SetDisabled(tx, u, true, now)
	}
	return revokeAgain(tx, t, protocol.DeviceID(id), now)
}

// present turns the outcome of a read into whether there is something.
func present(err error) (bool, error) {
	if errors.Is(err, txn.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func revokeKeyAgain(tx *sqlstore.Tx, t protocol.TenantID, id string, now time.Time) (bool, error) {
	keys, err := tx.APIKeys(t)
	if err != nil {
		return false, err
	}
	for _, k := range keys {
		if k.ID != id {
			continue
		}
		if !k.RevokedAt.IsZero() {
			return true, nil
		}
		k.RevokedAt = now
		if err := tx.SaveAPIKey(k); err != nil {
			return true, err
		}
		return true, tx.AppendAudit(audit.Event{Tenant: t, At: now, Type: audit.KeyRevoked, Actor: "operator", Application: k.Application, Subject: id, Detail: "restored"})
	}
	return false, nil
}

func revokeAgain(tx *sqlstore.Tx, t protocol.TenantID, id protocol.DeviceID, now time.Time) (bool, error) {
	x, err := tx.Device(t, id)
	if err != nil || x.Status == device.StatusRevoked {
		return present(err)
	}
	x.Status, x.RevokedAt, x.Push = device.StatusRevoked, now, nil
	if err := tx.SaveDevice(x); err != nil {
		return true, err
	}
	return true, tx.AppendAudit(audit.Event{Tenant: t, At: now, Type: audit.DeviceRevoked, Actor: "operator", User: x.User, Device: id, Detail: "restored"})
}

func cancelAll(tx *sqlstore.Tx, t protocol.TenantID, now time.Time) error {
	const page = 500
	for after := ""; ; {
		users, err := tx.Users(t, after, page)
		if err != nil {
			return fmt.Errorf("list the users: %w", err)
		}
		for _, u := range users {
			after = u.Ref
			if _, err := tx.CancelPending(t, u.ID, now, "restored"); err != nil {
				return fmt.Errorf("cancel pending challenges: %w", err)
			}
		}
		if len(users) < page {
			return nil
		}
	}
}

func endInvitations(tx *sqlstore.Tx, t protocol.TenantID, now time.Time) error {
	open, err := tx.DueEnrollments(now.AddDate(10, 0, 0), 1<<30)
	if err != nil {
		return fmt.Errorf("list open invitations: %w", err)
	}
	for _, e := range open {
		if e.Tenant != t {
			continue
		}
		was := e.Status
		e.Status, e.Sealed = enrollment.StatusExpired, nil
		if _, err := tx.MoveEnrollment(e, was); err != nil {
			return fmt.Errorf("end an invitation: %w", err)
		}
		if e.Device == "" {
			continue
		}
		if _, err := revokeAgain(tx, t, e.Device, now); err != nil {
			return fmt.Errorf("revoke %s: %w", e.Device, err)
		}
	}
	return nil
}
