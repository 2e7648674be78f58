package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Tolerance is how far a timestamp may be from the receiver's clock, in both directions (T22).
const Tolerance = 5 * time.Minute

// maxSignatures bounds what a verifier reads from one header.
const maxSignatures = 16

// Errors of [Verify].
var (
	ErrSignature = errors.New("webhook signature does not hold")
	ErrTimestamp = errors.New("webhook timestamp is missing or too far from now")
)

// Headers are the three of an event: webhook-id, webhook-timestamp, webhook-signature.
type Headers struct{ ID, Timestamp, Signature string }

// Keyring is an endpoint's key, and the one before it while receivers change over.
type Keyring struct {
	Current       Key
	Previous      Key
	PreviousUntil time.Time
}

// Rotate makes a new key current and lets the old one sign beside it for the overlap. A key that was still
// overlapping from an earlier rotation ends now.
func (r Keyring) Rotate(next Key, now time.Time, overlap time.Duration) Keyring {
	return Keyring{Current: next, Previous: r.Current, PreviousUntil: now.Add(overlap)}
}

// Valid lists the keys that sign at a time, newest first.
func (r Keyring) Valid(now time.Time) []Key {
	keys := make([]Key, 0, 2)
	if !r.Current.IsZero() {
		keys = append(keys, r.Current)
	}
	if !r.Previous.IsZero() && now.Before(r.PreviousUntil) {
		keys = append(keys, r.Previous)
	}
	return keys
}

// Sign signs a body with every key, so that a receiver which knows any one of them accepts it. Keys without a
// secret half are left out; without any, it returns ErrKey. The id may not contain a dot.
func Sign(keys []Key, id string, at time.Time, body []byte) (Headers, error) {
	h := Headers{ID: id, Timestamp: strconv.FormatInt(at.Unix(), 10)}
	if id == "" || strings.ContainsAny(id, ". \r\n") {
		return Headers{}, errors.New("webhook id is not usable")
	}
	content := h.content(body)
	signatures := make([]string, 0, len(keys))
	for _, key := range keys {
		switch {
		case key.secret != nil:
			signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(key.mac(content)))
		case key.private != nil:
			signatures = append(signatures, "v1a,"+base64.StdEncoding.EncodeToString(ed25519.Sign(key.private, content)))
		}
	}
	if len(signatures) == 0 {
		return Headers{}, ErrKey
	}
	h.Signature = strings.Join(signatures, " ")
	return h, nil
}

// Verify checks an event as its receiver: one of the signatures holds under one of the keys, and the timestamp is
// within [Tolerance] of now. A receiver should also remember ids for that long and drop repeated ones.
func Verify(keys []Key, h Headers, body []byte, now time.Time) error {
	seconds, err := strconv.ParseInt(h.Timestamp, 10, 64)
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return ErrTimestamp
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > Tolerance || age < -Tolerance {
		return ErrTimestamp
	}
	content := h.content(body)
	for i, part := range strings.Split(h.Signature, " ") {
		if i == maxSignatures {
			break
		}
		version, encoded, _ := strings.Cut(part, ",")
		signature, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			continue
		}
		for _, key := range keys {
			if key.holds(version, signature, content) {
				return nil
			}
		}
	}
	return ErrSignature
}

func (h Headers) content(body []byte) []byte {
	content := make([]byte, 0, len(h.ID)+len(h.Timestamp)+len(body)+2)
	content = append(content, h.ID...)
	content = append(content, '.')
	content = append(content, h.Timestamp...)
	content = append(content, '.')
	return append(content, body...)
}

func (k Key) mac(content []byte) []byte {
	h := hmac.New(sha256.New, k.secret)
	h.Write(content)
	return h.Sum(nil)
}

// holds checks one signature. The version must be that of the key, so that a public key can't be taken for a secret.
func (k Key) holds(version string, signature, content []byte) bool {
	switch {
	case version == "v1" && k.secret != nil:
		return hmac.Equal(signature, k.mac(content))
	case version == "v1a" && k.public != nil:
		return ed25519.Verify(k.public, content, signature)
	}
	return false
}
