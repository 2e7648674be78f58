package challenge

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

// Decide records a device's signed decision and returns the challenge afterwards.
//
// Exactly one decision wins. Bytes identical to the stored decision return its outcome again; anything else on a final
// challenge is challenge_already_decided with the winning status, or challenge_expired. A wrong number ends the challenge and
// is number_wrong. Deny and report skip lock-out, user verification and number. A report is taken for a day also
// on a final challenge. Every refusal after a valid signature is audited. It is safe for concurrent use on any number of nodes.
func (s *Service) Decide(ctx context.Context, id protocol.ChallengeID, raw string) (Challenge, error) {
	d, kid, err := s.Devices.ByKey(ctx, raw, protocol.TypeDecision)
	if err != nil {
		return Challenge{}, err
	}
	role := d.Role(kid)
	in, err := protocol.VerifyDecision(raw, protocol.One(d.Credential(role).JWK))
	if errors.Is(err, &protocol.Error{Code: protocol.CodeSignature}) {
		return Challenge{}, fault.New(fault.DeviceUnauthorized, "")
	}
	if err != nil {
		return Challenge{}, refusedBy(err)
	}
	if in.Issuer != d.ID || in.Audience != s.Issuer || in.Tenant != d.Tenant {
		return Challenge{}, fault.New(fault.DeviceUnauthorized, "")
	}
	if in.Challenge != id {
		return Challenge{}, &fault.Error{Code: fault.ValidationFailed, Member: "challenge_id", Detail: "differs from the path"}
	}
	a := attempt{s: s, in: in, raw: raw, kid: kid, now: s.Now()}
	err = s.Store.Update(ctx, func(tx Tx) error {
		a.c, a.refusal, a.changed = Challenge{}, nil, false
		return a.run(tx, d)
	})
	if err != nil {
		return Challenge{}, err
	}
	if a.changed {
		if a.c.Status == protocol.StatusApproved {
			s.creates.Forget(a.c.User)
		}
		s.announce(ctx, a.c)
	}
	return a.c, a.refusal
}

// attempt is one decision on its way through the checks. What it refuses is committed too: failures and events.
type attempt struct {
	s       *Service
	in      *protocol.Decision
	raw     string
	kid     protocol.Thumbprint
	now     time.Time
	d       device.Device
	role    protocol.KeyRole
	c       Challenge
	refusal error
	changed bool
}

// refuse ends the attempt with an error and keeps what the transaction wrote.
func (a *attempt) refuse(tx Tx, err error, detail string) error {
	a.refusal = err
	if detail == "" {
		return nil
	}
	if a.s.Devices.Spend(a.d.ID) != nil { // enough of them are on record
		return nil
	}
	return tx.AppendAudit(a.event(audit.DecisionRefused, detail))
}

func (a *attempt) event(t audit.Type, detail string) audit.Event {
	return audit.Event{Tenant: a.d.Tenant, At: a.now, Type: t, Actor: string(a.d.ID), User: a.d.User, Device: a.d.ID,
		Application: a.c.Application, Subject: string(a.in.Challenge), Detail: detail}
}

// run makes the checks in the order of docs/protocol.md; each fails closed.
func (a *attempt) run(tx Tx, seen device.Device) error {
	var err error
	if a.d, err = tx.Device(seen.Tenant, seen.ID); err != nil {
		return fmt.Errorf("read the device: %w", err)
	}
	if a.role = a.d.Role(a.kid); a.role == "" || a.d.Status == device.StatusRevoked {
		return fault.New(fault.DeviceUnauthorized, "")
	}
	if a.d.Status != device.StatusActive {
		return fault.New(fault.DeviceInactive, "")
	}
	if a.c, err = tx.Challenge(a.d.Tenant, a.in.Challenge); errors.Is(err, txn.ErrNotFound) || err == nil && !contains(a.c.Recipients, a.d.ID) {
		return fault.New(fault.NotFound, "")
	} else if err != nil {
		return fmt.Errorf("read the challenge: %w", err)
	}
	if a.c.Decision == a.raw || a.c.Report == a.raw {
		a.refusal = a.repeated()
		return nil
	}
	u, err := tx.User(a.d.Tenant, a.d.User)
	if err != nil {
		return fmt.Errorf("read the user: %w", err)
	}
	if a.in.Answer == protocol.Approve {
		if err := user.Authorize(tx, u, user.PhaseDecision, user.ClassSigned, a.now); err != nil {
			return a.refuse(tx, err, string(fault.CodeOf(err)))
		}
	}
	if a.in.Answer == protocol.Report && !a.c.pendingAt(a.now) {
		if err := a.expire(tx); err != nil {
			return err
		}
		return a.lateReport(tx)
	}
	return a.answer(tx, u)
}

