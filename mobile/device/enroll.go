package device

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// EnrollParams is an agreed invitation.
type EnrollParams struct {
	// Invitation is what Inspect returned and the person agreed to.
	Invitation Invitation
	// DeviceName is what this device calls itself, 1 to 80 characters.
	DeviceName string
	// Verification holds the new PIN, or the reason for the platform's prompt.
	Verification keystore.Verification
	// Store makes the keys; nil means the core's first store.
	Store keystore.Store
	// Push is where wake-ups go; nil for none.
	Push *protocol.PushAddress
}

// Enroll makes two fresh keys, registers them and returns the account with its
// ConfirmCode, which the person types in the browser that showed the invitation.
//
// With [ErrOffline] the account stays as [AccountRegistering]: the same bytes
// are sent again by Run, Sync, or Enroll with the same invitation, and the keys
// survive a kill. Every other error has removed the account and its keys:
// [ErrRefused] (problem.CodeOf tells: invitation_invalid, device_limit, ...),
// [ErrHintsDiffer], [ErrUntrusted], [ErrNoStore], and the key store's.
func (c *Core) Enroll(ctx context.Context, p EnrollParams) (Account, error) {
	if p.Invitation.content.Token == "" {
		return Account{}, ErrInvitation
	}
	again, err := c.Inspect(p.Invitation.content.URI(c.params.Scheme))
	if err != nil {
		return Account{}, err
	}
	id := again.Known
	if id == "" {
		if id, err = c.prepareEnrollment(ctx, p); err != nil {
			return Account{}, err
		}
	}
	if err := c.register(ctx, id); err != nil {
		return Account{}, err
	}
	account, ok := c.Account(id)
	if !ok {
		return Account{}, ErrNoAccount
	}
	return account, nil
}

// prepareEnrollment makes the keys, signs, and saves before anything is sent.
func (c *Core) prepareEnrollment(ctx context.Context, p EnrollParams) (AccountID, error) {
	store := p.Store
	if store == nil {
		first, err := c.firstStore()
		if err != nil {
			return "", err
		}
		store = first
	}
	in := p.Invitation.content
	info := protocol.DeviceInfo{Name: p.DeviceName, Model: c.params.Model, Platform: c.params.Platform, AppVersion: c.params.AppVersion}
	if err := errors.Join(info.Validate(), p.Push.Validate()); err != nil {
		return "", fmt.Errorf("enroll: %w", err)
	}
	a := &accountState{
		ID: AccountID("acc_" + protocol.RandomText(16)), Status: AccountRegistering, Server: in.Server, Root: in.Root,
		Company: in.Company, User: protocol.ChallengeUser{Name: in.User}, DeviceName: p.DeviceName,
		WakeHandle: protocol.RandomText(16), CreatedAt: c.now().UTC(), Push: pushHash(p.Push),
		Enrollment: &enrollmentState{Invitation: in, Device: info, Push: p.Push},
	}
	if err := c.makeEnrollment(ctx, store, a, p.Verification); err != nil {
		return "", err
	}
	s, err := c.newSession(a)
	if err == nil {
		err = c.change(func(s *state) error {
			s.Accounts = append(s.Accounts, a)
			return nil
		})
	}
	if err != nil {
		return "", errors.Join(err, deleteKeys(ctx, store, a.DeviceKey, a.ApprovalKey))
	}
	c.mu.Lock()
	c.sessions[a.ID] = s
	c.launch(s)
	c.mu.Unlock()
	c.feed.send(Event{Kind: EventAccount, Account: a.ID})
	return a.ID, nil
}

// makeEnrollment makes both keys and signs the enrollment into a.
func (c *Core) makeEnrollment(ctx context.Context, store keystore.Store, a *accountState, v keystore.Verification) error {
	token := a.Enrollment.Invitation.Token
	challenge := sha256.Sum256([]byte(token))
	deviceKey, k, err := newKey(ctx, store, keystore.CreateParams{Use: keystore.UseDevice, AttestationChallenge: challenge[:]})
	if err != nil {
		return err
	}
	a.DeviceKey = k
	approvalKey, k, err := newKey(ctx, store, keystore.CreateParams{Use: keystore.UseApproval, Verification: v, AttestationChallenge: challenge[:]})
	if err != nil {
		return errors.Join(err, deleteKeys(ctx, store, a.DeviceKey))
	}
	a.ApprovalKey = k
	if err := c.proveApproval(ctx, a, approvalKey, v); err != nil {
		return errors.Join(err, deleteKeys(ctx, store, a.DeviceKey, a.ApprovalKey))
	}
	a.Enrollment.Attestation = attestation(deviceKey, approvalKey)
	if err := signEnrollment(ctx, a, deviceKey, c.now()); err != nil {
		return errors.Join(err, deleteKeys(ctx, store, a.DeviceKey, a.ApprovalKey))
	}
	return nil
}

func (c *Core) proveApproval(ctx context.Context, a *accountState, key keystore.Key, v keystore.Verification) error {
	signer, err := protocol.NewSigner(keystore.Signer(ctx, key, v))
	if err != nil {
		return fmt.Errorf("enroll: %w", err)
	}
	proof, err := protocol.Sign(signer, &protocol.ApprovalProof{
		Audience: a.Server, TokenHash: protocol.TokenHash(a.Enrollment.Invitation.Token), DeviceKey: a.DeviceKey.Thumbprint,
	})
	if err != nil {
		return fmt.Errorf("enroll: %w", err)
	}
	a.Enrollment.Approval = protocol.ApprovalKey{JWK: signer.Public(), Proof: proof}
	return nil
}

