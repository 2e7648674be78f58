package challenge

import (
	"context"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/replay"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

// Challenge is one request for approval as it is stored.
type Challenge struct {
	Tenant      protocol.TenantID
	ID          protocol.ChallengeID
	Application protocol.ApplicationID
	User        protocol.UserID
	UserRef     string
	Session     string // of the application; may be empty
	Transaction string // of the application
	Kind        string // of the action
	Status      protocol.Status
	Reason      string // of the final status; may be empty
	JWS         string // signed once
	Hash        string // protocol.Hash(JWS)
	Match       protocol.Match
	SaltSealed  []byte // enter, choose
	Needs       protocol.Requirements
	Recipients  []protocol.DeviceID
	BrowserHash string // of the browser token
	CreatedAt   time.Time
	ExpiresAt   time.Time

	DecidedAt  time.Time
	Decision   string  // the device's JWS, exactly as received
	Signer     *Signer // who decided; nil without a decision
	ReportedAt time.Time
	Report     string // a report's JWS that came after a final status
}

// Signer is the device and key that decided, as they were then.
type Signer struct {
	Device           protocol.DeviceID `json:"device"`
	Name             string            `json:"name"`
	Platform         string            `json:"platform"`
	JWK              protocol.JWK      `json:"jwk"`
	Level            protocol.KeyLevel `json:"level"`
	Proven           bool              `json:"proven"`
	UserVerification string            `json:"user_verification,omitempty"`
}

// Reported tells whether the person said "it was not me", at the time or within a day.
func (c Challenge) Reported() bool {
	return c.Status == protocol.StatusReported || !c.ReportedAt.IsZero()
}

// pendingAt tells whether the challenge can still be decided at now.
func (c Challenge) pendingAt(now time.Time) bool {
	return c.Status == protocol.StatusPending && now.Before(c.ExpiresAt)
}

// Final is the one change that a challenge takes.
type Final struct {
	Tenant   protocol.TenantID
	ID       protocol.ChallengeID
	Status   protocol.Status
	Reason   string
	At       time.Time
	Decision string  // may be empty
	Signer   *Signer // with Decision
	Overdue  bool    // expired: the condition is that the time is over, not that it is not
}

// Tx is what this package needs of a transaction.
type Tx interface {
	user.Tx
	device.Reader
	replay.Tx
	Outbox
	InsertChallenge(Challenge) error
	Challenge(protocol.TenantID, protocol.ChallengeID) (Challenge, error)
	// Recent lists a user's challenges that are pending at now, or were decided since.
	Recent(tenant protocol.TenantID, user protocol.UserID, now, since time.Time) ([]Brief, error)
	// FinishChallenge is the one conditional update: it stores f if the challenge is pending and not over (or over, for
	// Overdue), and tells whether it did.
	FinishChallenge(f Final) (bool, error)
	// SaveReport stores a report that came after a final status, once.
	SaveReport(tenant protocol.TenantID, id protocol.ChallengeID, raw string, at time.Time) (bool, error)
	// ChallengeByBrowser finds, in any tenant, the challenge with this id if the hash of its browser token is this one.
	ChallengeByBrowser(id protocol.ChallengeID, hash string) (Challenge, error)
	// Application reads the application of a challenge.
	Application(protocol.TenantID, protocol.ApplicationID) (tenant.Application, error)
	SaveCounter(protocol.TenantID, protocol.DeviceID, device.Counter) error
	Due
}

// Due lists what the sweeper has to end.
type Due interface {
	// Overdue lists pending challenges whose time is over.
	Overdue(now time.Time, limit int) ([]Challenge, error)
}

// Brief is the part of a challenge that create looks at.
type Brief struct {
	ID          protocol.ChallengeID
	Application protocol.ApplicationID
	Session     string
	Transaction string
	Status      protocol.Status
	ExpiresAt   time.Time
	DecidedAt   time.Time
	Recipients  []protocol.DeviceID
}

// Observer hears of final statuses after their commit. A call may be lost when the process ends.
type Observer func(ctx context.Context, c Challenge)

func (c Challenge) event(t audit.Type, actor string, at time.Time, detail string) audit.Event {
	e := audit.Event{Tenant: c.Tenant, At: at, Type: t, Actor: actor, User: c.User, Application: c.Application, Subject: string(c.ID), Detail: detail}
	if c.Signer != nil {
		e.Device = c.Signer.Device
	}
	return e
}

var eventOf = map[protocol.Status]audit.Type{
	protocol.StatusApproved: audit.ChallengeApproved, protocol.StatusDenied: audit.ChallengeDenied, protocol.StatusReported: audit.ChallengeReported,
	protocol.StatusExpired: audit.ChallengeExpired, protocol.StatusCanceled: audit.ChallengeCanceled, protocol.StatusSuperseded: audit.ChallengeSuperseded,
	protocol.StatusFailed: audit.ChallengeFailed,
}

// CanceledEvent is the audit event of a challenge that a change of the user's factors canceled.
func CanceledEvent(tn protocol.TenantID, id protocol.UserID, b Brief, now time.Time, reason string) audit.Event {
	return audit.Event{Tenant: tn, At: now, Type: audit.ChallengeCanceled, Actor: "server", User: id, Application: b.Application, Subject: string(b.ID), Detail: reason}
}