// expire ends a challenge whose time is over before the sweep saw it, so that a late report is never answered with pending.
func (a *attempt) expire(tx Tx) error {
	if a.c.Status != protocol.StatusPending {
		return nil
	}
	won, err := tx.FinishChallenge(Final{Tenant: a.c.Tenant, ID: a.c.ID, Status: protocol.StatusExpired, At: a.now, Overdue: true})
	if err != nil || !won {
		return err
	}
	a.c.Status, a.c.DecidedAt, a.changed = protocol.StatusExpired, a.now, true
	return tx.AppendAudit(a.c.event(audit.ChallengeExpired, "server", a.now, ""))
}

// repeated is the outcome of bytes that were stored before.
func (a *attempt) repeated() error {
	if a.c.Status == protocol.StatusFailed {
		return fault.New(fault.NumberWrong, "")
	}
	return nil
}

func (a *attempt) answer(tx Tx, u user.User) error {
	if !a.c.pendingAt(a.now) {
		return a.refuse(tx, a.closed(), "not_pending")
	}
	if subtle.ConstantTimeCompare([]byte(a.in.ChallengeHash), []byte(a.c.Hash)) != 1 {
		return a.refuse(tx, fault.New(fault.HashMismatch, ""), "challenge_hash")
	}
	if err := a.checkRequirements(); err != nil {
		return a.refuse(tx, err, "requirement")
	}
	next, ok := a.d.Counter.Advance(a.in.Counter)
	if !ok && a.in.Answer == protocol.Approve {
		a.refusal = fault.New(fault.CounterRegressed, "")
		if a.s.Devices.Spend(a.d.ID) != nil {
			return nil
		}
		return tx.AppendAudit(a.event(audit.DeviceClone, "counter"))
	}
	if err := tx.SaveCounter(a.d.Tenant, a.d.ID, next); err != nil {
		return fmt.Errorf("store the counter: %w", err)
	}
	switch a.in.Answer {
	case protocol.Approve:
		return a.approve(tx, u)
	case protocol.Deny:
		return a.finish(tx, protocol.StatusDenied, orDefault(a.in.Reason, "wrong_request"))
	case protocol.Report:
		return a.finish(tx, protocol.StatusReported, orDefault(a.in.Reason, "not_me"))
	}
	return fault.New(fault.ValidationFailed, "") // can't happen: the message was validated
}

