package tenant

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/seal"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/shared/protocol"
)

// Params are what a Service needs; all but Now are required.
type Params struct {
	Store  txn.Store[Tx]
	Sealer *seal.Sealer
	Issuer string // the server's base URL in its one form
	Now    func() time.Time
	// KeepIssuer leaves a key statement that names another issuer as it is. A command that was given no public URL must not sign a
	// wrong one for the running server's devices.
	KeepIssuer bool
}

// Service manages tenants, applications and keys. It is safe for concurrent use.
type Service struct {
	Params
	mu    sync.Mutex
	cache map[protocol.TenantID]cached
}

type cached struct {
	ring  *Ring
	until time.Time
}

// Ring is a tenant with its opened signing key.
type Ring struct {
	Tenant Tenant
	Signer *protocol.Signer // the active signing key
	Keys   *protocol.Keys   // the parsed, verified key statement
}

const (
	ringCache = 5 * time.Second // another process, such as the command line, may change a tenant
	// retireAfter lets nodes that still hold the old ring sign with its key: what is signed at or after retired_at is refused.
	retireAfter   = 2 * ringCache
	keysValidity  = 365 * 24 * time.Hour // of a nod-keys statement
	keysRefresh   = keysValidity - 30*24*time.Hour
	sealRoot      = "tenant-root"
	sealSigning   = "tenant-signing"
	apiKeyIDBytes = 16
)

// New checks the parameters.
func New(p Params) (*Service, error) {
	if p.Store == nil || p.Sealer == nil {
		return nil, errors.New("tenant: store and sealer are required")
	}
	if got, err := protocol.ParseServer(p.Issuer); err != nil || got != p.Issuer {
		return nil, fmt.Errorf("tenant: issuer %q is not a server's base URL", p.Issuer)
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	return &Service{Params: p, cache: map[protocol.TenantID]cached{}}, nil
}

// Create makes a tenant with its root and its first signing key.
func (s *Service) Create(ctx context.Context, name string) (Tenant, error) {
	if err := checkName("name", name); err != nil {
		return Tenant{}, fault.New(fault.ValidationFailed, err.Error())
	}
	now := s.Now()
	t := Tenant{ID: protocol.NewID[protocol.TenantID](), Name: name, DeviceAdd: DeviceAddApprove, CreatedAt: now}
	root, sealed, err := s.newKey(sealRoot, t.ID)
	if err != nil {
		return Tenant{}, err
	}
	t.Root, t.RootSealed = root.Public(), sealed
	key, err := s.newSigningKey(t.ID, now)
	if err != nil {
		return Tenant{}, err
	}
	if err := s.signKeys(&t, root, []SigningKey{key}, now); err != nil {
		return Tenant{}, err
	}
	err = s.Store.Update(ctx, func(tx Tx) error {
		if err := tx.SaveTenant(t); err != nil {
			return err
		}
		if err := tx.SaveSigningKey(key); err != nil {
			return err
		}
		return tx.AppendAudit(audit.Event{Tenant: t.ID, At: now, Type: audit.TenantCreated, Actor: "operator", Subject: string(t.ID)})
	})
	if err != nil {
		return Tenant{}, fmt.Errorf("store the tenant: %w", err)
	}
	return t, nil
}

func (s *Service) newKey(purpose string, tenant protocol.TenantID) (*protocol.Signer, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	signer, err := protocol.NewSigner(key)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("encode a key: %w", err)
	}
	defer clear(der)
	return signer, s.Sealer.Seal(purpose, der, string(tenant), string(signer.KeyID())), nil
}

func (s *Service) newSigningKey(tenant protocol.TenantID, now time.Time) (SigningKey, error) {
	signer, sealed, err := s.newKey(sealSigning, tenant)
	if err != nil {
		return SigningKey{}, err
	}
	return SigningKey{Tenant: tenant, ID: signer.KeyID(), JWK: signer.Public(), Sealed: sealed, Status: protocol.KeyActive, NotBefore: now}, nil
}

func (s *Service) open(purpose string, tenant protocol.TenantID, id protocol.Thumbprint, sealed []byte) (*protocol.Signer, error) {
	der, err := s.Sealer.Open(purpose, sealed, string(tenant), string(id))
	if err != nil {
		return nil, fmt.Errorf("open a key of tenant %s (is this the key file of this database?): %w", tenant, err)
	}
	defer clear(der)
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("read a key of tenant %s: %w", tenant, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("a key of tenant %s is not an ECDSA key", tenant)
	}
	return protocol.NewSigner(key)
}

