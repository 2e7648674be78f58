package enrollment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nod-auth/nod/backend/internal/attestation"
	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/bus"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/replay"
	"github.com/nod-auth/nod/backend/internal/seal"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

// Params are what a Service needs; all are required, but Approver may be set later, before the first call, and Attest may stay nil.
type Params struct {
	Store    txn.Store[Tx]
	Tenants  *tenant.Service
	Sealer   *seal.Sealer
	Bus      *bus.Bus
	Approver Approver
	Issuer   string
	Now      func() time.Time
	// Attest checks what a registration brings about its keys: attestation.Policy.Enrollment. Levels that it returns are stored as
	// proven, apart from what the device claims; nil and no proof leave a claim a claim. Its error refuses the registration.
	Attest func(*protocol.Enrollment, time.Time) (attestation.Result, error)
	// VAPID is the server's key for WebPush, which devices subscribe for; it may stay nil.
	VAPID *protocol.JWK
}

// Service runs enrollments. It is safe for concurrent use.
type Service struct{ Params }

// New checks the parameters.
func New(p Params) (*Service, error) {
	if p.Store == nil || p.Tenants == nil || p.Sealer == nil || p.Bus == nil || p.Issuer == "" || p.Now == nil {
		return nil, errors.New("enrollment: a parameter is missing")
	}
	return &Service{Params: p}, nil
}

// Invite is the request for an invitation.
type Invite struct {
	Caller      tenant.Caller
	UserRef     string
	UserLabel   string // the user's name as the app shows it; may be empty
	Lifetime    time.Duration
	Idempotency replay.Key
}

// Invited is a fresh invitation; Invitation.Token is the secret, empty when a replay came too late to repeat it.
type Invited struct {
	Enrollment Enrollment
	Invitation protocol.Invitation
}

const sealReply = "enrollment-reply"

// Invite makes an invitation for a user, who is created when new.
func (s *Service) Invite(ctx context.Context, in Invite) (Invited, error) {
	if err := s.checkInvite(&in); err != nil {
		return Invited{}, err
	}
	ring, err := s.Tenants.Ring(ctx, in.Caller.Key.Tenant)
	if err != nil {
		return Invited{}, err
	}
	token := protocol.RandomText(32)
	now := s.Now()
	e := Enrollment{Tenant: in.Caller.Key.Tenant, ID: protocol.NewID[protocol.EnrollmentID](), Application: in.Caller.Application.ID, UserRef: in.UserRef,
		TokenHash: protocol.TokenHash(token), Status: StatusInvited, CreatedAt: now, ExpiresAt: now.Add(in.Lifetime)}
	replayed := false
	err = s.Store.Update(ctx, func(tx Tx) error {
		if old, secret, err := s.replay(tx, in); err != nil || old != nil {
			if old != nil {
				e, token, replayed = *old, secret, true
			}
			return err
		}
		return s.insert(tx, &e, in, token)
	})
	if err != nil {
		return Invited{}, err
	}
	if replayed && e.Status != StatusInvited {
		token = ""
	}
	return Invited{Enrollment: e, Invitation: protocol.Invitation{Server: s.Issuer, Company: ring.Tenant.Name, User: in.UserLabel, Token: token, Root: ring.Tenant.Root.Thumbprint()}}, nil
}

func (s *Service) checkInvite(in *Invite) error {
	if err := protocol.CheckReference("user_ref", in.UserRef, true); err != nil {
		return invalid("user_ref", err)
	}
	if err := protocol.CheckText("user_label", in.UserLabel, false, protocol.MaxName); err != nil {
		return invalid("user_label", err)
	}
	if in.Lifetime == 0 {
		in.Lifetime = protocol.InvitationLifetime
	}
	if in.Lifetime < time.Minute || in.Lifetime > protocol.InvitationCeiling {
		return invalid("lifetime", fmt.Errorf("not 1 to %d minutes", int(protocol.InvitationCeiling.Minutes())))
	}
	return nil
}

func invalid(member string, cause error) error {
	return &fault.Error{Code: fault.ValidationFailed, Member: member, Detail: cause.Error()}
}

func (s *Service) insert(tx Tx, e *Enrollment, in Invite, token string) error {
	u, err := user.Ensure(tx, e.Tenant, in.UserRef, in.UserLabel, e.CreatedAt)
	if err != nil {
		return err
	}
	if u.Disabled {
		return fault.New(fault.UserDisabled, "")
	}
	e.User = u.ID
	if err := tx.InsertEnrollment(*e); err != nil {
		return fmt.Errorf("store the enrollment: %w", err)
	}
	if err := replay.Keep(tx, s.Sealer, in.Idempotency, e.Tenant, string(e.ID), token, e.CreatedAt, e.ExpiresAt); err != nil {
		return err
	}
	return tx.AppendAudit(e.event(audit.EnrollmentCreated, in.Caller.Key.ID, e.CreatedAt, ""))
}

