package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

// inTenant is the flag of commands that work in one tenant.
type inTenant struct {
	Tenant string `help:"Tenant id or name. Default: the only one." placeholder:"TENANT"`
}

func (d *domain) view(ctx context.Context, fn func(*sqlstore.Tx) error) error {
	return explainStore(d.db.View(ctx, fn), d.config)
}

func (d *domain) update(ctx context.Context, fn func(*sqlstore.Tx) error) error {
	return explainStore(d.db.Update(ctx, fn), d.config)
}

func (d *domain) allTenants(ctx context.Context) (list []tenant.Tenant, err error) {
	err = d.db.View(ctx, func(tx *sqlstore.Tx) error {
		list, err = tx.Tenants()
		return err
	})
	return list, err
}

// tenant finds the tenant a command is about.
func (d *domain) tenant(ctx context.Context, name string) (tenant.Tenant, error) {
	list, err := d.allTenants(ctx)
	if err != nil {
		return tenant.Tenant{}, explainStore(err, d.config)
	}
	if name == "" && len(list) == 1 {
		return list[0], nil
	}
	var names []string
	for _, t := range list {
		if name != "" && (string(t.ID) == name || t.Name == name) {
			return t, nil
		}
		names = append(names, string(t.ID)+" "+t.Name)
	}
	switch {
	case len(list) == 0:
		return tenant.Tenant{}, failure("start the server once, or run `nodd tenant create NAME`", "the database has no tenant")
	case name == "":
		return tenant.Tenant{}, failure("name one with --tenant: "+strings.Join(names, ", "), "the database has %d tenants", len(list))
	}
	return tenant.Tenant{}, failure("the tenants are: "+strings.Join(names, ", "), "there is no tenant %q", name)
}

// application finds an application by id or name; an empty one is the only one there is.
func (d *domain) application(ctx context.Context, t tenant.Tenant, name string) (tenant.Application, error) {
	var list []tenant.Application
	err := d.view(ctx, func(tx *sqlstore.Tx) (err error) {
		list, err = tx.Applications(t.ID)
		return err
	})
	if err != nil {
		return tenant.Application{}, err
	}
	if name == "" && len(list) == 1 {
		return list[0], nil
	}
	var names []string
	for _, a := range list {
		if name != "" && (string(a.ID) == name || a.Name == name) {
			return a, nil
		}
		names = append(names, string(a.ID)+" "+a.Name)
	}
	switch {
	case len(list) == 0:
		return tenant.Application{}, failure("make one with `nodd application create NAME`", "the tenant %s has no application", t.ID)
	case name == "":
		return tenant.Application{}, failure("name one with --application: "+strings.Join(names, ", "), "the tenant %s has %d applications", t.ID, len(list))
	}
	return tenant.Application{}, failure("the applications are: "+strings.Join(names, ", "), "there is no application %q in tenant %s", name, t.ID)
}

// user finds a user by the application's own name.
func (d *domain) user(ctx context.Context, t tenant.Tenant, ref string) (u user.User, err error) {
	err = d.view(ctx, func(tx *sqlstore.Tx) (err error) {
		u, err = tx.UserByRef(t.ID, ref)
		return err
	})
	if errors.Is(err, txn.ErrNotFound) {
		return u, failure("`nodd user list` shows the users; give the user_ref that the application uses", "there is no user %q in tenant %s", ref, t.ID)
	}
	return u, err
}

// parseID refuses a malformed identifier with a word about what it is.
func parseID[T protocol.ID](kind, text string) (T, error) {
	id, err := protocol.ParseID[T](text)
	if err != nil {
		return id, failure("copy the whole id, prefix and all", "%q is no %s id", text, kind)
	}
	return id, nil
}

// with opens the domain, runs fn and closes it.
func (s *settings) with(ctx context.Context, p *program, fn func(*domain) error) error {
	d, err := s.open(ctx, p)
	if err != nil {
		return err
	}
	return errors.Join(fn(d), closed(d))
}

func closed(d *domain) error {
	if err := d.db.Close(); err != nil {
		return fmt.Errorf("close the database: %w", err)
	}
	return nil
}
