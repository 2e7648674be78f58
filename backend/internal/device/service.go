package device

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/bus"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/ratelimit"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/shared/protocol"
)

// UpdatesPath is where updates are posted; it is part of what they sign.
const UpdatesPath = "/device/v1/updates"

// Params are what a Service needs; all are required.
type Params struct {
	Store  txn.Store[Tx]
	Bus    *bus.Bus
	Nonces *Nonces
	Issuer string
	Now    func() time.Time
}

// Service authenticates and changes devices. It is safe for concurrent use.
type Service struct {
	Params
	flood *ratelimit.Limit[protocol.DeviceID]
}

// New checks the parameters.
func New(p Params) (*Service, error) {
	if p.Store == nil || p.Bus == nil || p.Nonces == nil || p.Issuer == "" || p.Now == nil {
		return nil, errors.New("device: a parameter is missing")
	}
	return &Service{Params: p, flood: ratelimit.New[protocol.DeviceID](floodBurst, floodEvery)}, nil
}

func refused() error { return fault.New(fault.DeviceUnauthorized, "") }

// ByKey finds the device that a message's kid names. Unknown, revoked and malformed are one answer.
func (s *Service) ByKey(ctx context.Context, raw string, t protocol.Type) (Device, protocol.Thumbprint, error) {
	kid, err := protocol.Peek(raw, t)
	if err != nil {
		return Device{}, "", refused()
	}
	var d Device
	err = s.Store.View(ctx, func(tx Tx) (err error) {
		d, err = tx.DeviceByKey(kid)
		return err
	})
	if errors.Is(err, txn.ErrNotFound) || err == nil && d.Status == StatusRevoked {
		return Device{}, "", refused()
	}
	if err != nil {
		return Device{}, "", fmt.Errorf("look up the device: %w", err)
	}
	return d, kid, nil
}

// Authenticate checks the proof of a read and returns the device, which may still be unconfirmed. url is the public URL without query.
func (s *Service) Authenticate(ctx context.Context, proof, method, url string) (Device, error) {
	d, kid, err := s.ByKey(ctx, proof, protocol.TypeProof)
	if err != nil {
		return Device{}, err
	}
	p, err := protocol.VerifyProof(proof, protocol.One(d.Key.JWK))
	if err != nil || d.Role(kid) != protocol.RoleDevice || p.Issuer != d.ID || p.Method != method || p.URL != url {
		return Device{}, refused()
	}
	if !s.Nonces.Check(p.Nonce) {
		return Device{}, fault.New(fault.UseNonce, "")
	}
	return d, nil
}

// Current reads a device again; a revoked one is refused.
func (s *Service) Current(ctx context.Context, d Device) (Device, error) {
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		d, err = tx.Device(d.Tenant, d.ID)
		return err
	})
	if errors.Is(err, txn.ErrNotFound) || err == nil && d.Status == StatusRevoked {
		return Device{}, refused()
	}
	return d, err
}

// Standing reads again where a device stands; a revoked one is refused. d needs tenant and id, and so does what it returns, which
// beside them has only user and status.
func (s *Service) Standing(ctx context.Context, d Device) (Device, error) {
	now := Device{Tenant: d.Tenant, ID: d.ID}
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		now.User, now.Status, err = tx.Standing(d.Tenant, d.ID)
		return err
	})
	if errors.Is(err, txn.ErrNotFound) || err == nil && now.Status == StatusRevoked {
		return Device{}, refused()
	}
	return now, err
}

const seenEvery = 5 * time.Minute

// Seen notes that the device was here, at most every five minutes.
func (s *Service) Seen(ctx context.Context, d Device) error {
	now := s.Now()
	if now.Sub(d.SeenAt) < seenEvery {
		return nil
	}
	return s.Store.Update(ctx, func(tx Tx) error {
		d, err := tx.Device(d.Tenant, d.ID)
		if err != nil {
			return err
		}
		d.SeenAt = now
		return tx.SaveDevice(d)
	})
}

