package webpush

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// ErrVAPID says that a request is not signed as RFC 8292 asks.
var ErrVAPID = errors.New("VAPID signature does not hold")

const (
	maxVAPIDToken = 24 * time.Hour // RFC 8292 section 2
	maxVAPIDSize  = 2048
)

// VerifyVAPID checks the Authorization header of a push message as a push service does, and returns the sender's
// public key in base64url. The origin is that of the push service, such as "https://relay.example".
func VerifyVAPID(header, origin string, now time.Time) (sender string, err error) {
	rest, found := strings.CutPrefix(header, "vapid ")
	if !found || len(header) > maxVAPIDSize {
		return "", ErrVAPID
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		parts[name] = value
	}
	point, err := base64.RawURLEncoding.DecodeString(parts["k"])
	if err != nil {
		return "", ErrVAPID
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return "", ErrVAPID
	}
	token, err := jwt.ParseSigned(parts["t"], []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return "", ErrVAPID
	}
	var claims jwt.Claims
	if err := token.Claims(key, &claims); err != nil || len(claims.Audience) != 1 || claims.Audience[0] != origin || claims.Expiry == nil {
		return "", ErrVAPID
	}
	if left := claims.Expiry.Time().Sub(now); left <= 0 || left > maxVAPIDToken {
		return "", ErrVAPID
	}
	// The canonical text, so that one key is one sender whatever its spelling.
	return base64.RawURLEncoding.EncodeToString(point), nil
}
