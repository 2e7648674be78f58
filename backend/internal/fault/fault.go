// Package fault owns the one typed error of the server: a stable code, a text that is safe to show, and a private cause.
//
// Domain packages return it; the HTTP edge turns the code into a problem document (shared/problem) and logs the
// cause once. Codes are the strings of the problem registry. Standard library only.
package fault

import (
	"errors"
	"time"
)

// Code is a code of the problem registry, such as "not_found".
type Code string

// The codes that domain packages use.
const (
	NotFound             Code = "not_found"
	ValidationFailed     Code = "validation_failed"
	Unauthorized         Code = "unauthorized"
	DeviceUnauthorized   Code = "device_unauthorized"
	UseNonce             Code = "use_dpop_nonce"
	ClockSkew            Code = "clock_skew"
	InvitationInvalid    Code = "invitation_invalid"
	ConfirmCodeWrong     Code = "confirm_code_wrong"
	ConfirmNotPossible   Code = "confirm_not_possible"
	EnrollmentNotPending Code = "enrollment_not_pending"
	DeviceLimit          Code = "device_limit"
	DeviceInactive       Code = "device_inactive"
	UserDisabled         Code = "user_disabled"
	UserLocked           Code = "user_locked"
	UserHasNoDevice      Code = "user_has_no_device"
	LockedOut            Code = "locked_out"
	AlreadyDecided       Code = "challenge_already_decided"
	ChallengeExpired     Code = "challenge_expired"
	HashMismatch         Code = "challenge_hash_mismatch"
	RequirementNotMet    Code = "requirement_not_met"
	CounterRegressed     Code = "counter_regressed"
	NumberWrong          Code = "number_wrong"
	TransactionInUse     Code = "transaction_in_use"
	TooManyPending       Code = "too_many_pending"
	DeniedRecently       Code = "denied_recently"
	ResultWithheld       Code = "result_withheld"
	KeyAlreadyKnown      Code = "key_already_known"
	KeyLevelTooLow       Code = "key_level_too_low"
	Replayed             Code = "replayed"
	IdempotencyReused    Code = "idempotency_key_reused"
	DatabaseBusy         Code = "database_busy"
	StorageFull          Code = "storage_full"
	ServerShuttingDown   Code = "server_shutting_down"
	Internal             Code = "internal"
	MalformedRequest     Code = "malformed_request"
	SignatureInvalid     Code = "signature_invalid"
	RateLimited          Code = "rate_limited"
)

// Error carries a code to the edge.
type Error struct {
	Code       Code
	Detail     string        // safe to show; empty: the registry's own text
	Member     string        // the request member at fault, for ValidationFailed; may be empty
	RetryAfter time.Duration // when trying again makes sense; 0: not said
	Status     string        // AlreadyDecided: the winning status
	Cause      error         // private: logged, never shown
}

// Error implements error; the cause is part of the text, so it belongs in logs only.
func (e *Error) Error() string {
	s := string(e.Code)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is makes errors.Is(err, fault.New(code, "")) compare codes.
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Code == e.Code && t.Cause == nil
}

// New makes an error with a text that is safe to show.
func New(code Code, detail string) *Error { return &Error{Code: code, Detail: detail} }

// Wrap makes an error with a private cause.
func Wrap(code Code, cause error) *Error { return &Error{Code: code, Cause: cause} }

// Later makes an error that says when to try again.
func Later(code Code, detail string, after time.Duration) *Error {
	return &Error{Code: code, Detail: detail, RetryAfter: after}
}

// CodeOf returns the code of err, [Internal] when it has none and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}
