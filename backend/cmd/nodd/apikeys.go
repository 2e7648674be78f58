package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/tenant"
)

type keyCmd struct {
	Create keyCreate `cmd:"" help:"Make an API key. It is shown once."`
	List   keyList   `cmd:"" help:"List the API keys."`
	Revoke keyRevoke `cmd:"" help:"Revoke an API key, at once."`
	Rotate keyRotate `cmd:"" help:"Give the tenant a new signing key. Old results and receipts stay verifiable."`
}

func scopeNames() string {
	var names []string
	for _, s := range tenant.Scopes() {
		names = append(names, string(s))
	}
	return strings.Join(names, ",")
}

type keyCreate struct {
	inTenant
	Application string   `help:"Application id or name. Default: the only one." placeholder:"APP"`
	Scope       []string `help:"What the key may do: ${scopes}. Comma-separated or repeated." default:"challenges" placeholder:"SCOPE"`
	Label       string   `help:"To tell keys apart." placeholder:"TEXT"`
}

// Run makes an API key.
func (c keyCreate) Run(ctx context.Context, p *program, s *settings) error {
	return s.with(ctx, p, func(d *domain) error {
		t, err := d.tenant(ctx, c.Tenant)
		if err != nil {
			return err
		}
		a, err := d.application(ctx, t, c.Application)
		if err != nil {
			return err
		}
		var scopes []tenant.Scope
		for _, name := range c.Scope {
			scopes = append(scopes, tenant.Scope(name))
		}
		k, secret, err := d.tenants.CreateAPIKey(ctx, a, c.Label, scopes)
		if err != nil {
			return withRemedy(err, "the scopes are "+scopeNames())
		}
		_, _ = fmt.Fprintf(p.Err, "nodd: key %s of %s (%s); it is shown now and never again\n", k.ID, a.Name, strings.Join(c.Scope, ", "))
		p.printf("%s\n", string(secret))
		return nil
	})
}

type keyList struct{ inTenant }

// Run lists the API keys.
func (c keyList) Run(ctx context.Context, p *program, s *settings) error {
	return s.with(ctx, p, func(d *domain) error {
		t, err := d.tenant(ctx, c.Tenant)
		if err != nil {
			return err
		}
		var rows [][]string
		err = d.view(ctx, func(tx *sqlstore.Tx) error {
			list, err := tx.APIKeys(t.ID)
			for _, k := range list {
				var scopes []string
				for _, sc := range k.Scopes {
					scopes = append(scopes, string(sc))
				}
				rows = append(rows, []string{k.ID, string(k.Application), strings.Join(scopes, ","), orDash(k.Label), stamp(k.CreatedAt), stamp(k.RevokedAt)})
			}
			return err
		})
		p.table("ID APPLICATION SCOPES LABEL CREATED REVOKED", rows)
		return err
	})
}

type keyRevoke struct {
	inTenant
	Key string `arg:"" help:"Key id (key_...), as in the list."`
}

// Run revokes an API key.
func (c keyRevoke) Run(ctx context.Context, p *program, s *settings) error {
	if strings.HasPrefix(c.Key, tenant.SecretPrefix) {
		return failure("name the key by its id, which `nodd key list` shows; the secret is in your shell's history now: revoke that key", "this is the key's secret, not its id")
	}
	return s.with(ctx, p, func(d *domain) error {
		t, err := d.tenant(ctx, c.Tenant)
		if err != nil {
			return err
		}
		if err := d.tenants.RevokeAPIKey(ctx, t.ID, c.Key); err != nil {
			return withRemedy(err, "`nodd key list` shows the keys")
		}
		p.printf("revoked %s\n", c.Key)
		return nil
	})
}

type keyRotate struct{ inTenant }

// Run rotates the tenant's signing key.
func (c keyRotate) Run(ctx context.Context, p *program, s *settings) error {
	return s.with(ctx, p, func(d *domain) error {
		t, err := d.tenant(ctx, c.Tenant)
		if err != nil {
			return err
		}
		if err := d.needIssuer(); err != nil {
			return err
		}
		k, err := d.tenants.RotateSigningKey(ctx, t.ID, "operator")
		if err != nil {
			return err
		}
		p.printf("tenant %s signs with %s\n", t.ID, k.ID)
		return nil
	})
}
