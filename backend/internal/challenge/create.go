package challenge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/bus"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/replay"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

// The server's own rules on create.
const (
	MaxPending   = 3                // of one user at a time, beside superseded ones
	DenyCoolDown = 30 * time.Second // before the same transaction may ask again after a deny (T2)
	// CreateBurst is how many challenges of a user may be created at once, then one more every [createEvery], until one is
	// approved: superseding costs a stranger nothing, and each leaves a row (T1, T19).
	CreateBurst = 30
	createEvery = 4 * time.Second
	// KindAddDevice is the server's own action: an existing device decides about a new one.
	KindAddDevice = "add_device"
)

// Request asks for a challenge.
type Request struct {
	Application  tenant.Application
	Actor        string // the API key's id, or "server"
	UserRef      string
	Transaction  string // required: comes back in the result
	Session      string // a newer challenge of the same session supersedes an older one; may be empty
	Action       protocol.Action
	Context      protocol.Context
	Details      []protocol.Detail
	Mode         protocol.MatchMode // empty: what the application's floor says
	Digits       int
	Requirements protocol.Requirements
	Lifetime     time.Duration // 0: the default
	Idempotency  replay.Key
}

// Created is a challenge with what only its creator sees.
type Created struct {
	Challenge Challenge
	Number    string        // to show, for enter and choose; empty when a replay came too late to repeat it
	Browser   tenant.Secret // the browser token; likewise
}

// secrets is what a replay repeats while the challenge lasts.
type secrets struct {
	Number  string `json:"number"`
	Browser string `json:"browser"`
}

// Create checks, signs once and stores a challenge, then wakes the user's devices.
//
// It refuses a disabled or locked user, a user without a device that meets the requirements, a fourth pending challenge,
// a transaction that was denied half a minute ago, and a number match below the application's floor. A pending challenge of the
// same application and session is superseded; no other is touched.
func (s *Service) Create(ctx context.Context, r Request) (Created, error) {
	if err := s.checkRequest(&r); err != nil {
		return Created{}, err
	}
	old, u, recipients, err := s.lookUp(ctx, r)
	if err != nil {
		return Created{}, err
	}
	if old != nil {
		return *old, nil
	}
	if wait, ok := s.creates.Spend(u.ID, s.Now()); !ok && r.Actor != "server" {
		return Created{}, fault.Later(fault.RateLimited, "", wait)
	}
	made, err := s.build(ctx, r, u, recipients)
	if err != nil {
		return Created{}, err
	}
	after, err := s.store(ctx, r, u, made)
	if err != nil {
		return s.lost(ctx, r, err)
	}
	s.wake(ctx, made.Challenge, after)
	return made, nil
}

func (s *Service) checkRequest(r *Request) error {
	if r.Action.Kind == KindAddDevice && r.Actor != "server" {
		return &fault.Error{Code: fault.ValidationFailed, Member: "action.kind", Detail: "add_device is the server's own action"}
	}
	for member, text := range map[string]string{"user_ref": r.UserRef, "transaction": r.Transaction} {
		if err := protocol.CheckReference(member, text, true); err != nil {
			return refusedBy(err)
		}
	}
	if err := protocol.CheckReference("session", r.Session, false); err != nil {
		return refusedBy(err)
	}
	if r.Lifetime == 0 {
		r.Lifetime = protocol.ChallengeLifetime
	}
	if r.Lifetime < protocol.ChallengeLifetimeMin || r.Lifetime > protocol.ChallengeLifetimeMax {
		return &fault.Error{Code: fault.ValidationFailed, Member: "ttl_seconds", Detail: "not 10 to 600 seconds"}
	}
	var err error
	r.Mode, r.Digits, err = chooseMatch(r.Application.MinMatch, r.Mode, r.Digits)
	return err
}

// refusedBy turns a protocol error into one that names the member.
func refusedBy(err error) error {
	var p *protocol.Error
	if errors.As(err, &p) {
		return &fault.Error{Code: fault.ValidationFailed, Member: p.Member, Detail: p.Detail}
	}
	return err
}

