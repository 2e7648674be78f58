package delivery

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
)

// ErrWakeup says that a wake-up holds something that may not leave the server.
var ErrWakeup = errors.New("wake-up is malformed")

// A handle has the form that shared/protocol lets a device choose: 22 to 128 characters of base64url. No address, name
// with a space, or IP has this form.
const (
	minHandle = 22
	maxHandle = 128
)

// Wakeup is everything that may leave the server over a push service (T15). Adding a field here is a change of the
// threat model; a test holds the list.
type Wakeup struct {
	// Handle is the random name that the device chose for the account. It tells the app which of its accounts is meant
	// and tells nobody else anything.
	Handle string
	// ChallengeID is the opaque id. Empty for a test doorbell.
	ChallengeID protocol.ChallengeID
	// ExpiresAt is when the challenge ends. No service is asked to keep the wake-up longer.
	ExpiresAt time.Time
	// Language is the device's language as a BCP 47 tag. It only chooses one of the built-in texts.
	Language string
	// Test marks a doorbell that an operator asked for. It opens nothing.
	Test bool
}

// Check tells whether the wake-up holds only opaque values. A malformed one is never sent.
func (w Wakeup) Check() error {
	if len(w.Handle) < minHandle || len(w.Handle) > maxHandle || strings.ContainsFunc(w.Handle, notBase64URL) {
		return ErrWakeup
	}
	if w.Test {
		if w.ChallengeID != "" {
			return ErrWakeup
		}
		return nil
	}
	if _, err := protocol.ParseID[protocol.ChallengeID](string(w.ChallengeID)); err != nil {
		return ErrWakeup
	}
	return nil
}

func notBase64URL(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
}

// CollapseID makes a repeated wake-up replace the first one: 22 characters of base64url, which fits apns-collapse-id
// (64 bytes), the RFC 8030 section 5.4 Topic (32 characters) and an Android notification tag. It is a hash, so that
// the one value that push services see in the clear can't be joined with the id elsewhere.
func (w Wakeup) CollapseID() string {
	sum := sha256.Sum256([]byte("nod wake-up\x00" + w.Handle + "\x00" + string(w.ChallengeID)))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// TTL is how long a service may keep the wake-up: whole seconds until the expiry, rounded down, never negative.
func (w Wakeup) TTL(now time.Time) time.Duration {
	return max(0, w.ExpiresAt.Sub(now).Truncate(time.Second))
}
