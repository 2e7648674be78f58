package device

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/protocol"
)

// firstStore is where new keys are made.
func (c *Core) firstStore() (keystore.Store, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.stores) == 0 {
		return nil, ErrNoStore
	}
	return c.stores[0], nil
}

// openKey finds a key in the open stores and checks that it is the one meant.
func (c *Core) openKey(ctx context.Context, k keyState) (keystore.Key, error) {
	c.mu.Lock()
	stores := c.stores
	c.mu.Unlock()
	failure := ErrNoStore
	for _, store := range stores {
		key, err := store.Open(ctx, k.Handle)
		if err != nil {
			if !errors.Is(err, keystore.ErrNotFound) || failure == ErrNoStore { //nolint:errorlint // our own value, unwrapped
				failure = err
			}
			continue
		}
		public, err := protocol.NewJWK(key.Public())
		if err != nil || public.Thumbprint() != k.Thumbprint {
			return nil, fmt.Errorf("open key: %w", keystore.ErrCorrupt)
		}
		return key, nil
	}
	return nil, fmt.Errorf("open key: %w", failure)
}

// deviceSigner signs with the account's device key, which asks nobody.
func (c *Core) deviceSigner(ctx context.Context, s *session, k keyState) (*protocol.Signer, error) {
	c.mu.Lock()
	key := s.deviceKey
	c.mu.Unlock()
	if key == nil || string(key.Handle()) != string(k.Handle) {
		opened, err := c.openKey(ctx, k)
		if err != nil {
			return nil, err
		}
		key = opened
		c.mu.Lock()
		s.deviceKey = key
		c.mu.Unlock()
	}
	return protocol.NewSigner(keystore.Signer(ctx, key, keystore.Verification{}))
}

func (c *Core) approvalSigner(ctx context.Context, k keyState, v keystore.Verification) (*protocol.Signer, error) {
	key, err := c.openKey(ctx, k)
	if err != nil {
		return nil, err
	}
	return protocol.NewSigner(keystore.Signer(ctx, key, v))
}

// newKey makes a key and returns its state and itself.
func newKey(ctx context.Context, store keystore.Store, params keystore.CreateParams) (keystore.Key, keyState, error) {
	key, err := store.Create(ctx, params)
	if err != nil {
		return nil, keyState{}, fmt.Errorf("make key: %w", err)
	}
	public, err := protocol.NewJWK(key.Public())
	if err != nil {
		return nil, keyState{}, errors.Join(fmt.Errorf("make key: %w", err), store.Delete(ctx, key.Handle()))
	}
	k := keyState{Handle: key.Handle(), Thumbprint: public.Thumbprint(), Level: key.Level()}
	if params.Use == keystore.UseApproval {
		k.Verification = store.UserVerification()
	}
	return key, k, nil
}

// attestation joins what the platform says of both keys.
func attestation(device, approval keystore.Key) *protocol.Attestation {
	d, a := device.Attestation(), approval.Attestation()
	if d == nil && a == nil {
		return nil
	}
	out := &protocol.Attestation{}
	if d != nil {
		out.Format, out.Device = d.Format, encodeChain(d.Chain)
	}
	if a != nil {
		out.Format, out.Approval = a.Format, encodeChain(a.Chain)
	}
	return out
}

func encodeChain(chain [][]byte) []string {
	out := make([]string, len(chain))
	for i, part := range chain {
		out[i] = base64.StdEncoding.EncodeToString(part)
	}
	return out
}

// emptyTrash deletes keys that nothing names any more. What cannot be deleted
// now, because its store is closed, is tried again next time.
func (c *Core) emptyTrash(ctx context.Context) {
	c.mu.Lock()
	trash := append([][]byte(nil), c.state.Trash...)
	stores := c.stores
	c.mu.Unlock()
	if len(trash) == 0 {
		return
	}
	gone := map[string]bool{}
	for _, handle := range trash {
		for _, store := range stores {
			if _, err := store.Open(ctx, handle); errors.Is(err, keystore.ErrNotFound) {
				continue // of another store, or gone already
			}
			if err := store.Delete(ctx, handle); err != nil {
				c.log.WarnContext(ctx, "key not deleted yet", "error", err)
				continue
			}
			gone[string(handle)] = true
		}
	}
	if len(gone) == 0 {
		return
	}
	err := c.change(func(s *state) error {
		kept := s.Trash[:0]
		for _, handle := range s.Trash {
			if !gone[string(handle)] {
				kept = append(kept, handle)
			}
		}
		s.Trash = kept
		return nil
	})
	if err != nil {
		c.log.WarnContext(ctx, "trash not saved", "error", err)
	}
}

// refetchPause keeps a flood of unknown key ids from becoming a flood of requests.
const refetchPause = 10 * time.Second

// trustedKeys returns the tenant's keys that know kid, fetching newer ones if it
// must: unknown kid, or the statement's time is over.
func (c *Core) trustedKeys(ctx context.Context, s *session, kid protocol.Thumbprint) (*protocol.Keys, error) {
	keys, err := c.storedKeys(s)
	if err != nil {
		return nil, err
	}
	now := c.serverNow(s)
	if keys.Any(kid).Key() != nil && now.Before(keys.ExpiresAt.Time()) {
		return keys, nil
	}
	c.mu.Lock()
	early := !s.asked.IsZero() && c.now().Sub(s.asked) < refetchPause
	c.mu.Unlock()
	if early {
		return nil, fmt.Errorf("%w: its signing key is unknown", ErrUntrusted)
	}
	return c.fetchKeys(ctx, s)
}

// storedKeys parses what the state holds, once.
func (c *Core) storedKeys(s *session) (*protocol.Keys, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.state.account(s.id)
	if a == nil {
		return nil, ErrNoAccount
	}
	if s.keys != nil && s.keysRaw == a.Keys {
		return s.keys, nil
	}
	keys, err := protocol.VerifyKeys(a.Keys, a.Root, 0, time.Time{}) // its time is checked at each use
	if err != nil {
		return nil, fmt.Errorf("%w: kept keys: %w", ErrUntrusted, err)
	}
	s.keys, s.keysRaw = keys, a.Keys
	return keys, nil
}

// fetchKeys asks for newer keys and keeps them. A lower sequence, another root,
// server or tenant is refused.
func (c *Core) fetchKeys(ctx context.Context, s *session) (*protocol.Keys, error) {
	old, err := c.storedKeys(s)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	s.asked = c.now()
	root := c.state.account(s.id).root()
	c.mu.Unlock()
	raw, err := s.remote.Keys(ctx, old.Tenant)
	if err != nil {
		return nil, fmt.Errorf("fetch keys: %w", classify(err))
	}
	keys, err := protocol.VerifyKeys(raw, root, old.Sequence, c.serverNow(s))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	if keys.Issuer != old.Issuer || keys.Tenant != old.Tenant {
		return nil, fmt.Errorf("%w: keys of another server or tenant", ErrUntrusted)
	}
	err = c.changeAccount(s.id, func(_ *state, a *accountState) error {
		a.Keys = raw
		return nil
	})
	return keys, err
}

// root returns the pinned root; "" for no account, which no statement has.
func (a *accountState) root() protocol.Thumbprint {
	if a == nil {
		return ""
	}
	return a.Root
}
