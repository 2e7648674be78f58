package device

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nod-auth/nod/mobile/keystore"
	client "github.com/nod-auth/nod/shared/client/device"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// RotateParams says where an account's new keys are made.
type RotateParams struct {
	Account AccountID
	// Store makes the new keys; nil means the core's first store. It must be open
	// in the core already ([Core.AddStore]). The server refuses a lower level.
	Store keystore.Store
	// Current verifies the person for the present approval key, New sets up the
	// new one (its PIN may be the same).
	Current, New keystore.Verification
}

// RotateKeys replaces the device key and then the approval key, both by consent of the
// present approval key. Each old key is deleted only after the server took the new one.
//
// With [ErrOffline] it is not known whether the server took a key: both are
// kept, and Run or Sync find out; call it again afterwards. [ErrRefused] leaves
// the present key in use.
func (c *Core) RotateKeys(ctx context.Context, p RotateParams) error {
	s, _, err := c.read(p.Account)
	if err != nil {
		return err
	}
	if p.Store == nil {
		if p.Store, err = c.firstStore(); err != nil {
			return err
		}
	}
	if err := s.enter(ctx); err != nil {
		return fmt.Errorf("rotate keys: %w", err)
	}
	defer s.leave()
	for _, role := range []protocol.KeyRole{protocol.RoleDevice, protocol.RoleApproval} {
		if err := c.rotate(ctx, s, p, role); err != nil {
			return fmt.Errorf("rotate %s key: %w", role, err)
		}
	}
	c.feed.send(Event{Kind: EventAccount, Account: p.Account})
	return nil
}

// rotate replaces one key. The caller has the account's turn.
func (c *Core) rotate(ctx context.Context, s *session, p RotateParams, role protocol.KeyRole) error {
	if err := c.finishRotation(ctx, s); err != nil && !errors.Is(err, ErrRefused) {
		return err
	}
	_, a, err := c.read(s.id)
	if err != nil {
		return err
	}
	if a.Status != AccountActive {
		return ErrNotEnrolled
	}
	use := keystore.UseDevice
	if role == protocol.RoleApproval {
		use = keystore.UseApproval
	}
	key, k, err := newKey(ctx, p.Store, keystore.CreateParams{Use: use, Verification: p.New})
	if err != nil {
		return err
	}
	u, err := c.replacement(ctx, &a, role, key, p.New)
	if err != nil {
		return errors.Join(err, deleteKeys(ctx, p.Store, k))
	}
	signer, err := c.approvalSigner(ctx, a.ApprovalKey, p.Current)
	if err != nil {
		return errors.Join(err, deleteKeys(ctx, p.Store, k))
	}
	kept := false
	_, err = s.remote.Update(ctx, func(_ context.Context, t client.Target) (string, error) {
		raw, err := protocol.Sign(signer, c.addressed(*u, &a, t))
		if err != nil {
			return "", err
		}
		kept = true
		return raw, c.changeAccount(s.id, func(_ *state, a *accountState) error {
			a.Rotation = &rotationState{Role: role, New: k, JWS: raw, SentAt: c.now().UTC()}
			return nil
		})
	})
	if !kept {
		return errors.Join(classify(err), deleteKeys(ctx, p.Store, k))
	}
	return c.rotated(ctx, s, err)
}

// replacement makes the update's content, with the new key's own proof.
func (c *Core) replacement(ctx context.Context, a *accountState, role protocol.KeyRole, key keystore.Key, v keystore.Verification) (*protocol.Update, error) {
	old := a.DeviceKey
	if role == protocol.RoleApproval {
		old = a.ApprovalKey
	}
	signer, err := protocol.NewSigner(keystore.Signer(ctx, key, v))
	if err != nil {
		return nil, err
	}
	proof, err := protocol.Sign(signer, &protocol.KeyProof{Audience: a.Server, Tenant: a.Tenant, Device: a.Device, Replaces: old.Thumbprint})
	if err != nil {
		return nil, err
	}
	return &protocol.Update{
		Action: protocol.UpdateReplaceKey, UserVerification: claim(a.ApprovalKey.Verification),
		Key: &protocol.NewKey{Role: role, JWK: signer.Public(), Level: key.Level(), Proof: proof},
	}, nil
}

// rotated settles a key replacement by the server's answer.
func (c *Core) rotated(ctx context.Context, s *session, answer error) error {
	if answer = classify(answer); errors.Is(answer, ErrOffline) {
		return answer
	}
	err := c.changeAccount(s.id, func(st *state, a *accountState) error {
		r := a.Rotation
		if r == nil {
			return nil
		}
		a.Rotation = nil
		if answer != nil {
			st.discard(r.New)
			return nil
		}
		if r.Role == protocol.RoleDevice {
			st.discard(a.DeviceKey)
			a.DeviceKey = r.New
		} else {
			st.discard(a.ApprovalKey)
			a.ApprovalKey = r.New
		}
		return nil
	})
	if err != nil {
		return errors.Join(answer, err)
	}
	c.emptyTrash(context.WithoutCancel(ctx))
	return answer
}

// resumeRotation finds out how an interrupted key replacement ended.
func (c *Core) resumeRotation(ctx context.Context, s *session) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	return c.finishRotation(ctx, s)
}

// finishRotation sends the kept bytes again and believes what that shows. The
// caller has the account's turn.
//
// A server checks an update's signatures under the keys that it has now before
// it looks at the nonce. So a complaint about the nonce means that it never took
// these bytes, and never will; any other refusal may mean that it took them.
func (c *Core) finishRotation(ctx context.Context, s *session) error {
	_, a, err := c.read(s.id)
	if err != nil || a.Rotation == nil {
		return err
	}
	_, err = s.remote.SendUpdate(ctx, a.Rotation.JWS)
	switch code := problem.CodeOf(err); {
	case err == nil, code == problem.Replayed:
		return c.rotated(ctx, s, nil)
	case code == problem.UseDPoPNonce:
		return c.rotated(ctx, s, fmt.Errorf("%w: the key replacement did not arrive", ErrRefused))
	case errors.Is(classify(err), ErrOffline):
		return classify(err)
	}
	took, probeErr := c.serverTook(ctx, s, &a, err)
	switch {
	case probeErr != nil:
		return probeErr
	case took:
		return c.rotated(ctx, s, nil)
	default:
		return c.rotated(ctx, s, err)
	}
}

// serverTook tells whether the server, which gave answer to the kept bytes, knows the new key.
//
// A device key is probed by a read with it. An approval key signs nothing that
// could be probed without the person; but when the server refuses bytes that the
// present approval key signed, and knows the device, it is the present approval
// key that it no longer knows.
func (c *Core) serverTook(ctx context.Context, s *session, a *accountState, answer error) (bool, error) {
	if a.Rotation.Role == protocol.RoleApproval {
		if problem.CodeOf(answer) != problem.DeviceUnauthorized {
			return false, nil
		}
		_, err := s.remote.Challenges(ctx, s.remote.prove)
		return err == nil, classify(err)
	}
	key, err := c.openKey(ctx, a.Rotation.New)
	if err != nil {
		return false, err
	}
	signer, err := protocol.NewSigner(keystore.Signer(ctx, key, keystore.Verification{}))
	if err != nil {
		return false, err
	}
	_, err = s.remote.Challenges(ctx, client.Prove(signer, a.Device, func() time.Time { return c.serverNow(s) }))
	if err = classify(err); errors.Is(err, ErrRevoked) {
		return false, nil
	}
	return err == nil, err
}
