package challenge

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/nod-auth/nod/backend/internal/bus"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/ratelimit"
	"github.com/nod-auth/nod/backend/internal/seal"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

// Params are what a Service needs; all but Observers and Queued are required.
type Params struct {
	Store     txn.Store[Tx]
	Tenants   *tenant.Service
	Devices   *device.Service
	Sealer    *seal.Sealer
	Bus       *bus.Bus
	Issuer    string
	Now       func() time.Time
	Observers []Observer
	// Queued is told after a commit that queued wake-ups. It must not block.
	Queued func()
}

// Service runs challenges. It is safe for concurrent use on any number of nodes over one store.
type Service struct {
	Params
	creates *ratelimit.Limit[protocol.UserID]
}

// New checks the parameters.
func New(p Params) (*Service, error) {
	if p.Store == nil || p.Tenants == nil || p.Devices == nil || p.Sealer == nil || p.Bus == nil || p.Issuer == "" || p.Now == nil {
		return nil, errors.New("challenge: a parameter is missing")
	}
	return &Service{Params: p, creates: ratelimit.New[protocol.UserID](CreateBurst, createEvery)}, nil
}

// BrowserPrefix starts every browser token.
const BrowserPrefix = "nod_bt_"

const (
	sealSalt = "challenge-salt"
	// browserGrace is how long after its challenge's end a browser token still answers, so that a page sees the outcome.
	browserGrace = time.Minute
)

// Get returns a challenge of the caller's application; one whose time is over is expired first.
func (s *Service) Get(ctx context.Context, app tenant.Application, id protocol.ChallengeID) (Challenge, error) {
	var c Challenge
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		c, err = tx.Challenge(app.Tenant, id)
		return err
	})
	if errors.Is(err, txn.ErrNotFound) || err == nil && c.Application != app.ID {
		return Challenge{}, fault.New(fault.NotFound, "")
	}
	if err != nil {
		return Challenge{}, fmt.Errorf("read the challenge: %w", err)
	}
	return s.expireIfDue(ctx, c)
}

// Wait is Get that returns when the challenge is final, after max, or when ctx or the server ends; then with what stands.
func (s *Service) Wait(ctx context.Context, app tenant.Application, id protocol.ChallengeID, maxWait time.Duration) (Challenge, error) {
	if maxWait <= 0 {
		return s.Get(ctx, app, id)
	}
	sub := s.Bus.Subscribe(bus.Challenge(string(id)))
	defer sub.Close()
	deadline := time.NewTimer(maxWait)
	defer deadline.Stop()
	for {
		c, err := s.Get(ctx, app, id)
		if err != nil || c.Status.Final() {
			return c, err
		}
		over := time.NewTimer(max(0, c.ExpiresAt.Sub(s.Now())))
		select {
		case _, open := <-sub.C:
			over.Stop()
			if !open {
				return c, nil
			}
		case <-over.C:
		case <-deadline.C:
			over.Stop()
			return c, nil
		case <-ctx.Done():
			over.Stop()
			return c, ctx.Err()
		}
	}
}

// expireIfDue makes a pending challenge whose time is over expired.
func (s *Service) expireIfDue(ctx context.Context, c Challenge) (Challenge, error) {
	now := s.Now()
	if c.Status != protocol.StatusPending || now.Before(c.ExpiresAt) {
		return c, nil
	}
	return s.finish(ctx, c, Final{Tenant: c.Tenant, ID: c.ID, Status: protocol.StatusExpired, At: now, Overdue: true}, "server")
}

// finish stores a final status that no device signed. When another was faster, it returns what that one stored.
func (s *Service) finish(ctx context.Context, c Challenge, f Final, actor string) (Challenge, error) {
	won := false
	err := s.Store.Update(ctx, func(tx Tx) (err error) {
		if won, err = tx.FinishChallenge(f); err != nil {
			return err
		}
		if !won {
			c, err = tx.Challenge(c.Tenant, c.ID)
			return err
		}
		return tx.AppendAudit(c.event(eventOf[f.Status], actor, f.At, f.Reason))
	})
	if err != nil {
		return c, fmt.Errorf("finish the challenge: %w", err)
	}
	if won {
		c.Status, c.Reason, c.DecidedAt = f.Status, f.Reason, f.At
		s.announce(ctx, c)
	}
	return c, nil
}