// signKeys signs the next nod-keys statement into t.
func (s *Service) signKeys(t *Tenant, root *protocol.Signer, keys []SigningKey, now time.Time) error {
	statement := &protocol.Keys{Issuer: s.issuerOf(t, now), Tenant: t.ID, Sequence: t.KeysSeq + 1, IssuedAt: protocol.At(now),
		ExpiresAt: protocol.At(now.Add(keysValidity)), Root: root.Public()}
	for _, k := range keys {
		tk := protocol.TenantKey{JWK: k.JWK, Status: k.Status, NotBefore: protocol.At(k.NotBefore)}
		if !k.RetiredAt.IsZero() {
			tk.RetiredAt = protocol.At(k.RetiredAt)
		}
		statement.Keys = append(statement.Keys, tk)
	}
	raw, err := protocol.Sign(root, statement)
	if err != nil {
		return fmt.Errorf("sign the key statement: %w", err)
	}
	t.KeysSeq, t.KeysJWS = statement.Sequence, raw
	return nil
}

// issuerOf is who a statement of t names: this server, or with KeepIssuer the one that the last statement named.
func (s *Service) issuerOf(t *Tenant, now time.Time) string {
	if s.KeepIssuer && t.KeysJWS != "" {
		if last, err := protocol.VerifyKeys(t.KeysJWS, t.Root.Thumbprint(), 0, now); err == nil {
			return last.Issuer
		}
	}
	return s.Issuer
}

// RotateSigningKey retires the active signing key and makes a new one; old statements stay verifiable.
func (s *Service) RotateSigningKey(ctx context.Context, id protocol.TenantID, actor string) (SigningKey, error) {
	now := s.Now()
	var fresh SigningKey
	err := s.Store.Update(ctx, func(tx Tx) error {
		t, keys, err := readTenant(tx, id)
		if err != nil {
			return err
		}
		for i := range keys {
			if keys[i].Status == protocol.KeyActive {
				keys[i].Status, keys[i].RetiredAt = protocol.KeyRetired, now.Add(retireAfter)
				if err := tx.SaveSigningKey(keys[i]); err != nil {
					return err
				}
			}
		}
		if fresh, err = s.newSigningKey(id, now); err != nil {
			return err
		}
		if err := tx.SaveSigningKey(fresh); err != nil {
			return err
		}
		if err := s.resign(tx, t, append(keys, fresh), now); err != nil {
			return err
		}
		return tx.AppendAudit(audit.Event{Tenant: id, At: now, Type: audit.SigningKeyRotated, Actor: actor, Subject: string(fresh.ID)})
	})
	s.forget(id)
	return fresh, err
}

func readTenant(tx Tx, id protocol.TenantID) (Tenant, []SigningKey, error) {
	t, err := tx.Tenant(id)
	if errors.Is(err, txn.ErrNotFound) {
		return t, nil, fault.New(fault.NotFound, "There is no such tenant.")
	}
	if err != nil {
		return t, nil, fmt.Errorf("read the tenant: %w", err)
	}
	keys, err := tx.SigningKeys(id)
	if err != nil {
		return t, nil, fmt.Errorf("read the signing keys: %w", err)
	}
	return t, keys, nil
}

func (s *Service) resign(tx Tx, t Tenant, keys []SigningKey, now time.Time) error {
	if len(t.RootSealed) == 0 {
		return errors.New("the root key of this tenant is kept offline: sign the key statement there")
	}
	root, err := s.open(sealRoot, t.ID, t.Root.Thumbprint(), t.RootSealed)
	if err != nil {
		return err
	}
	if err := s.signKeys(&t, root, keys, now); err != nil {
		return err
	}
	return tx.SaveTenant(t)
}

// Ring returns a tenant with its opened signing key, at most 5 seconds old. A disabled tenant is not found. A key
// statement that names another issuer (the public URL was changed) or is about to end is signed anew.
func (s *Service) Ring(ctx context.Context, id protocol.TenantID) (*Ring, error) {
	now := s.Now()
	s.mu.Lock()
	c, ok := s.cache[id]
	s.mu.Unlock()
	if ok && now.Before(c.until) {
		return c.ring, nil
	}
	ring, err := s.load(ctx, id, now)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.cache[id] = cached{ring: ring, until: now.Add(ringCache)}
	s.mu.Unlock()
	return ring, nil
}

