package device

import (
	"crypto/tls"
	"errors"
	"time"

	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// sessionDiagnostics is guarded by Core.mu.
type sessionDiagnostics struct {
	lastContact   time.Time
	streamSince   time.Time // zero: no stream is open
	lastFailure   time.Time
	failure       error
	lastWakeUp    time.Time
	wakeUpChannel string
	refused       int
}

// Diagnostics is for the support page; it holds no secret.
type Diagnostics struct {
	AppVersion, Platform string
	// Running tells whether Run runs.
	Running  bool
	Accounts []AccountDiagnostics
}

// AccountDiagnostics is one account's part. Times are by this device's clock; zero means never.
type AccountDiagnostics struct {
	Account AccountID
	Status  AccountStatus
	Host    string
	// Reachable: the server has answered, and its newest answer is not "try later".
	Reachable bool
	// LastContact is the last answer of any kind.
	LastContact time.Time
	// StreamSince is when the present stream opened; zero if none is open.
	StreamSince time.Time
	// Failure is why the newest read or stream failed (a problem code, or "offline", "certificate",
	// "untrusted", "key_store", "other"), "" if it did not; LastFailure is when one failed last.
	LastFailure time.Time
	Failure     string
	// LastWakeUp and WakeUpChannel are of the newest push.
	LastWakeUp    time.Time
	WakeUpChannel string
	// ClockSkew is this device's clock minus the server's; ClockKnown tells whether it was measured.
	ClockSkew  time.Duration
	ClockKnown bool
	// Levels are the key stores' levels.
	Levels protocol.KeyLevels
	// KeysSequence is of the tenant's signing keys.
	KeysSequence uint64
	// Refused counts challenges that could not be trusted since the start and were not shown.
	Refused int
	// Unsent counts answers and key replacements whose outcome is not known.
	Unsent int
}

// Diagnostics tells how the accounts stand.
func (c *Core) Diagnostics() Diagnostics {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := Diagnostics{AppVersion: c.params.AppVersion, Platform: c.params.Platform, Running: c.running != nil}
	for _, a := range c.state.Accounts {
		s := c.sessions[a.ID]
		if s == nil {
			continue
		}
		d := AccountDiagnostics{
			Account: a.ID, Status: a.Status, Host: hostOf(a.Server), LastContact: s.diag.lastContact,
			Reachable:   !s.diag.lastContact.IsZero() && !errors.Is(s.diag.failure, ErrOffline),
			StreamSince: s.diag.streamSince, LastFailure: s.diag.lastFailure, Failure: failureName(s.diag.failure),
			LastWakeUp: s.diag.lastWakeUp, WakeUpChannel: s.diag.wakeUpChannel,
			ClockSkew: -s.clock.offset, ClockKnown: s.clock.known,
			Levels:  protocol.KeyLevels{Device: a.DeviceKey.Level, Approval: a.ApprovalKey.Level},
			Refused: s.diag.refused, Unsent: len(a.Decisions),
		}
		if a.Rotation != nil {
			d.Unsent++
		}
		if s.keys != nil {
			d.KeysSequence = s.keys.Sequence
		}
		out.Accounts = append(out.Accounts, d)
	}
	return out
}

func failureName(err error) string {
	switch code := problem.CodeOf(err); {
	case err == nil:
		return ""
	case code != "":
		return string(code)
	case errors.Is(err, ErrUntrusted):
		return "untrusted"
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return "certificate"
	case errors.Is(err, ErrOffline):
		return "offline"
	case errors.Is(err, ErrNoStore), isLocal(err):
		return "key_store"
	default:
		return "other"
	}
}

// noteStream notes that the stream opened or ended.
func (c *Core) noteStream(s *session, open bool) {
	c.mu.Lock()
	was := !s.diag.streamSince.IsZero()
	s.diag.streamSince = time.Time{}
	if open {
		s.diag.streamSince = c.now()
		s.diag.failure = nil
	}
	c.mu.Unlock()
	if was != open {
		c.feed.send(Event{Kind: EventConnection, Account: s.id})
	}
}

// noteFailure notes why a read failed; nil notes that it did not.
func (c *Core) noteFailure(s *session, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.diag.failure = err; err != nil {
		s.diag.lastFailure = c.now()
	}
}
