package enrollment

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/nod-auth/nod/backend/internal/attestation"
	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/bus"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

// Registered is the reply to a device.
type Registered struct {
	Reply string // nod-enrolled+jwt
	Keys  string // nod-keys+jwt
}

// Register binds the device that sent raw to an invitation. The device stays unconfirmed. An unknown, used or expired
// token, another tenant's root and a disabled user are one answer, invitation_invalid.
func (s *Service) Register(ctx context.Context, raw string) (Registered, error) {
	in, err := protocol.VerifyEnrollment(raw)
	if err != nil {
		return Registered{}, fault.Wrap(fault.SignatureInvalid, err)
	}
	e, err := s.byToken(ctx, in.Token)
	if err != nil {
		return Registered{}, err
	}
	if e.Status == StatusRegistered && e.Hash == protocol.Hash(raw) && s.Now().Before(e.ExpiresAt) {
		k, err := s.openKept(e)
		return Registered{Reply: k.Reply, Keys: k.Keys}, err
	}
	ring, err := s.checkRegistration(ctx, e, in)
	if err != nil {
		return Registered{}, err
	}
	if err := device.CheckPush(in.Push); err != nil {
		return Registered{}, err
	}
	r, err := s.register(ctx, e, in, raw, ring)
	if err != nil {
		return s.lostRace(ctx, in.Token, raw, err)
	}
	return r, nil
}

// lostRace answers bytes that were registered a moment ago by the same bytes sent twice: with the same reply.
func (s *Service) lostRace(ctx context.Context, token, raw string, refusal error) (Registered, error) {
	e, err := s.byToken(ctx, token)
	if err != nil || e.Status != StatusRegistered || e.Hash != protocol.Hash(raw) {
		return Registered{}, refusal
	}
	k, err := s.openKept(e)
	return Registered{Reply: k.Reply, Keys: k.Keys}, err
}

func spent() error { return fault.New(fault.InvitationInvalid, "") }

func (s *Service) byToken(ctx context.Context, token string) (Enrollment, error) {
	hash := protocol.TokenHash(token)
	var e Enrollment
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		e, err = tx.EnrollmentByToken(hash)
		return err
	})
	if errors.Is(err, txn.ErrNotFound) || err == nil && subtle.ConstantTimeCompare([]byte(e.TokenHash), []byte(hash)) != 1 {
		return Enrollment{}, spent()
	}
	return e, err
}

func (s *Service) checkRegistration(ctx context.Context, e Enrollment, in *protocol.Enrollment) (*tenant.Ring, error) {
	now := s.Now()
	if e.Status != StatusInvited || !now.Before(e.ExpiresAt) {
		return nil, spent()
	}
	ring, err := s.Tenants.Ring(ctx, e.Tenant)
	if err != nil {
		return nil, err
	}
	if in.Root != ring.Tenant.Root.Thumbprint() || in.Audience != s.Issuer {
		return nil, spent()
	}
	if in.IssuedAt.Time().After(now.Add(protocol.EnrollmentValidity)) || !now.Before(in.ExpiresAt.Time()) ||
		in.IssuedAt.Time().Before(now.Add(-protocol.EnrollmentValidity)) {
		return nil, fault.New(fault.ClockSkew, "")
	}
	return ring, nil
}

func (s *Service) register(ctx context.Context, e Enrollment, in *protocol.Enrollment, raw string, ring *tenant.Ring) (Registered, error) {
	now := s.Now()
	proven, err := s.attest(in, now)
	if err != nil {
		return Registered{}, err
	}
	d := device.Device{Tenant: e.Tenant, ID: protocol.NewID[protocol.DeviceID](), User: e.User, Info: in.Device, Status: device.StatusUnconfirmed,
		Key:      device.Credential{ID: in.DeviceKey.Thumbprint(), JWK: in.DeviceKey, Claimed: in.Levels.Device, Proven: proven.Device},
		Approval: device.Credential{ID: in.Approval.JWK.Thumbprint(), JWK: in.Approval.JWK, Claimed: in.Levels.Approval, Proven: proven.Approval},
		Handle:   in.Handle, Push: in.Push, CreatedAt: now, SeenAt: now}
	code, err := drawCode()
	if err != nil {
		return Registered{}, err
	}
	var out Registered
	err = s.Store.Update(ctx, func(tx Tx) error {
		u, err := s.admit(tx, e, d, now)
		if err != nil {
			return err
		}
		reply, err := protocol.Sign(ring.Signer, &protocol.Enrolled{Issuer: s.Issuer, Tenant: e.Tenant, Audience: d.ID, IssuedAt: protocol.At(now),
			EnrollmentHash: protocol.Hash(raw), Enrollment: e.ID, Company: ring.Tenant.Name, User: protocol.ChallengeUser{Ref: u.Ref, Name: u.Name}, ConfirmCode: code, VAPID: s.VAPID})
		if err != nil {
			return err
		}
		out = Registered{Reply: reply, Keys: ring.Tenant.KeysJWS}
		next := e
		if next.Sealed, err = s.sealKept(e, kept{Reply: out.Reply, Keys: out.Keys, Code: code}); err != nil {
			return err
		}
		next.Status, next.Hash, next.Device, next.ExpiresAt = StatusRegistered, protocol.Hash(raw), d.ID, now.Add(ConfirmLifetime)
		if won, err := tx.MoveEnrollment(next, StatusInvited); err != nil || !won {
			return errors.Join(err, ifFalse(won, spent()))
		}
		if err := tx.SaveDevice(d); err != nil {
			return fmt.Errorf("store the device: %w", err)
		}
		if err := device.NoteDuplicate(tx, d, now); err != nil {
			return err
		}
		return tx.AppendAudit(next.event(audit.EnrollmentRegister, string(d.ID), now, registered(d, proven)))
	})
	if err != nil {
		return Registered{}, err
	}
	s.announce(e.ID, StatusRegistered)
	return out, nil
}

