package device

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	client "github.com/nod-auth/nod/shared/client/device"
	"github.com/nod-auth/nod/shared/protocol"
)

// Rename changes what this device calls itself at the account's server, 1 to 80 characters.
func (c *Core) Rename(ctx context.Context, id AccountID, name string) error {
	err := c.update(ctx, id, protocol.Update{Action: protocol.UpdateRename, Name: name}, func(a *accountState) { a.DeviceName = name })
	if err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	c.feed.send(Event{Kind: EventAccount, Account: id})
	return nil
}

// SetPush tells the account's server where wake-ups go; nil ends them. It sends
// nothing when the server has this address already.
func (c *Core) SetPush(ctx context.Context, id AccountID, address *protocol.PushAddress) error {
	_, a, err := c.read(id)
	if err != nil {
		return err
	}
	hash := pushHash(address)
	if hash == a.Push {
		return nil
	}
	err = c.update(ctx, id, protocol.Update{Action: protocol.UpdatePush, Push: address}, func(a *accountState) { a.Push = hash })
	if err != nil {
		return fmt.Errorf("set push address: %w", err)
	}
	return nil
}

// pushHash tells addresses apart without keeping them; "" for none.
func pushHash(p *protocol.PushAddress) string {
	if p == nil {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{p.Channel, p.Kind, p.Address, p.App, p.P256DH, p.Auth, p.Language}, "\n")))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// applicationServerKey is a key as the Push API and UnifiedPush take it (RFC 8292 section 3.2).
func applicationServerKey(k *protocol.JWK) string {
	if k == nil {
		return ""
	}
	point, err := k.MarshalBinary()
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(point)
}

// Unenroll removes this device at the account's server, then the account and its
// keys here. If the server cannot be reached ([ErrOffline]) nothing is removed.
// A server that no longer knows the device is no error.
func (c *Core) Unenroll(ctx context.Context, id AccountID) error {
	err := c.update(ctx, id, protocol.Update{Action: protocol.UpdateUnenroll}, func(*accountState) {})
	if err != nil && !errors.Is(err, ErrRevoked) {
		return fmt.Errorf("unenroll: %w", err)
	}
	if err := c.remove(ctx, id); err != nil {
		return fmt.Errorf("unenroll: %w", err)
	}
	return nil
}

// Forget removes the account and its keys here and tells the server nothing: for
// an account whose server is gone or refuses, or an enrollment that is given up.
// The device stays listed at the server until somebody removes it there.
func (c *Core) Forget(ctx context.Context, id AccountID) error { return c.remove(ctx, id) }

// update signs a change with the device key, sends it, and keeps what it changed here.
func (c *Core) update(ctx context.Context, id AccountID, u protocol.Update, keep func(*accountState)) error {
	s, _, err := c.read(id)
	if err != nil {
		return err
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if err := c.finishRotation(ctx, s); err != nil && !errors.Is(err, ErrRefused) {
		return err
	}
	_, a, err := c.read(id)
	if err != nil {
		return err
	}
	if a.Status == AccountRegistering {
		return ErrNotEnrolled
	}
	signer, err := c.deviceSigner(ctx, s, a.DeviceKey)
	if err != nil {
		return err
	}
	_, err = s.remote.Update(ctx, func(_ context.Context, t client.Target) (string, error) {
		return protocol.Sign(signer, c.addressed(u, &a, t))
	})
	if err != nil {
		err = classify(err)
		return errors.Join(err, c.noteRevoked(s, err))
	}
	return c.changeAccount(id, func(_ *state, a *accountState) error {
		keep(a)
		return nil
	})
}

// addressed completes an update for its server.
func (c *Core) addressed(u protocol.Update, a *accountState, t client.Target) *protocol.Update {
	u.Issuer, u.Audience, u.Tenant = a.Device, a.Server, a.Tenant
	u.ID, u.IssuedAt = protocol.RandomText(16), protocol.At(c.now())
	u.Method, u.URL, u.Nonce = t.Method, t.URL, t.Nonce
	return &u
}
