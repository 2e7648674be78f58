package protocol

import "fmt"

// ErrorCode says why a message was refused. The vectors name these codes.
type ErrorCode string

// The reasons for a refusal.
const (
	CodeTooLarge      ErrorCode = "too_large"      // over the cap of its type, before any parsing
	CodeMalformed     ErrorCode = "malformed"      // not a compact JWS, not JSON, a wrong type, a member twice
	CodeAlgorithm     ErrorCode = "algorithm"      // "alg" is not ES256
	CodeCritical      ErrorCode = "critical"       // a "crit" header member
	CodeType          ErrorCode = "type"           // "typ" is not the expected one
	CodeUnknownKey    ErrorCode = "unknown_key"    // no key for the "kid"
	CodeSignature     ErrorCode = "signature"      // the signature does not verify
	CodeUnknownMember ErrorCode = "unknown_member" // a member that the receiver does not know
	CodeInvalid       ErrorCode = "invalid"        // a member is missing or outside its limits
	CodeMismatch      ErrorCode = "mismatch"       // a member differs from what the caller expects
	CodeExpired       ErrorCode = "expired"        // after "exp", or before "iat" by more than the leeway
	CodeEvidence      ErrorCode = "evidence"       // the evidence does not prove the result
	CodeInsecure      ErrorCode = "insecure"       // a server address that must not be used
	CodeRollback      ErrorCode = "rollback"       // a nod-keys with a lower sequence than one already seen
)

// Error is every error of this package. Its text names the member, never its value: it is safe to log and to show.
type Error struct {
	Code   ErrorCode
	Member string // the member or part at fault, such as "exp" or "match.digits"; may be empty
	Detail string // a short phrase; may be empty
}

// Error implements error.
func (e *Error) Error() string {
	s := "protocol: " + string(e.Code)
	if e.Member != "" {
		s += " " + e.Member
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Is makes errors.Is(err, &Error{Code: c}) true for every error with code c, and compares the member when the target has one.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Member == "" || t.Member == e.Member)
}

func fail(code ErrorCode, member, format string, args ...any) error {
	return &Error{Code: code, Member: member, Detail: fmt.Sprintf(format, args...)}
}

func invalid(member, format string, args ...any) error {
	return fail(CodeInvalid, member, format, args...)
}
