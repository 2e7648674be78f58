package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/enrollment"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/shared/protocol"
)

type restoredCmd struct {
	Revocations string `help:"File with the ids of devices that were revoked after the backup, one a line, from your exported audit events. They are revoked again." placeholder:"FILE" xor:"gap" required:""`
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
		for _, t := range list {
			if err := d.openEpoch(ctx, t, revoked, c.detail()); err != nil {
				return err
			}
			p.printf("tenant %s: a new epoch; pending challenges and invitations are over\n", t.ID)
		}
		return nil
	})
}

func (c restoredCmd) detail() string {
	if c.AcceptGap {
		return "gap_accepted"
	}
	return "revocations_replayed"
}

func (c restoredCmd) read() ([]protocol.DeviceID, error) {
	if c.Revocations == "" {
		return nil, nil
	}
	f, err := os.Open(c.Revocations)
	if err != nil {
		return nil, failure("name an existing file; an empty one means that nothing was revoked", "the revocations cannot be read: %w", err)
	}
	defer func() { _ = f.Close() }()
	var ids []protocol.DeviceID
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		id, err := protocol.ParseID[protocol.DeviceID](text)
		if err != nil {
			return nil, failure("write one device id (dev_...) a line", "line %d of %s is no device id", n, c.Revocations)
		}
		ids = append(ids, id)
	}
	return ids, lines.Err()
}

// openEpoch does all of one tenant in one transaction.
func (d *domain) openEpoch(ctx context.Context, t tenant.Tenant, revoked []protocol.DeviceID, detail string) error {
	now := wallClock()
	return d.update(ctx, func(tx *sqlstore.Tx) error {
		for _, id := range revoked {
			if err := revokeAgain(tx, t.ID, id, now); err != nil {
				return err
			}
		}
		if err := cancelAll(tx, t.ID, now); err != nil {
			return err
		}
		if err := endInvitations(tx, t.ID, now); err != nil {
			return err
		}
		return tx.AppendAudit(audit.Event{Tenant: t.ID, At: now, Type: audit.EpochOpened, Actor: "operator", Detail: detail})
	})
}

func revokeAgain(tx *sqlstore.Tx, t protocol.TenantID, id protocol.DeviceID, now time.Time) error {
	x, err := tx.Device(t, id)
	if err != nil || x.Status == device.StatusRevoked {
		return nil //nolint:nilerr // a device that the backup does not know needs no revocation
	}
	x.Status, x.RevokedAt, x.Push = device.StatusRevoked, now, nil
	if err := tx.SaveDevice(x); err != nil {
		return fmt.Errorf("revoke %s: %w", id, err)
	}
	return tx.AppendAudit(audit.Event{Tenant: t, At: now, Type: audit.DeviceRevoked, Actor: "operator", User: x.User, Device: id, Detail: "restored"})
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
		if err := revokeAgain(tx, t, e.Device, now); err != nil {
			return err
		}
	}
	return nil
}