func (s *Service) forget(id protocol.TenantID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.cache, id)
}

func (s *Service) load(ctx context.Context, id protocol.TenantID, now time.Time) (*Ring, error) {
	for attempt := 0; ; attempt++ {
		var t Tenant
		var keys []SigningKey
		err := s.Store.View(ctx, func(tx Tx) (err error) {
			t, keys, err = readTenant(tx, id)
			return err
		})
		if err != nil {
			return nil, err
		}
		if t.Disabled {
			return nil, fault.New(fault.NotFound, "")
		}
		statement, err := protocol.VerifyKeys(t.KeysJWS, t.Root.Thumbprint(), t.KeysSeq, now)
		if err == nil && (s.KeepIssuer || statement.Issuer == s.Issuer && now.Before(statement.IssuedAt.Time().Add(keysRefresh))) {
			return s.ring(t, keys, statement)
		}
		if attempt > 0 {
			return nil, fmt.Errorf("the key statement of tenant %s can't be renewed: %w", id, err)
		}
		if err := s.renew(ctx, id, now); err != nil {
			return nil, err
		}
	}
}

// Skip signs the key statement anew with a sequence that is higher by at least by: a restored backup may know fewer statements than
// the devices have seen (T42). A tenant whose root key is kept offline is left as it is.
func (s *Service) Skip(ctx context.Context, id protocol.TenantID, by uint64) error {
	defer s.forget(id)
	return s.Store.Update(ctx, func(tx Tx) error {
		t, keys, err := readTenant(tx, id)
		if err != nil || len(t.RootSealed) == 0 {
			return err
		}
		t.KeysSeq += by
		return s.resign(tx, t, keys, s.Now())
	})
}

// renew signs the key statement anew.
func (s *Service) renew(ctx context.Context, id protocol.TenantID, now time.Time) error {
	return s.Store.Update(ctx, func(tx Tx) error {
		t, keys, err := readTenant(tx, id)
		if err != nil {
			return err
		}
		return s.resign(tx, t, keys, now)
	})
}

func (s *Service) ring(t Tenant, keys []SigningKey, statement *protocol.Keys) (*Ring, error) {
	for _, k := range keys {
		if k.Status == protocol.KeyActive {
			signer, err := s.open(sealSigning, t.ID, k.ID, k.Sealed)
			if err != nil {
				return nil, err
			}
			return &Ring{Tenant: t, Signer: signer, Keys: statement}, nil
		}
	}
	return nil, fmt.Errorf("tenant %s has no active signing key: run `nodd key rotate`", t.ID)
}

// SetDeviceAdd changes what adding a further device needs.
func (s *Service) SetDeviceAdd(ctx context.Context, id protocol.TenantID, v DeviceAdd) error {
	if v != DeviceAddApprove && v != DeviceAddAllow {
		return fault.New(fault.ValidationFailed, "device_add is approve or allow")
	}
	return s.set(ctx, id, "device_add="+string(v), func(t *Tenant) { t.DeviceAdd = v })
}

// SetName changes the company's name as new accounts show it; devices that are enrolled keep the one they were told.
func (s *Service) SetName(ctx context.Context, id protocol.TenantID, name string) error {
	if err := checkName("name", name); err != nil {
		return fault.New(fault.ValidationFailed, err.Error())
	}
	return s.set(ctx, id, "name", func(t *Tenant) { t.Name = name })
}

// set stores a change of a tenant with its audit event.
func (s *Service) set(ctx context.Context, id protocol.TenantID, detail string, change func(*Tenant)) error {
	defer s.forget(id)
	return s.Store.Update(ctx, func(tx Tx) error {
		t, _, err := readTenant(tx, id)
		if err != nil {
			return err
		}
		change(&t)
		if err := tx.SaveTenant(t); err != nil {
			return err
		}
		return tx.AppendAudit(audit.Event{Tenant: id, At: s.Now(), Type: audit.TenantChanged, Actor: "operator", Detail: detail})
	})
}