// List returns a user's devices that are not revoked.
func (s *Service) List(ctx context.Context, tenant protocol.TenantID, user protocol.UserID) ([]Device, error) {
	var out []Device
	err := s.Store.View(ctx, func(tx Tx) error {
		all, err := tx.Devices(tenant, user)
		for _, d := range all {
			if d.Status != StatusRevoked {
				out = append(out, d)
			}
		}
		return err
	})
	return out, err
}

// Revoke ends a device of a user: its streams close, its pending challenges are canceled, its keys are never accepted again.
func (s *Service) Revoke(ctx context.Context, tenant protocol.TenantID, user protocol.UserID, id protocol.DeviceID, actor string) error {
	var canceled []protocol.ChallengeID
	err := s.Store.Update(ctx, func(tx Tx) (err error) {
		d, err := tx.Device(tenant, id)
		if errors.Is(err, txn.ErrNotFound) || err == nil && (user != "" && d.User != user || d.Status == StatusRevoked) {
			return fault.New(fault.NotFound, "")
		}
		if err != nil {
			return err
		}
		user = d.User
		canceled, err = revoke(tx, d, s.Now(), actor)
		return err
	})
	if err == nil {
		s.announceClosed(ctx, tenant, user, canceled)
		s.Bus.Publish(bus.Device(string(id)), bus.Event{Kind: "device", ID: string(id), Status: string(StatusRevoked)})
	}
	return err
}

func revoke(tx Tx, d Device, now time.Time, actor string) ([]protocol.ChallengeID, error) {
	wasActive := d.Status == StatusActive
	d.Status, d.RevokedAt, d.Push = StatusRevoked, now, nil
	if err := tx.SaveDevice(d); err != nil {
		return nil, fmt.Errorf("store the device: %w", err)
	}
	err := tx.AppendAudit(audit.Event{Tenant: d.Tenant, At: now, Type: audit.DeviceRevoked, Actor: actor, User: d.User, Device: d.ID})
	if err != nil || !wasActive {
		return nil, err
	}
	return tx.CancelPending(d.Tenant, d.User, now, "factor_changed")
}

// announceClosed tells waiters and the user's other devices that challenges were canceled. It is a hint: a failure to
// read the devices delays them, no more.
func (s *Service) announceClosed(ctx context.Context, tenant protocol.TenantID, user protocol.UserID, ids []protocol.ChallengeID) {
	if len(ids) == 0 {
		return
	}
	devices, _ := s.List(context.WithoutCancel(ctx), tenant, user)
	for _, id := range ids {
		e := bus.Event{Kind: "closed", ID: string(id), Status: string(protocol.StatusCanceled)}
		s.Bus.Publish(bus.Challenge(string(id)), e)
		for _, d := range devices {
			s.Bus.Publish(bus.Device(string(d.ID)), e)
		}
	}
}

// Update applies a device's signed change about itself and returns the device afterwards.
func (s *Service) Update(ctx context.Context, raw string) (Device, error) {
	d, kid, err := s.ByKey(ctx, raw, protocol.TypeUpdate)
	if err != nil {
		return Device{}, err
	}
	role := d.Role(kid)
	u, err := protocol.VerifyUpdate(raw, protocol.One(d.Credential(role).JWK), func(r protocol.KeyRole) protocol.Thumbprint { return d.Credential(r).ID })
	if errors.Is(err, &protocol.Error{Code: protocol.CodeSignature}) {
		return Device{}, refused()
	}
	if err != nil {
		return Device{}, fault.Wrap(fault.ValidationFailed, err)
	}
	if err := s.checkUpdate(d, role, u); err != nil {
		return Device{}, err
	}
	if u.Action != protocol.UpdateUnenroll { // leaving is never held up
		if err := s.Spend(d.ID); err != nil {
			return Device{}, err
		}
	}
	var canceled []protocol.ChallengeID
	err = s.Store.Update(ctx, func(tx Tx) error {
		if d, err = s.reread(tx, d, kid); err != nil {
			return err
		}
		if err := tx.UseOnce(d.ID, u.ID, s.Now()); errors.Is(err, txn.ErrConflict) {
			return fault.New(fault.Replayed, "")
		} else if err != nil {
			return err
		}
		d, canceled, err = s.apply(tx, d, u)
		return err
	})
	if err != nil {
		return Device{}, err
	}
	s.announceClosed(ctx, d.Tenant, d.User, canceled)
	if d.Status == StatusRevoked {
		s.Bus.Publish(bus.Device(string(d.ID)), bus.Event{Kind: "device", ID: string(d.ID), Status: string(d.Status)})
	}
	return d, nil
}

