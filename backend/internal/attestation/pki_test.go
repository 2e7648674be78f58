package attestation_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/attestation"
	"github.com/nod-auth/nod/shared/protocol"
)

var (
	now       = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	longAgo   = time.Date(2016, 5, 26, 0, 0, 0, 0, time.UTC)
	farAway   = time.Date(2042, 3, 15, 0, 0, 0, 0, time.UTC)
	challenge = [32]byte{1, 2, 3}
)

func key(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// node is one certificate to be made.
type node struct {
	key      crypto.Signer
	public   crypto.PublicKey // of key, unless set
	subject  pkix.Name
	serial   *big.Int
	from, to time.Time
	ca       bool
	extra    []pkix.Extension
	eku      []asn1.ObjectIdentifier
	issuer   *pkix.Name // in place of the parent's subject
	signer   crypto.Signer
}

func (n *node) template() *x509.Certificate {
	return &x509.Certificate{SerialNumber: n.serial, Subject: n.subject, NotBefore: n.from, NotAfter: n.to, IsCA: n.ca, BasicConstraintsValid: true,
		ExtraExtensions: n.extra, UnknownExtKeyUsage: n.eku}
}

// build makes the certificates, root first in nodes, leaf first in what it returns.
func build(t testing.TB, nodes []*node) [][]byte {
	t.Helper()
	out := make([][]byte, len(nodes))
	for i, n := range nodes {
		parent, signer := n.template(), n.key
		if i > 0 {
			parent, signer = nodes[i-1].template(), nodes[i-1].key
		}
		if n.issuer != nil {
			parent.Subject = *n.issuer
		}
		if n.signer != nil {
			signer = n.signer
		}
		public := n.public
		if public == nil {
			public = n.key.Public()
		}
		der, err := x509.CreateCertificate(rand.Reader, n.template(), parent, public, signer)
		if err != nil {
			t.Fatal(err)
		}
		out[len(nodes)-1-i] = der
	}
	return out
}

func parse(t testing.TB, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wantCode checks a refusal: its code, and that nothing is proven.
func wantCode(t *testing.T, proof attestation.Proof, err error, want attestation.Code) {
	t.Helper()
	if got := attestation.CodeOf(err); got != want {
		t.Fatalf("code %q, want %q (error: %v)", got, want, err)
	}
	if proof.Level != "" {
		t.Errorf("a refused statement proves %q", proof.Level)
	}
}

func wantLevel(t *testing.T, proof attestation.Proof, err error, want protocol.KeyLevel) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if proof.Level != want {
		t.Errorf("proves %q, want %q", proof.Level, want)
	}
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
