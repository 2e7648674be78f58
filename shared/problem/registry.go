package problem

// Entry is what the registry knows about a code.
type Entry struct {
	Code   Code
	Status int    // HTTP status
	Title  string // the same for every occurrence (RFC 9457 section 3.1.3)
	Detail string // default detail, safe to show
	Remedy string // what the developer or operator does about it
}

// Registry returns every entry, in the order of docs/errors.md. The slice is the caller's own.
func Registry() []Entry { return append([]Entry(nil), entries...) }

// Lookup returns the entry of a code.
func Lookup(c Code) (Entry, bool) {
	for _, e := range entries {
		if e.Code == c {
			return e, true
		}
	}
	return Entry{}, false
}

var entries = []Entry{
	{Unauthorized, 401, "Not authorized", "The credential is missing or not valid.",
		"Send the API key as `Authorization: Bearer nod_sk_...`. List the keys with `nodd key list`; a revoked key answers like an unknown one."},
	{DeviceUnauthorized, 401, "Device not authorized", "The device's signature is missing or not valid.",
		"The device is unknown or revoked, or signed with another key. The server's log says which, under the request id. Enroll the device again."},
	{UseDPoPNonce, 401, "Nonce required", "The proof needs the server's current nonce.",
		"Repeat the request with the nonce of the `DPoP-Nonce` header (RFC 9449 section 8). The device client does it by itself."},
	{ClockSkew, 422, "Clock is off", "The times in the message are too far from the server's clock.",
		"Take the offset from the `Date` header and sign again. If it comes from every device, the server's clock is wrong."},
	{ForbiddenScope, 403, "Scope missing", "This API key may not do that.",
		"Make a key with the scope that the operation names: `nodd key create --scope`."},
	{NotFound, 404, "Not found", "There is no such object.",
		"Check the identifier, and that the API key belongs to the tenant and application that made the object. Foreign objects answer like unknown ones."},

	{MethodNotAllowed, 405, "Method not allowed", "This address does not take this method.",
		"See the `Allow` header and docs/openapi.yaml."},
	{UnsupportedMediaType, 415, "Unsupported media type", "The Content-Type is not one that this operation takes.",
		"Send `application/json`; a device sends `application/jose`."},
	{NotAcceptable, 406, "Not acceptable", "Nothing that this operation can send is accepted.",
		"Leave out the Accept header, or accept `application/json` or `text/event-stream` as the operation says."},
	{BodyTooLarge, 413, "Body too large", "The body is over the limit of this operation.",
		"Send less. The limits are in docs/openapi.yaml."},
	{MalformedRequest, 400, "Malformed request", "The request cannot be parsed.",
		"The body is not JSON, or not a compact JWS. Look at the exact bytes that were sent."},
	{ValidationFailed, 400, "Validation failed", "The request does not match the API's description.",
		"Each item of `errors` names a member or parameter and what is wrong with it."},
	{IdempotencyKeyReused, 422, "Idempotency key reused", "This Idempotency-Key was used with another body.",
		"Use a new key for each new create, and the same key only to repeat the same one."},
	{IdempotencyInProgress, 409, "Request in progress", "The first request with this Idempotency-Key is not answered yet.",
		"Repeat it after a moment."},
	{SignatureInvalid, 422, "Signature not valid", "A signature inside the message does not verify.",
		"The proof of a new key must be made by that key, over the members that docs/protocol.md lists."},
	{Replayed, 409, "Already used", "This message was used before.",
		"Sign a new message with a new `jti` and a fresh nonce."},

	{InvitationInvalid, 410, "Invitation not valid", "The invitation is unknown, used or expired.",
		"Make a new invitation. Each works once and for a few minutes."},
	{ConfirmCodeWrong, 422, "Code wrong", "The code does not match. This enrollment has ended.",
		"Start a new enrollment. There is one try, so that a stolen invitation cannot be guessed through."},
	{ConfirmNotPossible, 409, "Nothing to confirm yet", "No device has used the invitation yet.",
		"Wait for the status `registered`, with `GET /v1/enrollments/{id}?wait=30`, then confirm."},
	{EnrollmentNotPending, 409, "Enrollment is over", "The enrollment has ended or is already confirmed.",
		"Read its status. Start a new one if a device is still to be added."},
	{DeviceLimit, 409, "Too many devices", "The user has as many devices as are allowed.",
		"Remove a device first, or raise the tenant's limit."},
	{DeviceInactive, 403, "Device not active", "The device is not confirmed, or is suspended.",
		"Confirm the enrollment with the code that the device shows."},
	{KeyAlreadyKnown, 409, "Key already known", "This key is registered already.",
		"Make fresh keys for every account and every enrollment."},
	{KeyLevelTooLow, 422, "Key level too low", "The key is not kept safely enough for this.",
		"Use a device with a stronger key store, or lower the policy. A claimed level without attestation counts as `software` where proof is demanded."},

	{UserLocked, 403, "User locked", "Too many wrong answers have locked the user until an operator unlocks.",
		"Find out who is guessing, then `nodd user unlock`. Do not fall back to something weaker."},
	{UserDisabled, 403, "User disabled", "The user is disabled.",
		"Enable the user if that is right: `nodd user enable`. Otherwise refuse the sign-in."},
	{UserHasNoDevice, 409, "No device", "The user has no active device.",
		"Enroll a device first. Never let the user in because of this."},
	{TransactionInUse, 409, "Transaction in use", "A challenge for this transaction exists already.",
		"Use a new `transaction` for each attempt; repeat a lost create with its Idempotency-Key instead."},
	{TooManyPending, 429, "Too many pending", "The user has as many pending challenges as may coexist.",
		"Wait for `Retry-After`, cancel what is no longer needed, and pass `session` so that a retry supersedes the old prompt."},
	{DeniedRecently, 409, "Denied recently", "The user denied this moments ago.",
		"Tell the user, and ask again only when the user starts again. Do not retry by machine."},
	{ResultWithheld, 403, "Result withheld", "The challenge has ended and its result may not be used.",
		"Treat it as refused. The user reported the request, or the user or the device may no longer approve."},

	{ChallengeAlreadyDecided, 409, "Already decided", "The challenge has been answered, canceled or replaced.",
		"Read the challenge; its status is final."},
	{ChallengeExpired, 410, "Expired", "The challenge has expired.",
		"Start again. Raise `ttl_seconds` if users are too slow for it."},
	{ChallengeHashMismatch, 422, "Another challenge was signed", "The decision is not about this challenge as the server signed it.",
		"The device must hash the challenge exactly as received. If it does, something between changed the challenge."},
	{RequirementNotMet, 422, "Requirement not met", "The answer does not meet what policy demands.",
		"Policy demands a number, user verification, the approval key or a key level that was not there."},
	{CounterRegressed, 409, "Counter went back", "The device's counter went back. It can deny and not approve.",
		"The device was restored or copied. Revoke it and enroll it again."},
	{NumberWrong, 422, "Number wrong", "The number does not match. This request has ended.",
		"Start again. There is one try per challenge."},
	{LockedOut, 429, "Locked out", "Too many wrong answers. Approving is locked for a while.",
		"Wait for `Retry-After`, or let an operator unlock: `nodd user unlock`. Denying and reporting still work."},

	{RateLimited, 429, "Too many requests", "A limit is reached.",
		"Wait for `Retry-After`. The clients do it by themselves."},
	{ServerShuttingDown, 503, "Server is stopping", "This server is stopping.",
		"Repeat the request; another node, or the next process, answers it."},
	{DatabaseBusy, 503, "Database busy", "The database did not answer in time. Nothing was changed.",
		"Repeat the request after `Retry-After`. If it lasts, see docs/operations.md."},
	{StorageFull, 507, "Storage full", "The server cannot write. Nothing was changed.",
		"Free space where the database is. Reads and running waits go on meanwhile."},
	{Internal, 500, "Internal error", "Something went wrong on the server.",
		"Find the request id in the server's log."},
}
