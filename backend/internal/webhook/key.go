package webhook

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"strings"
)

// Prefixes of the text forms ("Signature scheme" and "Symmetric/asymmetric keys" in Standard Webhooks 1.0).
const (
	prefixSecret  = "whsec_"
	prefixPrivate = "whsk_"
	prefixPublic  = "whpk_"
)

// Sizes of a shared secret in bytes: 192 to 512 bits by the specification. Ours have 256.
const (
	minSecret = 24
	maxSecret = 64
	newSecret = 32
)

// ErrKey says that a text is not a webhook key. It never repeats the text.
var ErrKey = errors.New("not a webhook key")

// Key signs or verifies events: an Ed25519 key pair, its public half, or a shared secret.
type Key struct {
	secret  []byte
	private ed25519.PrivateKey
	public  ed25519.PublicKey
}

// NewKey makes an Ed25519 key pair for one endpoint. The integrator gets [Key.Public] only, so a leak on that side
// forges nothing.
func NewKey() Key {
	public, private, _ := ed25519.GenerateKey(rand.Reader) // crypto/rand never fails
	return Key{private: private, public: public}
}

// NewSecret makes a shared secret for one endpoint whose receiver knows HMAC only.
func NewSecret() Key {
	secret := make([]byte, newSecret)
	_, _ = rand.Read(secret) // never fails
	return Key{secret: secret}
}

// ParseKey reads the text form of any key.
func ParseKey(text string) (Key, error) {
	for _, prefix := range []string{prefixSecret, prefixPrivate, prefixPublic} {
		rest, found := strings.CutPrefix(text, prefix)
		if !found {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return Key{}, ErrKey
		}
		return keyOf(prefix, raw)
	}
	return Key{}, ErrKey
}

func keyOf(prefix string, raw []byte) (Key, error) {
	switch {
	case prefix == prefixSecret && len(raw) >= minSecret && len(raw) <= maxSecret:
		return Key{secret: raw}, nil
	case prefix == prefixPrivate && len(raw) == ed25519.SeedSize:
		private := ed25519.NewKeyFromSeed(raw)
		return Key{private: private, public: private.Public().(ed25519.PublicKey)}, nil
	case prefix == prefixPrivate && len(raw) == ed25519.PrivateKeySize:
		private := ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize])
		if !private.Equal(ed25519.PrivateKey(raw)) {
			return Key{}, ErrKey // the halves do not belong together
		}
		return Key{private: private, public: private.Public().(ed25519.PublicKey)}, nil
	case prefix == prefixPublic && len(raw) == ed25519.PublicKeySize:
		return Key{public: raw}, nil
	}
	return Key{}, ErrKey
}

// Reveal returns the text form, secret half included, for sealing and for the one time it is shown.
func (k Key) Reveal() string {
	switch {
	case k.secret != nil:
		return prefixSecret + base64.StdEncoding.EncodeToString(k.secret)
	case k.private != nil:
		return prefixPrivate + base64.StdEncoding.EncodeToString(k.private)
	case k.public != nil:
		return prefixPublic + base64.StdEncoding.EncodeToString(k.public)
	}
	return ""
}

// Public returns what the receiver needs: the public half, or the shared secret itself.
func (k Key) Public() Key { return Key{secret: k.secret, public: k.public} }

// IsZero tells whether there is no key.
func (k Key) IsZero() bool { return k.secret == nil && k.public == nil }

// Fingerprint names a key without telling it, for a unique index over all endpoints (T22).
func (k Key) Fingerprint() string {
	sum := sha256.Sum256([]byte("nod webhook key\x00" + k.Public().Reveal()))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// String hides the key.
func (k Key) String() string { return "[redacted]" }

// GoString hides the key.
func (k Key) GoString() string { return "[redacted]" }

// LogValue hides the key.
func (k Key) LogValue() slog.Value { return slog.StringValue("[redacted]") }