// announce tells waiters, the devices and the observers that c is final. It runs after the commit and never fails.
func (s *Service) announce(ctx context.Context, c Challenge) {
	e := bus.Event{Kind: "closed", ID: string(c.ID), Status: string(c.Status)}
	s.Bus.Publish(bus.Challenge(string(c.ID)), e)
	for _, d := range c.Recipients {
		s.Bus.Publish(bus.Device(string(d)), e)
	}
	for _, o := range s.Observers {
		o(context.WithoutCancel(ctx), c)
	}
}

// Cancel ends a pending challenge of the caller's application. Canceling a final one changes nothing and returns it.
func (s *Service) Cancel(ctx context.Context, c tenant.Caller, id protocol.ChallengeID) (Challenge, error) {
	ch, err := s.Get(ctx, c.Application, id)
	if err != nil || ch.Status.Final() {
		return ch, err
	}
	return s.finish(ctx, ch, Final{Tenant: ch.Tenant, ID: id, Status: protocol.StatusCanceled, Reason: "by_application", At: s.Now()}, c.Key.ID)
}

// Sweep expires what is due; call it about every second.
func (s *Service) Sweep(ctx context.Context) error {
	const batch = 200
	for {
		var due []Challenge
		err := s.Store.View(ctx, func(tx Tx) (err error) {
			due, err = tx.Overdue(s.Now(), batch)
			return err
		})
		if err != nil {
			return fmt.Errorf("list overdue challenges: %w", err)
		}
		for _, c := range due {
			if _, err := s.expireIfDue(ctx, c); err != nil {
				return err
			}
		}
		if len(due) < batch {
			return nil
		}
	}
}

// Pending returns the compact JWS of the challenges that a device can answer now, oldest first.
func (s *Service) Pending(ctx context.Context, d device.Device) ([]string, error) {
	if d.Status != device.StatusActive {
		return nil, nil
	}
	now := s.Now()
	var out []string
	err := s.Store.View(ctx, func(tx Tx) error {
		recent, err := tx.Recent(d.Tenant, d.User, now, now)
		if err != nil {
			return err
		}
		for _, b := range recent {
			if b.Status != protocol.StatusPending || !contains(b.Recipients, d.ID) {
				continue
			}
			c, err := tx.Challenge(d.Tenant, b.ID)
			if err != nil {
				return err
			}
			out = append(out, c.JWS)
		}
		return nil
	})
	return out, err
}

// BrowserState is all that a browser token sees.
type BrowserState struct {
	ID        protocol.ChallengeID
	Status    string // pending, approved, closed
	ExpiresAt time.Time
}

// Browser returns the state of the one challenge that a browser token belongs to. A wrong token and an unknown challenge are one
// answer; the token ends a minute after its challenge.
func (s *Service) Browser(ctx context.Context, id protocol.ChallengeID, token string) (BrowserState, tenant.Application, error) {
	refused := fault.New(fault.Unauthorized, "")
	if !tenant.WellFormedSecret(BrowserPrefix, token) {
		return BrowserState{}, tenant.Application{}, refused
	}
	var c Challenge
	var app tenant.Application
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		if c, err = tx.ChallengeByBrowser(id, tenant.HashSecret(token)); err != nil {
			return err
		}
		app, err = tx.Application(c.Tenant, c.Application)
		return err
	})
	if errors.Is(err, txn.ErrNotFound) {
		return BrowserState{}, app, refused
	}
	if err != nil {
		return BrowserState{}, app, fmt.Errorf("read the challenge: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(c.ID), []byte(id)) != 1 || s.Now().After(c.ExpiresAt.Add(browserGrace)) {
		return BrowserState{}, app, refused
	}
	if c, err = s.expireIfDue(ctx, c); err != nil {
		return BrowserState{}, app, err
	}
	return BrowserState{ID: c.ID, Status: browserStatus(c), ExpiresAt: c.ExpiresAt}, app, nil
}

