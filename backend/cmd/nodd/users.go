package main

import (
	"context"
	"fmt"

	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

type deviceCmd struct {
	List   deviceList   `cmd:"" help:"List a user's devices."`
	Revoke deviceRevoke `cmd:"" help:"End a device: its keys are never accepted again. A running server closes its stream within half a minute."`
}

type deviceList struct {
	inTenant
	User string `arg:"" name:"user-ref" help:"The user, as the application names it."`
}

// Run lists a user's devices.
func (c deviceList) Run(ctx context.Context, p *program, s *settings) error {
	return s.with(ctx, p, func(d *domain) error {
		t, err := d.tenant(ctx, c.Tenant)
		if err != nil {
			return err
		}
		u, err := d.user(ctx, t, c.User)
		if err != nil {
			return err
		}
		return d.printDevices(ctx, p, u)
	})
}

func (d *domain) printDevices(ctx context.Context, p *program, u user.User) error {
	var rows [][]string
	err := d.view(ctx, func(tx *sqlstore.Tx) error {
		list, err := tx.Devices(u.Tenant, u.ID)
		for _, x := range list {
			level, proven := x.Approval.Level()
			word := "claimed"
			if proven {
				word = "proven"
			}
			rows = append(rows, []string{string(x.ID), x.Info.Name, x.Info.Platform, string(x.Status), string(level) + " (" + word + ")", stamp(x.CreatedAt), stamp(x.SeenAt)})
		}
		return err
	})
	p.table("ID NAME PLATFORM STATUS KEY_LEVEL CREATED SEEN", rows)
	return err
}

type deviceRevoke struct {
	inTenant
	Device string `arg:"" help:"Device id (dev_...)."`
}

// Run revokes a device.
func (c deviceRevoke) Run(ctx context.Context, p *program, s *settings) error {
	id, err := parseID[protocol.DeviceID]("device", c.Device)
	if err != nil {
		return err
	}
	return s.with(ctx, p, func(d *domain) error {
		t, err := d.tenant(ctx, c.Tenant)
		if err != nil {
			return err
		}
		if err := d.devices.Revoke(ctx, t.ID, "", id, "operator"); err != nil {
			return withRemedy(err, "`nodd device list USER_REF` shows the devices")
		}
		p.printf("revoked %s\n", id)
		return nil
	})
}

type userCmd struct {
	List    userList    `cmd:"" help:"List a tenant's users."`
	Show    userShow    `cmd:"" help:"Show a user's state, lock-out and devices."`
	Disable userDisable `cmd:"" help:"Stop a user: no enrollment, no challenge, no approval, no result."`
	Enable  userEnable  `cmd:"" help:"Take back a disable."`
	Unlock  userUnlock  `cmd:"" help:"Clear the lock-out after too many wrong answers."`
}

type oneUser struct {
	inTenant
	User string `arg:"" name:"user-ref" help:"The user, as the application names it."`
}

func (c oneUser) with(ctx context.Context, p *program, s *settings, fn func(*domain, user.User) error) error {
	return s.with(ctx, p, func(d *domain) error {
		t, err := d.tenant(ctx, c.Tenant)
		if err != nil {
			return err
		}
		u, err := d.user(ctx, t, c.User)
		if err != nil {
			return err
		}
		return fn(d, u)
	})
}

type userList struct {
	inTenant
	After string `help:"Only users after this user_ref." placeholder:"REF"`
	Limit int    `help:"At most this many." default:"100"`
}

// Run lists users.
func (c userList) Run(ctx context.Context, p *program, s *settings) error {
	return s.with(ctx, p, func(d *domain) error {
		t, err := d.tenant(ctx, c.Tenant)
		if err != nil {
			return err
		}
		var rows [][]string
		err = d.view(ctx, func(tx *sqlstore.Tx) error {
			list, err := tx.Users(t.ID, c.After, c.Limit)
			for _, u := range list {
				rows = append(rows, []string{u.Ref, string(u.ID), orDash(u.Name), onOff(u.Disabled), stamp(u.CreatedAt)})
			}
			return err
		})
		p.table("USER_REF ID NAME STATE CREATED", rows)
		return err
	})
}

type userShow struct{ oneUser }

// Run shows a user.
func (c userShow) Run(ctx context.Context, p *program, s *settings) error {
	return c.with(ctx, p, s, func(d *domain, u user.User) error {
		p.printf("user_ref  %s\nid        %s\nname      %s\nstate     %s\ncreated   %s\n", printable(u.Ref), u.ID, orDash(printable(u.Name)), onOff(u.Disabled), stamp(u.CreatedAt))
		err := d.view(ctx, func(tx *sqlstore.Tx) error {
			for _, class := range []user.Class{user.ClassSigned, user.ClassTyped} {
				l, err := tx.Lockout(u.Tenant, u.ID, class)
				if err != nil {
					return err
				}
				state := fmt.Sprintf("%d wrong in a row, %d since the last success", l.Streak, l.Total)
				if l.Disabled {
					state += "; disabled until unlocked"
				} else if !l.LockedUntil.IsZero() {
					state += "; locked until " + stamp(l.LockedUntil)
				}
				p.printf("%-9s %s\n", class, state)
			}
			return nil
		})
		if err != nil {
			return err
		}
		p.printf("\n")
		return d.printDevices(ctx, p, u)
	})
}

type userDisable struct{ oneUser }

// Run disables a user.
func (c userDisable) Run(ctx context.Context, p *program, s *settings) error {
	return c.setDisabled(ctx, p, s, true)
}

type userEnable struct{ oneUser }

// Run enables a user.
func (c userEnable) Run(ctx context.Context, p *program, s *settings) error {
	return c.setDisabled(ctx, p, s, false)
}

func (c oneUser) setDisabled(ctx context.Context, p *program, s *settings, disabled bool) error {
	return c.with(ctx, p, s, func(d *domain, u user.User) error {
		if err := d.update(ctx, func(tx *sqlstore.Tx) error { return user.SetDisabled(tx, u, disabled, wallClock()) }); err != nil {
			return err
		}
		p.printf("%s is %s\n", printable(u.Ref), onOff(disabled))
		return nil
	})
}

type userUnlock struct {
	oneUser
	Class string `help:"Which count: signed (decisions) or typed_code." enum:"signed,typed_code" default:"signed"`
}

// Run clears a lock-out.
func (c userUnlock) Run(ctx context.Context, p *program, s *settings) error {
	return c.with(ctx, p, s, func(d *domain, u user.User) error {
		if err := d.update(ctx, func(tx *sqlstore.Tx) error { return user.Unlock(tx, u, user.Class(c.Class), wallClock()) }); err != nil {
			return err
		}
		p.printf("%s is unlocked (%s)\n", printable(u.Ref), c.Class)
		return nil
	})
}