// replayed returns what an idempotency key made before; nil when there is nothing.
func (s *Service) replayed(tx Tx, r Request) (*Created, error) {
	var kept secrets
	id, found, err := replay.Find(tx, s.Sealer, r.Idempotency, s.Now(), &kept)
	if err != nil || !found {
		return nil, err
	}
	c, err := tx.Challenge(r.Application.Tenant, protocol.ChallengeID(id))
	return &Created{Challenge: c, Number: kept.Number, Browser: tenant.Secret(kept.Browser)}, err
}

// lost is the outcome of a create that failed: what the same key made at the same time, or a refusal of another body under it, or else
// why it failed.
func (s *Service) lost(ctx context.Context, r Request, cause error) (Created, error) {
	var old *Created
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		old, err = s.replayed(tx, r)
		return err
	})
	switch {
	case fault.CodeOf(err) == fault.IdempotencyReused:
		return Created{}, err
	case err == nil && old != nil:
		return *old, nil
	}
	return Created{}, cause
}

// lookUp reads, in one snapshot, what an idempotency key made before, or else whom to ask.
func (s *Service) lookUp(ctx context.Context, r Request) (old *Created, u user.User, ids []protocol.DeviceID, err error) {
	err = s.Store.View(ctx, func(tx Tx) (err error) {
		if old, err = s.replayed(tx, r); err == nil && old == nil {
			u, ids, err = s.recipients(tx, r)
		}
		return err
	})
	return old, u, ids, err
}

// recipients finds the user and the active devices that meet the requirements.
func (s *Service) recipients(tx Tx, r Request) (u user.User, ids []protocol.DeviceID, err error) {
	var active []device.Approver
	if u, err = tx.UserByRef(r.Application.Tenant, r.UserRef); err == nil {
		active, err = tx.Approvers(u.Tenant, u.ID)
	}
	for _, d := range active {
		if d.Approval.Meets(r.Requirements.KeyLevel) {
			ids = append(ids, d.ID)
		}
	}
	switch {
	case errors.Is(err, txn.ErrNotFound), err == nil && len(active) == 0 && !u.Disabled:
		return u, nil, fault.New(fault.UserHasNoDevice, "")
	case err != nil:
		return u, nil, fmt.Errorf("find the user's devices: %w", err)
	case u.Disabled:
		return u, nil, fault.New(fault.UserDisabled, "")
	case len(ids) == 0:
		return u, nil, fault.New(fault.RequirementNotMet, "None of the user's devices has a key of the required, proven level.")
	}
	return u, ids, nil
}

// build draws the number and signs the challenge.
func (s *Service) build(ctx context.Context, r Request, u user.User, recipients []protocol.DeviceID) (Created, error) {
	ring, err := s.Tenants.Ring(ctx, u.Tenant)
	if err != nil {
		return Created{}, err
	}
	now := s.Now()
	id := protocol.NewID[protocol.ChallengeID]()
	number, err := draw(r.Mode, r.Digits, id)
	if err != nil {
		return Created{}, err
	}
	signed := &protocol.Challenge{Issuer: s.Issuer, Tenant: u.Tenant, Audience: recipients, ID: id, Nonce: protocol.RandomText(16),
		IssuedAt: protocol.At(now), ExpiresAt: protocol.At(now.Add(r.Lifetime)), User: protocol.ChallengeUser{Ref: u.Ref, Name: u.Name},
		Application: protocol.ChallengeApplication{ID: r.Application.ID, Name: r.Application.Name}, Action: r.Action, Context: r.Context, Details: r.Details,
		Match: number.match, Requirements: r.Requirements, TransactionHash: protocol.TokenHash(r.Transaction)}
	raw, err := protocol.Sign(ring.Signer, signed)
	if err != nil {
		return Created{}, refusedBy(err)
	}
	browser := tenant.NewSecret(BrowserPrefix)
	c := Challenge{Tenant: u.Tenant, ID: id, Application: r.Application.ID, User: u.ID, UserRef: u.Ref, Session: r.Session, Transaction: r.Transaction,
		Kind: r.Action.Kind, Status: protocol.StatusPending, JWS: raw, Hash: protocol.Hash(raw), Match: number.match, Needs: r.Requirements,
		Recipients: recipients, BrowserHash: tenant.HashSecret(string(browser)), CreatedAt: now, ExpiresAt: signed.ExpiresAt.Time()}
	if r.Mode.Checked() {
		c.SaltSealed = s.Sealer.Seal(sealSalt, number.salt, string(c.Tenant), string(id))
	}
	return Created{Challenge: c, Number: number.number, Browser: browser}, nil
}