// signEnrollment signs with times around now, by the server's clock as far as known.
func signEnrollment(ctx context.Context, a *accountState, key keystore.Key, now time.Time) error {
	signer, err := protocol.NewSigner(keystore.Signer(ctx, key, keystore.Verification{}))
	if err != nil {
		return fmt.Errorf("enroll: %w", err)
	}
	e := a.Enrollment
	e.JWS, err = protocol.Sign(signer, &protocol.Enrollment{
		Audience: a.Server, IssuedAt: protocol.At(now), ExpiresAt: protocol.At(now.Add(protocol.EnrollmentValidity)),
		Token: e.Invitation.Token, Root: a.Root, Approval: e.Approval, Device: e.Device,
		Levels:      protocol.KeyLevels{Device: a.DeviceKey.Level, Approval: a.ApprovalKey.Level},
		Attestation: e.Attestation, Push: e.Push, Handle: a.WakeHandle,
	})
	if err != nil {
		return fmt.Errorf("enroll: %w", err)
	}
	return nil
}

func deleteKeys(ctx context.Context, store keystore.Store, keys ...keyState) error {
	var errs []error
	for _, k := range keys {
		errs = append(errs, store.Delete(context.WithoutCancel(ctx), k.Handle))
	}
	return errors.Join(errs...)
}

// register sends the kept enrollment and takes the reply. It does nothing for an account that is registered.
func (c *Core) register(ctx context.Context, id AccountID) error {
	s, _, err := c.read(id)
	if err != nil {
		return err
	}
	if err := s.enter(ctx); err != nil {
		return fmt.Errorf("enroll: %w", err)
	}
	defer s.leave()
	_, a, err := c.read(id) // as it is now that it is our turn
	if err != nil || a.Enrollment == nil {
		return err
	}
	reply, err := s.remote.Enroll(ctx, a.Enrollment.JWS)
	if problem.CodeOf(err) == problem.ClockSkew {
		if err := c.signAgain(ctx, s, &a); err != nil {
			return err
		}
		reply, err = s.remote.Enroll(ctx, a.Enrollment.JWS)
	}
	if err != nil {
		told := classify(err)
		if errors.Is(told, ErrOffline) {
			return fmt.Errorf("enroll: %w", told)
		}
		return errors.Join(fmt.Errorf("enroll: %w: %w", ErrRefused, err), c.remove(ctx, id))
	}
	if err := c.accept(s, &a, reply.Enrolled, reply.Keys); err != nil {
		if errors.Is(err, ErrStateIO) {
			return fmt.Errorf("enroll: %w", err) // the same bytes get the same reply later
		}
		return errors.Join(fmt.Errorf("enroll: %w", err), c.remove(ctx, id))
	}
	c.feed.send(Event{Kind: EventAccount, Account: id})
	poke(s.wake)
	return nil
}

// signAgain makes the enrollment anew with the server's time; the approval key's proof has no time and stays.
func (c *Core) signAgain(ctx context.Context, s *session, a *accountState) error {
	key, err := c.openKey(ctx, a.DeviceKey)
	if err != nil {
		return err
	}
	fresh := *a.Enrollment
	a.Enrollment = &fresh
	if err := signEnrollment(ctx, a, key, c.serverNow(s)); err != nil {
		return err
	}
	return c.changeAccount(a.ID, func(_ *state, kept *accountState) error {
		kept.Enrollment = a.Enrollment
		return nil
	})
}

// accept checks the signed reply against the pinned root and the invitation, and keeps it.
func (c *Core) accept(s *session, a *accountState, enrolledRaw, keysRaw string) error {
	keys, err := protocol.VerifyKeys(keysRaw, a.Root, 0, c.serverNow(s))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	if keys.Issuer != a.Server {
		return fmt.Errorf("%w: keys of another server", ErrUntrusted)
	}
	reply, err := protocol.VerifyEnrolled(enrolledRaw, keys, a.Enrollment.JWS)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	hints := a.Enrollment.Invitation
	if hints.Company != "" && hints.Company != reply.Company || hints.User != "" && hints.User != label(reply.User.Name, reply.User.Ref) {
		return ErrHintsDiffer
	}
	return c.changeAccount(a.ID, func(_ *state, kept *accountState) error {
		kept.Status, kept.Enrollment, kept.Keys = AccountUnconfirmed, nil, keysRaw
		kept.Tenant, kept.Device = reply.Tenant, reply.Audience
		kept.Company, kept.User = reply.Company, reply.User
		kept.ConfirmCode, kept.Requirements, kept.VAPID = reply.ConfirmCode, reply.Requirements, reply.VAPID
		return nil
	})
}

// remove takes the account out of the state first and deletes its keys then.
func (c *Core) remove(ctx context.Context, id AccountID) error {
	ctx = context.WithoutCancel(ctx)
	err := c.changeAccount(id, func(s *state, a *accountState) error {
		s.discard(a.DeviceKey, a.ApprovalKey)
		if a.Rotation != nil {
			s.discard(a.Rotation.New)
		}
		s.Accounts = slices.DeleteFunc(s.Accounts, func(o *accountState) bool { return o.ID == id })
		s.Activity = slices.DeleteFunc(s.Activity, func(e Entry) bool { return e.Account == id })
		return nil
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	if s := c.sessions[id]; s != nil {
		s.dropAll()
		delete(c.sessions, id)
	}
	c.mu.Unlock()
	c.emptyTrash(ctx)
	c.feed.send(Event{Kind: EventAccount, Account: id})
	return nil
}

// maxTrash bounds the handles whose store never comes back.
const maxTrash = 64

// discard notes keys for deletion.
func (s *state) discard(keys ...keyState) {
	for _, k := range keys {
		s.Trash = append(s.Trash, k.Handle)
	}
	if extra := len(s.Trash) - maxTrash; extra > 0 {
		s.Trash = s.Trash[extra:]
	}
}
