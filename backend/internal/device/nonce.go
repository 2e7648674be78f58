package device

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// Nonces makes and checks the rolling server nonce of RFC 9449 section 8. It keeps no state: a nonce is an HMAC over the
// current minute under a secret that all nodes share. It is safe for concurrent use.
type Nonces struct {
	secret []byte
	now    func() time.Time
}

const (
	noncePeriod = time.Minute
	nonceAge    = 3 // periods in which a nonce is accepted: two to three minutes
	nonceBytes  = 16
)

// NewNonces takes a secret of at least 32 bytes.
func NewNonces(secret []byte, now func() time.Time) *Nonces { return &Nonces{secret: secret, now: now} }

// Next returns the nonce to use from now on.
func (n *Nonces) Next() string { return n.at(n.now().Unix() / int64(noncePeriod.Seconds())) }

// Check tells whether a nonce is one of the last periods'.
func (n *Nonces) Check(nonce string) bool {
	period := n.now().Unix() / int64(noncePeriod.Seconds())
	ok := 0
	for i := range int64(nonceAge) {
		ok |= subtle.ConstantTimeCompare([]byte(n.at(period-i)), []byte(nonce))
	}
	return ok == 1
}

func (n *Nonces) at(period int64) string {
	mac := hmac.New(sha256.New, n.secret)
	_ = binary.Write(mac, binary.BigEndian, period) // a hash never returns an error
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:nonceBytes])
}