func orDefault(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// closed says why a challenge can't be decided any more.
func (a *attempt) closed() error {
	if a.c.Status == protocol.StatusPending || a.c.Status == protocol.StatusExpired {
		return &fault.Error{Code: fault.ChallengeExpired, Status: string(protocol.StatusExpired)}
	}
	return &fault.Error{Code: fault.AlreadyDecided, Status: string(a.c.Status)}
}

// checkRequirements holds the decision against key role, user verification and level. A key's role is the record's.
func (a *attempt) checkRequirements() error {
	if a.in.Answer != protocol.Approve {
		if a.role != protocol.RoleDevice {
			return fault.New(fault.RequirementNotMet, "Deny and report are signed by the device key.")
		}
		return nil
	}
	switch {
	case a.role != protocol.RoleApproval:
		return fault.New(fault.RequirementNotMet, "Approve is signed by the approval key.")
	case a.c.Needs.UserVerification && a.in.UserVerification == "":
		return fault.New(fault.RequirementNotMet, "This request needs user verification.")
	case !a.d.Approval.Meets(a.c.Needs.KeyLevel):
		return fault.New(fault.RequirementNotMet, "This request needs a key of a higher, proven level.")
	case !a.c.Match.Mode.Checked() && a.in.Number != "":
		return fault.New(fault.RequirementNotMet, "This request has no number.")
	}
	return nil
}

// approve compares the number under the lock-out, then decides.
func (a *attempt) approve(tx Tx, u user.User) error {
	if !a.c.Match.Mode.Checked() {
		return a.finish(tx, protocol.StatusApproved, "")
	}
	salt, err := a.s.salt(a.c)
	if err != nil {
		return err
	}
	right, l, err := user.Guess(tx, u, user.ClassSigned, a.now, func() bool { return a.c.Match.Opens(salt, a.c.ID, a.in.Number) })
	if err != nil {
		return a.refuse(tx, err, string(fault.CodeOf(err)))
	}
	if right {
		return a.finish(tx, protocol.StatusApproved, "")
	}
	if err := user.NoteLocked(tx, u, l, a.now); err != nil {
		return err
	}
	if err := a.finish(tx, protocol.StatusFailed, "number_wrong"); err != nil {
		return err
	}
	a.refusal = fault.New(fault.NumberWrong, "")
	return nil
}

// finish is the one conditional update; a decision that comes second leaves no trace but an event.
func (a *attempt) finish(tx Tx, status protocol.Status, reason string) error {
	level, proven := a.d.Credential(a.role).Level()
	signer := &Signer{Device: a.d.ID, Name: a.d.Info.Name, Platform: a.d.Info.Platform, JWK: a.d.Credential(a.role).JWK, Level: level, Proven: proven,
		UserVerification: a.in.UserVerification}
	won, err := tx.FinishChallenge(Final{Tenant: a.c.Tenant, ID: a.c.ID, Status: status, Reason: reason, At: a.now, Decision: a.raw, Signer: signer})
	if err != nil {
		return fmt.Errorf("store the decision: %w", err)
	}
	if !won { // another transaction was faster: roll everything of this one back
		return &fault.Error{Code: fault.AlreadyDecided}
	}
	a.c.Status, a.c.Reason, a.c.DecidedAt, a.c.Decision, a.c.Signer = status, reason, a.now, a.raw, signer
	a.changed = true
	return tx.AppendAudit(a.c.event(eventOf[status], string(a.d.ID), a.now, reason))
}

// lateReport takes "it was not me" within a day of the challenge, also when it is final: the status stands, results are withheld.
func (a *attempt) lateReport(tx Tx) error {
	if subtle.ConstantTimeCompare([]byte(a.in.ChallengeHash), []byte(a.c.Hash)) != 1 {
		return a.refuse(tx, fault.New(fault.HashMismatch, ""), "challenge_hash")
	}
	if a.role != protocol.RoleDevice {
		return a.refuse(tx, fault.New(fault.RequirementNotMet, "Deny and report are signed by the device key."), "requirement")
	}
	if a.now.After(a.c.CreatedAt.Add(protocol.ReportWindow)) {
		return a.refuse(tx, a.closed(), "report_too_late")
	}
	if a.c.Reported() {
		return nil
	}
	next, _ := a.d.Counter.Advance(a.in.Counter)
	if err := tx.SaveCounter(a.d.Tenant, a.d.ID, next); err != nil {
		return fmt.Errorf("store the counter: %w", err)
	}
	saved, err := tx.SaveReport(a.c.Tenant, a.c.ID, a.raw, a.now)
	if err != nil || !saved {
		return err
	}
	a.c.ReportedAt, a.c.Report = a.now, a.raw
	return tx.AppendAudit(a.event(audit.ChallengeReported, "late"))
}
