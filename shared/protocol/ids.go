package protocol

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
)

// The identifiers are a prefix and 16 random bytes in unpadded base64url (RFC 4648 section 5). The types differ so that
// one can't be passed for another.
type (
	// TenantID begins with "ten_".
	TenantID string
	// ApplicationID begins with "app_".
	ApplicationID string
	// UserID begins with "usr_".
	UserID string
	// DeviceID begins with "dev_".
	DeviceID string
	// EnrollmentID begins with "enr_".
	EnrollmentID string
	// ChallengeID begins with "chl_".
	ChallengeID string
)

const idBytes = 16

// ID is any identifier type of this package.
type ID interface {
	TenantID | ApplicationID | UserID | DeviceID | EnrollmentID | ChallengeID
}

func prefix[T ID]() string {
	var zero T
	switch any(zero).(type) {
	case TenantID:
		return "ten_"
	case ApplicationID:
		return "app_"
	case UserID:
		return "usr_"
	case DeviceID:
		return "dev_"
	case EnrollmentID:
		return "enr_"
	default:
		return "chl_"
	}
}

// NewID draws an identifier of type T from the system's random source.
func NewID[T ID]() T { return T(prefix[T]() + RandomText(idBytes)) }

// ParseID checks that s is a well-formed identifier of type T: the prefix and the canonical text of 16 bytes.
func ParseID[T ID](s string) (T, error) {
	rest, ok := strings.CutPrefix(s, prefix[T]())
	if !ok || !isCanonicalBase64(rest, idBytes) {
		return "", invalid("id", "not an identifier that starts with %q", prefix[T]())
	}
	return T(s), nil
}

// RandomText returns n random bytes as unpadded base64url. The system's random source does not fail (crypto/rand).
func RandomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never returns an error
	return base64.RawURLEncoding.EncodeToString(b)
}

// isCanonicalText tells whether s is unpadded base64url with its unused bits zero.
func isCanonicalText(s string) bool {
	_, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && !strings.ContainsAny(s, "\r\n")
}

// isCanonicalBase64 tells whether s is the one unpadded base64url text of exactly n bytes.
func isCanonicalBase64(s string, n int) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(b) == n && !strings.ContainsAny(s, "\r\n")
}
