package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/shared/protocol"
)

type tenantCmd struct {
	List   tenantList   `cmd:"" help:"List the tenants."`
	Create tenantCreate `cmd:"" help:"Make a tenant with its keys."`
	Set    tenantSet    `cmd:"" help:"Change a tenant's settings."`
}

type tenantList struct{}

// Run lists the tenants.
func (tenantList) Run(ctx context.Context, p *program, s *settings) error {
	return s.with(ctx, p, func(d *domain) error {
		list, err := d.allTenants(ctx)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, t := range list {
			rows = append(rows, []string{string(t.ID), t.Name, onOff(t.Disabled), string(t.DeviceAdd), string(t.Root.Thumbprint()), stamp(t.CreatedAt)})
		}
		p.table("ID NAME STATE DEVICE_ADD ROOT_KEY CREATED", rows)
		return nil
	})
}

type tenantCreate struct {
	Name string `arg:"" help:"The company, as the app shows it."`
}

// Run makes a tenant.
func (c tenantCreate) Run(ctx context.Context, p *program, s *settings) error {
	return s.with(ctx, p, func(d *domain) error {
		t, err := d.tenants.Create(ctx, c.Name)
		if err != nil {
			return err
		}
		p.printf("%s\n", t.ID)
		return nil
	})
}

type tenantSet struct {
	inTenant
	Name      string `help:"The company's name, as new accounts in the authenticator show it."`
	DeviceAdd string `name:"device-add" enum:",approve,allow" default:"" help:"What adding a device to a user who has one needs: approve (one of the user's devices agrees) or allow (the signed-in browser and the code are enough)."`
}

// Run changes a tenant.
func (c tenantSet) Run(ctx context.Context, p *program, s *settings) error {
	if c.Name == "" && c.DeviceAdd == "" {
		return failure("say what to change: --name or --device-add", "nothing to change")
	}
	return s.with(ctx, p, func(d *domain) error {
		t, err := d.tenant(ctx, c.Tenant)
		if err != nil {
			return err
		}
		if c.Name != "" {
			if err := d.tenants.SetName(ctx, t.ID, c.Name); err != nil {
				return err
			}
			p.printf("tenant %s: name = %s\n", t.ID, c.Name)
		}
		if c.DeviceAdd == "" {
			return nil
		}
		if err := d.tenants.SetDeviceAdd(ctx, t.ID, tenant.DeviceAdd(c.DeviceAdd)); err != nil {
			return err
		}
		p.printf("tenant %s: device_add = %s\n", t.ID, c.DeviceAdd)
		if c.DeviceAdd == string(tenant.DeviceAddAllow) {
			_, _ = fmt.Fprintln(p.Err, "nodd: from now on, whoever can sign in once may add a device for good\n  -> `nodd tenant set --device-add=approve` takes it back")
		}
		return nil
	})
}

type applicationCmd struct {
	List   applicationList   `cmd:"" help:"List a tenant's applications."`
	Create applicationCreate `cmd:"" help:"Register a relying party."`
	Set    applicationSet    `cmd:"" help:"Change an application's settings."`
}

type applicationList struct{ inTenant }

// Run lists the applications.
func (c applicationList) Run(ctx context.Context, p *program, s *settings) error {
	return s.with(ctx, p, func(d *domain) error {
		t, err := d.tenant(ctx, c.Tenant)
		if err != nil {
			return err
		}
		var rows [][]string
		err = d.view(ctx, func(tx *sqlstore.Tx) error {
			list, err := tx.Applications(t.ID)
			for _, a := range list {
				rows = append(rows, []string{string(a.ID), a.Name, onOff(a.Disabled), string(a.MinMatch), orDash(strings.Join(a.Origins, ",")), stamp(a.CreatedAt)})
			}
			return err
		})
		p.table("ID NAME STATE MIN_MATCH ORIGINS CREATED", rows)
		return err
	})
}

type applicationCreate struct {
	inTenant
	Name   string   `arg:"" help:"As the app shows it in every prompt."`
	Origin []string `help:"Origin of pages that may use the browser API, such as https://www.example.com. May be repeated." placeholder:"ORIGIN"`
}

// Run registers an application.
func (c applicationCreate) Run(ctx context.Context, p *program, s *settings) error {
	return s.with(ctx, p, func(d *domain) error {
		t, err := d.tenant(ctx, c.Tenant)
		if err != nil {
			return err
		}
		a, err := d.tenants.CreateApplication(ctx, t.ID, c.Name, c.Origin)
		if err != nil {
			return err
		}
		p.printf("%s\n", a.ID)
		_, _ = fmt.Fprintf(p.Err, "nodd: make its key with `nodd key create --application %s`\n", a.ID)
		return nil
	})
}

type applicationSet struct {
	inTenant
	Application string   `arg:"" help:"Application id or name."`
	MinMatch    string   `name:"min-match" enum:",enter,choose,compare,none" default:"" help:"The weakest number match that its challenges may ask for. Anything below enter is weaker than the default."`
	Origin      []string `help:"Origin of pages that may use the browser API, in place of those before. May be repeated." placeholder:"ORIGIN"`
}

// Run changes an application.
func (c applicationSet) Run(ctx context.Context, p *program, s *settings) error {
	if c.MinMatch == "" && len(c.Origin) == 0 {
		return failure("say what to change: --min-match or --origin", "nothing to change")
	}
	return s.with(ctx, p, func(d *domain) error {
		t, err := d.tenant(ctx, c.Tenant)
		if err != nil {
			return err
		}
		a, err := d.application(ctx, t, c.Application)
		if err != nil {
			return err
		}
		if len(c.Origin) > 0 {
			if err := d.tenants.SetOrigins(ctx, t.ID, a.ID, c.Origin); err != nil {
				return err
			}
			p.printf("application %s: origins = %s\n", a.ID, strings.Join(c.Origin, " "))
		}
		if c.MinMatch == "" {
			return nil
		}
		if err := d.tenants.SetMinMatch(ctx, t.ID, a.ID, protocol.MatchMode(c.MinMatch)); err != nil {
			return err
		}
		p.printf("application %s: min_match = %s\n", a.ID, c.MinMatch)
		return nil
	})
}