func browserStatus(c Challenge) string {
	switch {
	case c.Status == protocol.StatusPending:
		return "pending"
	case c.Status == protocol.StatusApproved && !c.Reported():
		return "approved"
	}
	return "closed"
}

func contains(ids []protocol.DeviceID, id protocol.DeviceID) bool {
	for _, d := range ids {
		if d == id {
			return true
		}
	}
	return false
}

// Result mints the signed result of a final challenge, for use at once. An approved one is withheld (result_withheld)
// when the account may not go on any more or the person reported it (T24).
func (s *Service) Result(ctx context.Context, c Challenge) (string, error) {
	if !c.Status.Final() {
		return "", nil
	}
	if !c.ReportedAt.IsZero() { // after a final status: the status stands, but nobody may build on it any more
		return "", fault.New(fault.ResultWithheld, "The user reported this request: it was not them.")
	}
	if c.Status == protocol.StatusApproved {
		if err := s.checkResult(ctx, c); err != nil {
			return "", err
		}
	}
	ring, err := s.Tenants.Ring(ctx, c.Tenant)
	if err != nil {
		return "", err
	}
	r, err := s.result(c)
	if err != nil {
		return "", err
	}
	raw, err := protocol.Sign(ring.Signer, r)
	if err != nil {
		return "", fmt.Errorf("sign the result: %w", err)
	}
	return raw, nil
}

func (s *Service) checkResult(ctx context.Context, c Challenge) error {
	return s.Store.View(ctx, func(tx Tx) error {
		u, err := tx.User(c.Tenant, c.User)
		if err != nil {
			return fmt.Errorf("read the user: %w", err)
		}
		if err := user.Authorize(tx, u, user.PhaseResult, user.ClassSigned, s.Now()); err != nil {
			var f *fault.Error
			if errors.As(err, &f) {
				return &fault.Error{Code: fault.ResultWithheld, Detail: "The user's account may not go on: " + string(f.Code) + ".", RetryAfter: f.RetryAfter}
			}
			return err
		}
		return nil
	})
}

func (s *Service) result(c Challenge) (*protocol.Result, error) {
	now := s.Now()
	r := &protocol.Result{Issuer: s.Issuer, Tenant: c.Tenant, Audience: c.Application, Subject: c.UserRef, ID: protocol.RandomText(16),
		IssuedAt: protocol.At(now), ExpiresAt: protocol.At(now.Add(protocol.ResultLifetime)), Challenge: c.ID, Status: c.Status, Reason: c.Reason,
		Transaction: c.Transaction, Evidence: protocol.Evidence{Challenge: c.JWS, Decision: c.Decision}}
	if c.Signer == nil {
		return r, nil
	}
	r.Device = &protocol.ResultDevice{ID: c.Signer.Device, Name: c.Signer.Name, Platform: c.Signer.Platform}
	r.Confirmation = &protocol.Confirmation{JWK: c.Signer.JWK}
	r.Level, r.Proven = c.Signer.Level, c.Signer.Proven
	if c.Status == protocol.StatusApproved {
		r.ACR = protocol.ACR(c.Match.Mode.Checked(), c.Signer.UserVerification != "")
		r.AMR = protocol.AMR(c.Signer.Level, c.Signer.Proven, c.Signer.UserVerification)
	}
	if c.Match.Mode.Checked() {
		salt, err := s.salt(c)
		if err != nil {
			return nil, err
		}
		r.Evidence.Salt = protocol.EncodeSalt(salt)
	}
	return r, nil
}

func (s *Service) salt(c Challenge) ([]byte, error) {
	salt, err := s.Sealer.Open(sealSalt, c.SaltSealed, string(c.Tenant), string(c.ID))
	if err != nil {
		return nil, fmt.Errorf("open the salt: %w", err)
	}
	return salt, nil
}
