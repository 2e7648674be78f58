package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nod-auth/nod/backend/internal/guard"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/backend/internal/webhook"
)

type webhookCmd struct {
	Add    webhookAdd    `cmd:"" help:"Add an endpoint. The key to verify its events with is shown once."`
	List   webhookList   `cmd:"" help:"List the endpoints."`
	Rotate webhookRotate `cmd:"" help:"Give an endpoint a new key. Old and new sign side by side for the overlap."`
	Enable webhookEnable `cmd:"" help:"Enable an endpoint that was disabled because it answered 410."`
	Remove webhookRemove `cmd:"" help:"Remove an endpoint."`
}

// withWebhooks opens the database and finds the tenant.
func (c inTenant) withWebhooks(ctx context.Context, p *program, s *settings, fn func(*webhook.Directory, tenant.Tenant) error) error {
	return s.with(ctx, p, func(d *domain) error {
		t, err := d.tenant(ctx, c.Tenant)
		if err != nil {
			return err
		}
		file, err := loadPushFile(d.config)
		if err != nil {
			return err
		}
		err = fn(d.webhooks(guarded(file)), t)
		switch {
		case errors.Is(err, txn.ErrNotFound):
			return failure("`nodd webhook list` shows them", "there is no such endpoint in tenant %s", t.ID)
		case errors.Is(err, guard.ErrRefused):
			return withRemedy(err, "an endpoint is an https URL on port 443 of a public host; allow others in the push file (docs/push.md)")
		}
		return explainStore(err, d.config)
	})
}

type webhookAdd struct {
	inTenant
	URL    string `arg:"" help:"https URL."`
	Secret bool   `help:"Sign with a shared secret (HMAC) instead of Ed25519."`
}

// Run adds an endpoint.
func (c webhookAdd) Run(ctx context.Context, p *program, s *settings) error {
	return c.withWebhooks(ctx, p, s, func(d *webhook.Directory, t tenant.Tenant) error {
		key := webhook.NewKey()
		if c.Secret {
			key = webhook.NewSecret()
		}
		r, shown, err := d.Create(ctx, t.ID, c.URL, key)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(p.Err, "nodd: endpoint %s takes %s; verify with\n", r.ID, webhook.EventPush)
		p.printf("%s\n", shown.Reveal())
		return nil
	})
}

type webhookList struct{ inTenant }

// Run lists the endpoints.
func (c webhookList) Run(ctx context.Context, p *program, s *settings) error {
	return c.withWebhooks(ctx, p, s, func(d *webhook.Directory, t tenant.Tenant) error {
		list, err := d.List(ctx, t.ID)
		var rows [][]string
		for _, r := range list {
			rows = append(rows, []string{r.ID, r.URL, onOff(!r.DisabledAt.IsZero()), stamp(r.CreatedAt), orDash(r.Reason)})
		}
		p.table("ID URL STATE CREATED REASON", rows)
		return err
	})
}

type webhookRotate struct {
	inTenant
	Endpoint string        `arg:"" help:"Endpoint id (whe_...)."`
	Overlap  time.Duration `help:"How long the old key signs too." default:"24h"`
}

// Run rotates an endpoint's key.
func (c webhookRotate) Run(ctx context.Context, p *program, s *settings) error {
	return c.withWebhooks(ctx, p, s, func(d *webhook.Directory, t tenant.Tenant) error {
		shown, err := d.Rotate(ctx, t.ID, c.Endpoint, c.Overlap)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(p.Err, "nodd: the old key signs until %s; verify with\n", stamp(wallClock().Add(c.Overlap)))
		p.printf("%s\n", shown.Reveal())
		return nil
	})
}

type webhookEnable struct {
	inTenant
	Endpoint string `arg:"" help:"Endpoint id (whe_...)."`
}

// Run enables an endpoint.
func (c webhookEnable) Run(ctx context.Context, p *program, s *settings) error {
	return c.withWebhooks(ctx, p, s, func(d *webhook.Directory, t tenant.Tenant) error { return d.Enable(ctx, t.ID, c.Endpoint) })
}

type webhookRemove struct {
	inTenant
	Endpoint string `arg:"" help:"Endpoint id (whe_...)."`
}

// Run removes an endpoint.
func (c webhookRemove) Run(ctx context.Context, p *program, s *settings) error {
	return c.withWebhooks(ctx, p, s, func(d *webhook.Directory, t tenant.Tenant) error { return d.Remove(ctx, t.ID, c.Endpoint) })
}