// attest checks the platform's word about both keys. A bad one is none: the device is then where it would be without.
func (s *Service) attest(in *protocol.Enrollment, now time.Time) (attestation.Result, error) {
	if s.Attest == nil {
		return attestation.Result{}, nil
	}
	r, err := s.Attest(in, now)
	if err != nil {
		return attestation.Result{}, fault.Wrap(fault.KeyLevelTooLow, err)
	}
	return r, nil
}

// registered is the audit detail: the claimed level, and what became of an attestation.
func registered(d device.Device, r attestation.Result) string {
	if r.Detail == "" {
		return string(d.Approval.Claimed)
	}
	return string(d.Approval.Claimed) + "; " + r.Detail
}

func ifFalse(ok bool, err error) error {
	if ok {
		return nil
	}
	return err
}

// admit checks what only the transaction can know: the user's account, the number of devices, and that both keys are new.
func (s *Service) admit(tx Tx, e Enrollment, d device.Device, now time.Time) (user.User, error) {
	u, err := tx.User(e.Tenant, e.User)
	if err != nil {
		return u, fmt.Errorf("read the user: %w", err)
	}
	if u.Disabled {
		return u, spent()
	}
	devices, err := tx.Devices(e.Tenant, e.User)
	if err != nil {
		return u, fmt.Errorf("read the devices: %w", err)
	}
	n := 0
	for _, other := range devices {
		if other.Status != device.StatusRevoked {
			n++
		}
	}
	if n >= device.MaxPerUser {
		return u, fault.New(fault.DeviceLimit, "")
	}
	for _, key := range []protocol.Thumbprint{d.Key.ID, d.Approval.ID} {
		known, err := tx.KnownKey(key)
		if err != nil {
			return u, fmt.Errorf("look for the key: %w", err)
		}
		if known {
			return u, fault.New(fault.KeyAlreadyKnown, "")
		}
	}
	return u, nil
}

func drawCode() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return "", fmt.Errorf("draw a code: %w", err)
	}
	return fmt.Sprintf("%06d", n.Int64()), nil
}

func (s *Service) announce(id protocol.EnrollmentID, status Status) {
	s.Bus.Publish(bus.Enrollment(string(id)), bus.Event{Kind: "changed", ID: string(id), Status: string(status)})
}

// Confirmed is an enrollment after the right code, with the question to the user's other devices when there is one.
type Confirmed struct {
	Enrollment Enrollment
	Approval   *Approval
}

// Confirm compares the code that the user typed in the inviting session. One wrong code ends the enrollment. It locks no
// one: the code is tried once.
func (s *Service) Confirm(ctx context.Context, c tenant.Caller, id protocol.EnrollmentID, code string) (Confirmed, error) {
	e, err := s.Get(ctx, c, id)
	if err != nil {
		return Confirmed{}, err
	}
	if e.Status == StatusInvited {
		return Confirmed{}, fault.New(fault.ConfirmNotPossible, "")
	}
	if e.Status != StatusRegistered {
		return Confirmed{}, notPending(e)
	}
	k, err := s.openKept(e)
	if err != nil {
		return Confirmed{}, err
	}
	if subtle.ConstantTimeCompare([]byte(k.Code), []byte(code)) != 1 {
		won, e, err := s.finish(ctx, e, StatusFailed, "wrong_code")
		if err == nil && won {
			err = fault.New(fault.ConfirmCodeWrong, "")
		}
		return Confirmed{}, errors.Join(err, ifFalse(won || err != nil, notPending(e)))
	}
	ask, info, err := s.needsApproval(ctx, e)
	if err != nil {
		return Confirmed{}, err
	}
	if !ask {
		won, e, err := s.finish(ctx, e, StatusActive, "confirmed")
		if err == nil && !won { // another code was faster: one try is one answer
			return Confirmed{}, notPending(e)
		}
		if fault.CodeOf(err) == fault.EnrollmentNotPending {
			_, _, failed := s.finish(ctx, e, StatusFailed, "device_removed")
			err = errors.Join(err, failed)
		}
		return Confirmed{Enrollment: e}, err
	}
	return s.askDevices(ctx, e, info)
}

