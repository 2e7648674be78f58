package webpush

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/big"
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

// KeyFromSeed derives a VAPID key from at least 32 secret bytes, so that a server with one master key needs no further
// file and gives the same key after every restart. The scalar is drawn as in FIPS 186-5 appendix A.2.1: 64 bits more
// than the order has, reduced.
func KeyFromSeed(seed []byte) (*ecdsa.PrivateKey, error) {
	if len(seed) < 32 {
		return nil, errors.New("the seed of a VAPID key has at least 32 bytes")
	}
	wide, err := hkdf.Key(sha256.New, seed, nil, "nod VAPID key", 40)
	if err != nil {
		return nil, err
	}
	order := new(big.Int).Sub(elliptic.P256().Params().N, big.NewInt(1))
	d := new(big.Int).SetBytes(wide)
	d.Mod(d, order).Add(d, big.NewInt(1))
	return ecdsa.ParseRawPrivateKey(elliptic.P256(), d.FillBytes(make([]byte, 32)))
}
