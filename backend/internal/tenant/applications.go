package tenant

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/shared/protocol"
)

// CreateApplication registers a relying party.
func (s *Service) CreateApplication(ctx context.Context, tenant protocol.TenantID, name string, origins []string) (Application, error) {
	if err := checkName("name", name); err != nil {
		return Application{}, fault.New(fault.ValidationFailed, err.Error())
	}
	if err := checkOrigins(origins); err != nil {
		return Application{}, err
	}
	a := Application{Tenant: tenant, ID: protocol.NewID[protocol.ApplicationID](), Name: name, Origins: origins, MinMatch: protocol.MatchEnter, CreatedAt: s.Now()}
	return a, s.Store.Update(ctx, func(tx Tx) error {
		if _, _, err := readTenant(tx, tenant); err != nil {
			return err
		}
		if err := tx.SaveApplication(a); err != nil {
			return err
		}
		return tx.AppendAudit(audit.Event{Tenant: tenant, At: a.CreatedAt, Type: audit.ApplicationCreated, Actor: "operator", Application: a.ID})
	})
}

func checkOrigins(origins []string) error {
	for _, o := range origins {
		if u, err := url.Parse(o); err != nil || u.Host == "" || u.Scheme+"://"+u.Host != o {
			return fault.New(fault.ValidationFailed, "an origin is scheme://host[:port], such as https://www.example.com")
		}
	}
	return nil
}

// SetMinMatch changes the weakest number match of an application. Weaker than enter is a deliberate choice of the operator.
func (s *Service) SetMinMatch(ctx context.Context, tenant protocol.TenantID, id protocol.ApplicationID, mode protocol.MatchMode) error {
	switch mode {
	case protocol.MatchEnter, protocol.MatchChoose, protocol.MatchCompare, protocol.MatchNone:
	default:
		return fault.New(fault.ValidationFailed, "min_match is enter, choose, compare or none")
	}
	return s.setApplication(ctx, tenant, id, "min_match="+string(mode), func(a *Application) { a.MinMatch = mode })
}

// SetOrigins changes which pages may use the browser API for an application's challenges (CORS); none closes it to all.
func (s *Service) SetOrigins(ctx context.Context, tenant protocol.TenantID, id protocol.ApplicationID, origins []string) error {
	if err := checkOrigins(origins); err != nil {
		return err
	}
	return s.setApplication(ctx, tenant, id, "origins", func(a *Application) { a.Origins = origins })
}

// setApplication stores a change of an application with its audit event.
func (s *Service) setApplication(ctx context.Context, tenant protocol.TenantID, id protocol.ApplicationID, detail string, change func(*Application)) error {
	return s.Store.Update(ctx, func(tx Tx) error {
		a, err := tx.Application(tenant, id)
		if errors.Is(err, txn.ErrNotFound) {
			return fault.New(fault.NotFound, "There is no such application.")
		}
		if err != nil {
			return err
		}
		change(&a)
		if err := tx.SaveApplication(a); err != nil {
			return err
		}
		return tx.AppendAudit(audit.Event{Tenant: tenant, At: s.Now(), Type: audit.ApplicationChanged, Actor: "operator", Application: id, Detail: detail})
	})
}

// CreateAPIKey makes a key for an application and returns its secret, which is not stored.
func (s *Service) CreateAPIKey(ctx context.Context, a Application, label string, scopes []Scope) (APIKey, Secret, error) {
	for _, sc := range scopes {
		known := false
		for _, k := range Scopes() {
			known = known || k == sc
		}
		if !known {
			return APIKey{}, "", fault.New(fault.ValidationFailed, fmt.Sprintf("there is no scope %q", sc))
		}
	}
	if len(scopes) == 0 {
		return APIKey{}, "", fault.New(fault.ValidationFailed, "a key needs at least one scope")
	}
	secret := NewSecret(SecretPrefix)
	k := APIKey{ID: "key_" + protocol.RandomText(apiKeyIDBytes), Hash: HashSecret(string(secret)), Tenant: a.Tenant, Application: a.ID,
		Label: label, Scopes: scopes, CreatedAt: s.Now()}
	err := s.Store.Update(ctx, func(tx Tx) error {
		if err := tx.SaveAPIKey(k); err != nil {
			return err
		}
		return tx.AppendAudit(audit.Event{Tenant: a.Tenant, At: k.CreatedAt, Type: audit.KeyCreated, Actor: "operator", Application: a.ID, Subject: k.ID})
	})
	return k, secret, err
}

// RevokeAPIKey ends a key at once.
func (s *Service) RevokeAPIKey(ctx context.Context, tenant protocol.TenantID, id string) error {
	return s.Store.Update(ctx, func(tx Tx) error {
		keys, err := tx.APIKeys(tenant)
		if err != nil {
			return err
		}
		for _, k := range keys {
			if k.ID != id {
				continue
			}
			if !k.RevokedAt.IsZero() {
				return nil
			}
			k.RevokedAt = s.Now()
			if err := tx.SaveAPIKey(k); err != nil {
				return err
			}
			return tx.AppendAudit(audit.Event{Tenant: tenant, At: k.RevokedAt, Type: audit.KeyRevoked, Actor: "operator", Application: k.Application, Subject: id})
		}
		return fault.New(fault.NotFound, "There is no such API key.")
	})
}

// Caller is an authenticated application.
type Caller struct {
	Key         APIKey
	Application Application
}

// Authenticate finds the caller of an API key. Every failure is the same unauthorized (T18).
func (s *Service) Authenticate(ctx context.Context, secret string) (Caller, error) {
	refused := fault.New(fault.Unauthorized, "")
	if !WellFormedSecret(SecretPrefix, secret) {
		return Caller{}, refused
	}
	hash := HashSecret(secret)
	var c Caller
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		c, err = tx.CallerByHash(hash)
		return err
	})
	if errors.Is(err, txn.ErrNotFound) {
		return Caller{}, refused
	}
	if err != nil {
		return Caller{}, fmt.Errorf("look up the API key: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(c.Key.Hash), []byte(hash)) != 1 || !c.Key.RevokedAt.IsZero() || c.Application.Disabled {
		return Caller{}, refused
	}
	return c, nil
}
