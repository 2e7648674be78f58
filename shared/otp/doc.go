// Package otp computes and checks one-time passwords: HOTP (RFC 4226), TOTP
// (RFC 6238), OCRA (RFC 6287), and reads and writes otpauth URIs.
//
// It is pure: it holds no clock, no store and no counter. Whoever verifies keeps
// the last step or counter that matched and gives it back, for a code must work
// only once (RFC 6238 section 5.2, RFC 4226 section 7.2); that is why
// verification returns the step that matched. Codes are compared in constant
// time. Keys are of type [Key], which prints as stars.
package otp

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 4226 is defined with HMAC-SHA-1, which is not broken by collisions
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"log/slog"
)

// Limits. RFC 4226 section 4, requirement R4: at least six digits; R6: at least
// 128 bits of key. Shorter keys are accepted when imported (many services still
// hand out 80 bits), never generated.
const (
	MinDigits    = 6
	MaxDigits    = 8
	NewKeyBytes  = 20 // RFC 4226 section 4, R6: 160 bits recommended
	minKeyBytes  = 10
	maxKeyBytes  = 256
	maxLookAhead = 100
)

// Errors of this package.
var (
	ErrDigits    = errors.New("otp: digits must be 6 to 8")
	ErrKey       = errors.New("otp: key must be 10 to 256 bytes")
	ErrAlgorithm = errors.New("otp: unknown algorithm")
	ErrPeriod    = errors.New("otp: period must be 10 to 300 seconds")
)

// Key is a shared secret. It never prints itself.
type Key []byte

// String hides the key.
func (Key) String() string { return "***" }

// GoString hides the key.
func (Key) GoString() string { return "otp.Key(***)" }

// LogValue hides the key.
func (Key) LogValue() slog.Value { return slog.StringValue("***") }

// Algorithm is the hash under the HMAC, by its name in otpauth URIs.
type Algorithm string

// The algorithms of RFC 6238 section 1.2. The empty Algorithm is SHA1.
const (
	SHA1   Algorithm = "SHA1"
	SHA256 Algorithm = "SHA256"
	SHA512 Algorithm = "SHA512"
)

func (a Algorithm) hash() (func() hash.Hash, error) {
	switch a {
	case SHA1, "":
		return sha1.New, nil
	case SHA256:
		return sha256.New, nil
	case SHA512:
		return sha512.New, nil
	}
	return nil, fmt.Errorf("%w %q", ErrAlgorithm, string(a))
}

// sum is HMAC(key, message).
func (a Algorithm) sum(key Key, message []byte) ([]byte, error) {
	h, err := a.hash()
	if err != nil {
		return nil, err
	}
	mac := hmac.New(h, key)
	mac.Write(message)
	return mac.Sum(nil), nil
}

// pow10 holds 10^n for the digits that may be asked for (OCRA allows up to 10).
var pow10 = [...]uint64{1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10}

// truncate is the dynamic truncation of RFC 4226 section 5.3.
func truncate(sum []byte, digits int) string {
	offset := sum[len(sum)-1] & 0x0f
	v := uint64(sum[offset]&0x7f)<<24 | uint64(sum[offset+1])<<16 | uint64(sum[offset+2])<<8 | uint64(sum[offset+3])
	return fmt.Sprintf("%0*d", digits, v%pow10[digits])
}