func notPending(e Enrollment) error {
	return fault.New(fault.EnrollmentNotPending, "The enrollment is "+string(e.Status)+".")
}

func (s *Service) needsApproval(ctx context.Context, e Enrollment) (bool, protocol.DeviceInfo, error) {
	ring, err := s.Tenants.Ring(ctx, e.Tenant)
	if err != nil {
		return false, protocol.DeviceInfo{}, err
	}
	ask, info := false, protocol.DeviceInfo{}
	err = s.Store.View(ctx, func(tx Tx) error {
		devices, err := tx.Devices(e.Tenant, e.User)
		for _, d := range devices {
			ask = ask || d.Status == device.StatusActive
			if d.ID == e.Device {
				info = d.Info
			}
		}
		return err
	})
	return ask && ring.Tenant.DeviceAdd != tenant.DeviceAddAllow, info, err
}

func (s *Service) askDevices(ctx context.Context, e Enrollment, info protocol.DeviceInfo) (Confirmed, error) {
	approval, err := s.Approver.RequestApproval(ctx, Question{Tenant: e.Tenant, Application: e.Application, UserRef: e.UserRef, Enrollment: e.ID, Device: info})
	if err != nil {
		return Confirmed{}, err
	}
	next := e
	next.Status, next.Approval, next.ExpiresAt = StatusAwaiting, approval.Challenge, approval.ExpiresAt
	if next.Sealed, err = s.sealKept(e, kept{Asked: &approval}); err != nil {
		return Confirmed{}, err
	}
	err = s.Store.Update(ctx, func(tx Tx) error {
		won, err := tx.MoveEnrollment(next, StatusRegistered)
		return errors.Join(err, ifFalse(won || err != nil, fault.New(fault.EnrollmentNotPending, "Another code was faster.")))
	})
	if err != nil {
		return Confirmed{}, err
	}
	s.announce(e.ID, StatusAwaiting)
	return Confirmed{Enrollment: next, Approval: &approval}, nil
}

// finish moves an enrollment to a final state, and its device with it. When another was faster, won is false and it returns
// what that one stored.
func (s *Service) finish(ctx context.Context, e Enrollment, to Status, detail string) (won bool, next Enrollment, err error) {
	now := s.Now()
	err = s.Store.Update(ctx, func(tx Tx) (err error) {
		next = e
		next.Status, next.Sealed = to, nil
		if won, err = tx.MoveEnrollment(next, e.Status); err != nil {
			return err
		}
		if !won {
			next, err = tx.Enrollment(e.Tenant, e.ID)
			return err
		}
		return finishDevice(tx, next, now, detail)
	})
	if err != nil {
		return false, e, fmt.Errorf("finish the enrollment: %w", err)
	}
	if won {
		s.announce(e.ID, to)
		if next.Device != "" {
			status := map[bool]device.Status{true: device.StatusActive, false: device.StatusRevoked}[to == StatusActive]
			s.Bus.Publish(bus.Device(string(next.Device)), bus.Event{Kind: "device", ID: string(next.Device), Status: string(status)})
		}
	}
	return won, next, nil
}

func finishDevice(tx Tx, e Enrollment, now time.Time, detail string) error {
	event := map[Status]audit.Type{StatusActive: audit.DeviceActivated, StatusFailed: audit.EnrollmentFailed, StatusExpired: audit.EnrollmentExpired}[e.Status]
	if e.Device == "" {
		return tx.AppendAudit(e.event(event, "server", now, detail))
	}
	d, err := tx.Device(e.Tenant, e.Device)
	if err != nil {
		return fmt.Errorf("read the device: %w", err)
	}
	u, err := tx.User(e.Tenant, e.User)
	if err != nil {
		return fmt.Errorf("read the user: %w", err)
	}
	switch {
	case e.Status == StatusActive && u.Disabled:
		return fault.New(fault.UserDisabled, "")
	case e.Status == StatusActive && d.Status != device.StatusUnconfirmed:
		return fault.New(fault.EnrollmentNotPending, "The device was removed.")
	case e.Status == StatusActive:
		d.Status = device.StatusActive
	case d.Status == device.StatusUnconfirmed:
		d.Status, d.RevokedAt, d.Push = device.StatusRevoked, now, nil
	}
	if err := tx.SaveDevice(d); err != nil {
		return fmt.Errorf("store the device: %w", err)
	}
	return tx.AppendAudit(e.event(event, "server", now, detail))
}