// aftermath is what is to be told after the commit.
type aftermath struct {
	superseded []Challenge
	queued     bool // wake-ups wait in the outbox
}

// store writes the challenge with everything that depends on it in one transaction.
func (s *Service) store(ctx context.Context, r Request, u user.User, made Created) (after aftermath, err error) {
	c := made.Challenge
	now := c.CreatedAt
	err = s.Store.Update(ctx, func(tx Tx) error {
		after = aftermath{}
		fresh, err := tx.User(u.Tenant, u.ID)
		if err != nil {
			return fmt.Errorf("read the user: %w", err)
		}
		if err := user.Authorize(tx, fresh, user.PhaseCreate, user.ClassSigned, now); err != nil {
			return err
		}
		recent, err := tx.Recent(u.Tenant, u.ID, now, now.Add(-DenyCoolDown))
		if err != nil {
			return fmt.Errorf("read the user's challenges: %w", err)
		}
		if after.superseded, err = s.supersede(tx, r, recent, now); err != nil {
			return err
		}
		if err := tx.InsertChallenge(c); err != nil {
			return fmt.Errorf("store the challenge: %w", err)
		}
		if after.queued, err = ring(tx, c); err != nil {
			return err
		}
		err = replay.Keep(tx, s.Sealer, r.Idempotency, c.Tenant, string(c.ID), secrets{Number: made.Number, Browser: string(made.Browser)}, now, c.ExpiresAt)
		if err != nil {
			return err
		}
		return tx.AppendAudit(c.event(audit.ChallengeCreated, r.Actor, now, c.Kind))
	})
	return after, err
}

// supersede ends the pending challenges of the same application and session, and counts the others.
func (s *Service) supersede(tx Tx, r Request, recent []Brief, now time.Time) ([]Challenge, error) {
	var ended []Challenge
	pending := 0
	next := time.Duration(0)
	for _, b := range recent {
		sameSession := b.Application == r.Application.ID && r.Session != "" && b.Session == r.Session
		switch {
		case b.Status == protocol.StatusDenied && b.Application == r.Application.ID && b.Transaction == r.Transaction:
			return nil, fault.Later(fault.DeniedRecently, "", b.DecidedAt.Add(DenyCoolDown).Sub(now))
		case b.Status != protocol.StatusPending:
		case !sameSession && b.Application == r.Application.ID && b.Transaction == r.Transaction:
			return nil, fault.New(fault.TransactionInUse, "") // two approvals of one attempt would both be genuine (T25)
		case sameSession:
			c, err := tx.Challenge(r.Application.Tenant, b.ID)
			if err != nil {
				return nil, fmt.Errorf("read the superseded challenge: %w", err)
			}
			won, err := tx.FinishChallenge(Final{Tenant: c.Tenant, ID: c.ID, Status: protocol.StatusSuperseded, At: now})
			if err != nil {
				return nil, fmt.Errorf("supersede a challenge: %w", err)
			}
			if won {
				c.Status, c.DecidedAt = protocol.StatusSuperseded, now
				ended = append(ended, c)
				if err := tx.AppendAudit(c.event(audit.ChallengeSuperseded, r.Actor, now, "")); err != nil {
					return nil, err
				}
			}
		default:
			pending++
			if left := b.ExpiresAt.Sub(now); next == 0 || left < next {
				next = left
			}
		}
	}
	if pending >= MaxPending {
		return nil, fault.Later(fault.TooManyPending, "", next)
	}
	return ended, nil
}

// wake hands the challenge to open streams at once, then lets the outbox send.
func (s *Service) wake(ctx context.Context, c Challenge, after aftermath) {
	for _, old := range after.superseded {
		s.announce(ctx, old)
	}
	for _, d := range c.Recipients {
		s.Bus.Publish(bus.Device(string(d)), bus.Event{Kind: "challenge", ID: string(c.ID), Data: c.JWS})
	}
	if after.queued && s.Queued != nil {
		s.Queued()
	}
}