// reread takes the device as it is inside the transaction; it must still have the key that signed.
func (s *Service) reread(tx Tx, d Device, kid protocol.Thumbprint) (Device, error) {
	fresh, err := tx.Device(d.Tenant, d.ID)
	if errors.Is(err, txn.ErrNotFound) || err == nil && (fresh.Status == StatusRevoked || fresh.Role(kid) == "") {
		return d, refused()
	}
	return fresh, err
}

func (s *Service) checkUpdate(d Device, role protocol.KeyRole, u *protocol.Update) error {
	if u.Issuer != d.ID || u.Tenant != d.Tenant || u.Audience != s.Issuer || u.Method != "POST" || u.URL != s.Issuer+UpdatesPath {
		return refused()
	}
	if !s.Nonces.Check(u.Nonce) {
		return fault.New(fault.UseNonce, "")
	}
	want := protocol.RoleDevice
	if u.Action == protocol.UpdateReplaceKey {
		want = protocol.RoleApproval
		if u.UserVerification == "" {
			return fault.New(fault.RequirementNotMet, "Replacing a key needs user verification.")
		}
		if d.Status != StatusActive {
			return fault.New(fault.DeviceInactive, "")
		}
	}
	if role != want {
		return fault.New(fault.RequirementNotMet, "This change is signed by the device's other key.")
	}
	return CheckPush(u.Push)
}

func (s *Service) apply(tx Tx, d Device, u *protocol.Update) (Device, []protocol.ChallengeID, error) {
	event := audit.Event{Tenant: d.Tenant, At: s.Now(), Actor: string(d.ID), User: d.User, Device: d.ID}
	var canceled []protocol.ChallengeID
	switch u.Action {
	case protocol.UpdateUnenroll:
		ids, err := revoke(tx, d, s.Now(), string(d.ID))
		d.Status = StatusRevoked
		return d, ids, err
	case protocol.UpdateRename:
		d.Info.Name, event.Type = u.Name, audit.DeviceRenamed
	case protocol.UpdatePush:
		d.Push, event.Type = u.Push, audit.DevicePushChanged
		if err := NoteDuplicate(tx, d, s.Now()); err != nil {
			return d, nil, err
		}
	case protocol.UpdateReplaceKey:
		if err := replaceKey(tx, &d, u.Key); err != nil {
			return d, nil, err
		}
		event.Type, event.Detail = audit.DeviceKeyReplaced, string(u.Key.Role)
		ids, err := tx.CancelPending(d.Tenant, d.User, s.Now(), "factor_changed")
		if err != nil {
			return d, nil, err
		}
		canceled = ids
	}
	if err := tx.SaveDevice(d); err != nil {
		return d, nil, fmt.Errorf("store the device: %w", err)
	}
	return d, canceled, tx.AppendAudit(event)
}

// replaceKey puts a new key in the place of one role's: never seen before, different from the other, of no lower level.
func replaceKey(tx Tx, d *Device, k *protocol.NewKey) error {
	id := k.JWK.Thumbprint()
	known, err := tx.KnownKey(id)
	if err != nil {
		return fmt.Errorf("look for the key: %w", err)
	}
	if known {
		return fault.New(fault.KeyAlreadyKnown, "")
	}
	old := d.Credential(k.Role)
	if k.Level.Rank() < old.Claimed.Rank() || old.Proven != "" {
		return fault.New(fault.KeyLevelTooLow, "")
	}
	fresh := Credential{ID: id, JWK: k.JWK, Claimed: k.Level}
	if k.Role == protocol.RoleApproval {
		d.Approval = fresh
	} else {
		d.Key = fresh
	}
	return nil
}
