package problem

// Code names one kind of problem. It is what the app and integrators branch on.
type Code string

// Who may call.
const (
	// Unauthorized is the one answer to a missing, wrong or revoked API key or browser token.
	Unauthorized Code = "unauthorized"
	// DeviceUnauthorized is the one answer to a device before a valid signature of an active device.
	DeviceUnauthorized Code = "device_unauthorized"
	// UseDPoPNonce asks for the same request with the nonce of the DPoP-Nonce header (RFC 9449 section 8).
	UseDPoPNonce Code = "use_dpop_nonce"
	// ClockSkew means that the times in a message without a server nonce are too far from the server's clock.
	ClockSkew Code = "clock_skew"
	// ForbiddenScope means that the API key is valid and lacks the scope of this operation.
	ForbiddenScope Code = "forbidden_scope"
	// NotFound covers unknown, malformed and foreign identifiers alike.
	NotFound Code = "not_found"
)

// What was sent.
const (
	// MethodNotAllowed means that the path exists and not with this method.
	MethodNotAllowed Code = "method_not_allowed"
	// UnsupportedMediaType means that the Content-Type is not the one this operation takes.
	UnsupportedMediaType Code = "unsupported_media_type"
	// NotAcceptable means that the Accept header excludes everything this operation can send.
	NotAcceptable Code = "not_acceptable"
	// BodyTooLarge means that the body is over the cap, which is checked before parsing.
	BodyTooLarge Code = "body_too_large"
	// MalformedRequest means that the body is not JSON, or not a compact JWS, at all.
	MalformedRequest Code = "malformed_request"
	// ValidationFailed means that a member or parameter is missing, unknown or outside its limits; see Problem.Errors.
	ValidationFailed Code = "validation_failed"
	// IdempotencyKeyReused means that the key was used before with another body.
	IdempotencyKeyReused Code = "idempotency_key_reused"
	// IdempotencyInProgress means that the first request with this key has not been answered yet.
	IdempotencyInProgress Code = "idempotency_in_progress"
	// SignatureInvalid means that an inner signature, such as the proof of a new key, does not verify.
	SignatureInvalid Code = "signature_invalid"
	// Replayed means that a message meant to be used once was used before.
	Replayed Code = "replayed"
)

// Enrollment and devices.
const (
	// InvitationInvalid is the one answer to an unknown, used or expired invitation.
	InvitationInvalid Code = "invitation_invalid"
	// ConfirmCodeWrong means that the confirm code was wrong; the enrollment has failed.
	ConfirmCodeWrong Code = "confirm_code_wrong"
	// ConfirmNotPossible means that no device has registered with the invitation yet.
	ConfirmNotPossible Code = "confirm_not_possible"
	// EnrollmentNotPending means that the enrollment has already ended or is already confirmed.
	EnrollmentNotPending Code = "enrollment_not_pending"
	// DeviceLimit means that the user has as many devices as the tenant allows.
	DeviceLimit Code = "device_limit"
	// DeviceInactive means that the device is known and is unconfirmed or suspended.
	DeviceInactive Code = "device_inactive"
	// KeyAlreadyKnown means that a key was registered before, here or elsewhere; every account needs fresh keys.
	KeyAlreadyKnown Code = "key_already_known"
	// KeyLevelTooLow means that a key lives in a weaker place than policy or the key it replaces demands.
	KeyLevelTooLow Code = "key_level_too_low"
)

// Users and challenges.
const (
	// UserLocked means that failures have locked the user until an operator unlocks. A lock that ends is LockedOut.
	UserLocked Code = "user_locked"
	// UserDisabled means that the user may not enroll, be challenged or approve.
	UserDisabled Code = "user_disabled"
	// UserHasNoDevice means that the user has no active device that could answer.
	UserHasNoDevice Code = "user_has_no_device"
	// TransactionInUse means that a challenge with this transaction exists already.
	TransactionInUse Code = "transaction_in_use"
	// TooManyPending means that the user has as many pending challenges as may coexist.
	TooManyPending Code = "too_many_pending"
	// DeniedRecently means that the user denied this transaction moments ago.
	DeniedRecently Code = "denied_recently"
	// ResultWithheld means that the challenge is final and its result may not be used.
	ResultWithheld Code = "result_withheld"
)

// Decisions.
const (
	// ChallengeAlreadyDecided means that another decision, or a cancel, came first.
	ChallengeAlreadyDecided Code = "challenge_already_decided"
	// ChallengeExpired means that the decision came after the challenge's end.
	ChallengeExpired Code = "challenge_expired"
	// ChallengeHashMismatch means that the decision was signed over another challenge than the one asked.
	ChallengeHashMismatch Code = "challenge_hash_mismatch"
	// RequirementNotMet means that the right key, user verification or key level is missing.
	RequirementNotMet Code = "requirement_not_met"
	// CounterRegressed means that the device's counter went back; the device may have been copied.
	CounterRegressed Code = "counter_regressed"
	// NumberWrong means that the number was wrong; the challenge has failed.
	NumberWrong Code = "number_wrong"
	// LockedOut means that too many wrong answers have locked approving for a while; see Retry-After.
	LockedOut Code = "locked_out"
)

// The server's own state.
const (
	// RateLimited means that a quota is used up; see Retry-After.
	RateLimited Code = "rate_limited"
	// ServerShuttingDown means that this node is stopping; another one, or the next, will answer.
	ServerShuttingDown Code = "server_shutting_down"
	// DatabaseBusy means that the database did not take the request in time; nothing was changed.
	DatabaseBusy Code = "database_busy"
	// StorageFull means that the server cannot write; nothing was changed.
	StorageFull Code = "storage_full"
	// Internal means a fault of the server. The request id finds it in the server's log.
	Internal Code = "internal"
)
