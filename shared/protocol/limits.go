package protocol

import (
	"strings"
	"time"
)

// Limits of members, in characters where they are text. The HTTP schemas repeat them.
const (
	MaxUserRef      = 128 // an application's own name for a user, and its transaction and session
	MaxName         = 80  // names of people, companies, applications, devices; titles; places
	MaxMessage      = 300 // an action's message
	MaxDetails      = 16  // rows of an action's details
	MaxDetailLabel  = 40
	MaxDetailValue  = 200
	MaxRecipients   = 32 // devices a challenge is for
	MaxReasons      = 8
	MaxPushAddress  = 2048
	maxLanguage     = 20
	MaxAttestation  = 10      // certificates of an attestation chain
	MaxCertificate  = 8 << 10 // characters of one, base64
	ConfirmDigits   = 6
	ChooseOptions   = 3
	DigitsStandard  = 2
	DigitsStrict    = 6
	maxNonce        = 200
	maxURL          = 512
	minTokenChars   = 22 // 128 bits
	maxTokenChars   = 128
	saltBytes       = 32
	maxKeysInOneSet = 64
)

// Lifetimes.
const (
	ResultLifetime       = 120 * time.Second // a result is for immediate use; its evidence outlives it
	ChallengeLifetime    = 90 * time.Second  // unless the application asks for another
	ChallengeLifetimeMin = 10 * time.Second
	ChallengeLifetimeMax = 600 * time.Second
	InvitationLifetime   = 5 * time.Minute
	InvitationCeiling    = 10 * time.Minute
	ReportWindow         = 24 * time.Hour   // after delivery, also on a final challenge
	Leeway               = 30 * time.Second // between the clocks of a server and an application
	// EnrollmentValidity is how far the times of an enrollment may be from the server's clock.
	EnrollmentValidity = 10 * time.Minute
)

// Time is a NumericDate of RFC 7519 section 2 in whole seconds.
type Time int64

// At converts to a NumericDate, dropping fractions of a second.
func At(t time.Time) Time { return Time(t.Unix()) }

// Time converts to a time in UTC.
func (t Time) Time() time.Time { return time.Unix(int64(t), 0).UTC() }

func (t Time) check(member string) error {
	if t <= 0 || t > 1<<40 {
		return invalid(member, "not a time")
	}
	return nil
}

// checkPeriod checks that exp comes after iat, at most longest after it; 0 for no limit.
func checkPeriod(iat, exp Time, longest time.Duration) error {
	if err := iat.check("iat"); err != nil {
		return err
	}
	if err := exp.check("exp"); err != nil {
		return err
	}
	if exp <= iat {
		return invalid("exp", "not after iat")
	}
	if longest > 0 && exp-iat > Time(longest/time.Second) {
		return invalid("exp", "over %s after iat", longest)
	}
	return nil
}

func checkID[T ID](member string, id T) error {
	if _, err := ParseID[T](string(id)); err != nil {
		return invalid(member, "not an identifier")
	}
	return nil
}

func checkHash(member, s string) error {
	if !isCanonicalBase64(s, 32) {
		return invalid(member, "not the base64url of 32 bytes")
	}
	return nil
}

func checkToken(member, s string) error {
	if len(s) < minTokenChars || len(s) > maxTokenChars || strings.Trim(s, base64Alphabet) != "" {
		return invalid(member, "not %d to %d characters of base64url", minTokenChars, maxTokenChars)
	}
	return nil
}

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func checkDigits(member, s string, n int) error {
	if len(s) != n || strings.Trim(s, "0123456789") != "" {
		return invalid(member, "not %d digits", n)
	}
	return nil
}

// CheckReference refuses a user_ref, transaction or session that is empty when required, over [MaxUserRef]
// characters, or has control or invisible characters.
func CheckReference(member, s string, required bool) error {
	return CheckText(member, s, required, MaxUserRef)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