// replay returns the enrollment that an idempotency key made before, with its token while that is kept.
func (s *Service) replay(tx Tx, in Invite) (*Enrollment, string, error) {
	token := ""
	id, found, err := replay.Find(tx, s.Sealer, in.Idempotency, s.Now(), &token)
	if err != nil || !found {
		return nil, "", err
	}
	e, err := tx.Enrollment(in.Caller.Key.Tenant, protocol.EnrollmentID(id))
	return &e, token, err
}

// kept is what is sealed between registration and confirmation.
type kept struct {
	Reply string `json:"reply"`
	Keys  string `json:"keys"`
	Code  string `json:"code"`
	// Asked is the question to the other devices, so that a page that is loaded again shows its number again.
	Asked *Approval `json:"asked,omitempty"`
}

// Asked returns the question that an enrollment waits for, nil when it waits for none.
func (s *Service) Asked(e Enrollment) (*Approval, error) {
	if e.Status != StatusAwaiting {
		return nil, nil
	}
	k, err := s.openKept(e)
	return k.Asked, err
}

func (s *Service) sealKept(e Enrollment, k kept) ([]byte, error) {
	plain, err := json.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("encode the reply: %w", err)
	}
	return s.Sealer.Seal(sealReply, plain, string(e.Tenant), string(e.ID)), nil
}

func (s *Service) openKept(e Enrollment) (kept, error) {
	var k kept
	plain, err := s.Sealer.Open(sealReply, e.Sealed, string(e.Tenant), string(e.ID))
	if err != nil {
		return k, fmt.Errorf("open the reply: %w", err)
	}
	return k, json.Unmarshal(plain, &k)
}

// Get returns an enrollment of the caller's application, settled as far as time and an approval have settled it.
func (s *Service) Get(ctx context.Context, c tenant.Caller, id protocol.EnrollmentID) (Enrollment, error) {
	var e Enrollment
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		e, err = tx.Enrollment(c.Key.Tenant, id)
		return err
	})
	if errors.Is(err, txn.ErrNotFound) || err == nil && e.Application != c.Application.ID {
		return Enrollment{}, fault.New(fault.NotFound, "")
	}
	if err != nil {
		return Enrollment{}, fmt.Errorf("read the enrollment: %w", err)
	}
	return s.settle(ctx, e)
}

// settle moves an enrollment on whose time is over or whose approval was decided.
func (s *Service) settle(ctx context.Context, e Enrollment) (Enrollment, error) {
	if e.Status == StatusAwaiting {
		status, err := s.Approver.ApprovalStatus(ctx, e.Tenant, e.Approval)
		if err != nil {
			return e, fmt.Errorf("read the approval: %w", err)
		}
		switch {
		case status == protocol.StatusApproved:
			return s.activate(ctx, e)
		case status.Final():
			_, e, err = s.finish(ctx, e, StatusFailed, "approval_"+string(status))
		}
		return e, err
	}
	if !e.Status.Final() && !s.Now().Before(e.ExpiresAt) {
		var err error
		_, e, err = s.finish(ctx, e, StatusExpired, "")
		return e, err
	}
	return e, nil
}

// activate ends an approved enrollment: active, or failed when the user was disabled or the device removed in the meantime (T11,
// T26).
func (s *Service) activate(ctx context.Context, e Enrollment) (Enrollment, error) {
	_, done, err := s.finish(ctx, e, StatusActive, "approved")
	switch fault.CodeOf(err) {
	case fault.UserDisabled:
		_, done, err = s.finish(ctx, e, StatusFailed, "user_disabled")
	case fault.EnrollmentNotPending:
		_, done, err = s.finish(ctx, e, StatusFailed, "device_removed")
	default: // done, or a failure of the store: the next read tries again
	}
	return done, err
}

// Decided settles the enrollment that waits for this challenge, if any. It is called after the challenge's commit; a call
// that is lost is made up by the next Get or Sweep.
func (s *Service) Decided(ctx context.Context, t protocol.TenantID, id protocol.ChallengeID) error {
	var e Enrollment
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		e, err = tx.EnrollmentByApproval(t, id)
		return err
	})
	if errors.Is(err, txn.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the enrollment: %w", err)
	}
	_, err = s.settle(ctx, e)
	return err
}

// Sweep settles everything that is due; call it every few seconds. One that fails holds up no other.
func (s *Service) Sweep(ctx context.Context) error {
	var due []Enrollment
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		due, err = tx.DueEnrollments(s.Now(), 200)
		return err
	})
	if err != nil {
		return fmt.Errorf("list due enrollments: %w", err)
	}
	var errs []error
	for _, e := range due {
		_, err := s.settle(ctx, e)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
