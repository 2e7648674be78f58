package main

import (
	"context"
	"fmt"

	"github.com/nod-auth/nod/backend/internal/tenant"
)

// firstStart is what the first start made. The secret exists nowhere else.
type firstStart struct {
	Tenant      tenant.Tenant
	Application tenant.Application
	Key         tenant.APIKey
	Secret      tenant.Secret
}

// makeFirst makes a tenant, an application and a key in a database that has no tenant.
func (d *domain) makeFirst(ctx context.Context) (*firstStart, error) {
	list, err := d.allTenants(ctx)
	if err != nil || len(list) > 0 {
		return nil, err
	}
	var f firstStart
	if f.Tenant, err = d.tenants.Create(ctx, "default"); err != nil {
		return nil, fmt.Errorf("make the first tenant: %w", err)
	}
	if f.Application, err = d.tenants.CreateApplication(ctx, f.Tenant.ID, "First application", nil); err != nil {
		return nil, fmt.Errorf("make the first application: %w", err)
	}
	if f.Key, f.Secret, err = d.tenants.CreateAPIKey(ctx, f.Application, "first start", tenant.Scopes()); err != nil {
		return nil, fmt.Errorf("make the first API key: %w", err)
	}
	return &f, nil
}

func (f *firstStart) print(p *program) {
	p.printf(`This is the first start. The API key is shown now and never again:

tenant       %s  %s
application  %s  %s
api_key      %s

People see the name "%s" in their authenticator: nodd tenant set --name "Your company" changes it.

`, f.Tenant.ID, f.Tenant.Name, f.Application.ID, f.Application.Name, string(f.Secret), f.Tenant.Name)
}
