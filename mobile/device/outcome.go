package device

import (
	"time"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// DecideParams is an answer to one challenge.
type DecideParams struct {
	Account   AccountID
	Challenge protocol.ChallengeID
	// Answer is approve, deny or report. Report is also possible on an [Entry] that is Reportable.
	Answer protocol.Answer
	// Number is what was typed or picked; approve of a challenge in mode enter or choose.
	Number string
	// Verification holds the PIN, or the reason for the platform's prompt; approve only. The caller wipes the PIN.
	Verification keystore.Verification
	// WrongRequest marks a deny as "wrong request" rather than a plain no.
	WrongRequest bool
}

// OutcomeKind says how an answer ended.
type OutcomeKind string

// The outcomes.
const (
	OutcomeApproved OutcomeKind = "approved"
	OutcomeDenied   OutcomeKind = "denied"
	OutcomeReported OutcomeKind = "reported"
	// OutcomeNumberWrong: the request has failed; the person starts again in the browser.
	OutcomeNumberWrong OutcomeKind = "number_wrong"
	// OutcomeExpired: too late.
	OutcomeExpired OutcomeKind = "expired"
	// OutcomeDecidedElsewhere: another device was first. Outcome.Status has the result if known.
	OutcomeDecidedElsewhere OutcomeKind = "decided_elsewhere"
	// OutcomeSuperseded: the application asked anew; the newer request stands.
	OutcomeSuperseded OutcomeKind = "superseded"
	// OutcomeCanceled: the application took the request back.
	OutcomeCanceled OutcomeKind = "canceled"
	// OutcomeNeedsPIN: no PIN was given. Nothing was sent, no try used.
	OutcomeNeedsPIN OutcomeKind = "needs_pin"
	// OutcomeWrongPIN: nothing was sent; Outcome.TriesLeft says how often one may try.
	OutcomeWrongPIN OutcomeKind = "wrong_pin"
	// OutcomeLockedOut: approving is locked until Outcome.Until (zero: until somebody unlocks it), by the key
	// store after wrong PINs (Code is "") or by the server after wrong numbers. Deny and report still work.
	OutcomeLockedOut OutcomeKind = "locked_out"
	// OutcomeUnverified: the person closed the platform's prompt. Nothing was sent.
	OutcomeUnverified OutcomeKind = "unverified"
	// OutcomeOffline: the answer is signed and kept, and is sent again by itself until the challenge ends.
	OutcomeOffline OutcomeKind = "offline"
	// OutcomeRefused: the server refused for the reason in Outcome.Code.
	OutcomeRefused OutcomeKind = "refused"
)

// Outcome is how an answer ended.
type Outcome struct {
	Kind OutcomeKind
	// Status is the challenge's status as far as the server told it.
	Status protocol.Status
	// TriesLeft is with OutcomeWrongPIN; keystore.TriesUnknown if the store does not tell.
	TriesLeft int
	// Until is with OutcomeLockedOut, by this device's clock; zero if unknown.
	Until time.Time
	// Code is the server's problem code, if there was one.
	Code problem.Code
}

// Final tells whether the challenge needs no further answer from this device.
func (o Outcome) Final() bool {
	switch o.Kind {
	case OutcomeNeedsPIN, OutcomeWrongPIN, OutcomeLockedOut, OutcomeUnverified, OutcomeOffline, OutcomeRefused:
		return false
	default:
		return true
	}
}
