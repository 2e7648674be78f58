package attestation

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"time"
)

// certificate is the little of RFC 5280 section 4.1 that an android-key chain needs. It is looser than crypto/x509, since
// phones carry extensions and dates that that refuses, and leaves the public key in DER until it is used.
type certificate struct {
	Raw       asn1.RawContent
	TBS       tbsCertificate
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

type tbsCertificate struct {
	Raw        asn1.RawContent
	Version    int `asn1:"optional,explicit,default:0,tag:0"`
	Serial     *big.Int
	Algorithm  pkix.AlgorithmIdentifier
	Issuer     asn1.RawValue
	Validity   asn1.RawValue
	Subject    asn1.RawValue
	Key        asn1.RawValue
	IssuerID   asn1.BitString   `asn1:"optional,tag:1"`
	SubjectID  asn1.BitString   `asn1:"optional,tag:2"`
	Extensions []pkix.Extension `asn1:"omitempty,optional,explicit,tag:3"`
}

const (
	maxExtensions = 32
	maxSerialBits = 8 * 20 // RFC 5280 section 4.1.2.2
)

func parseCertificate(der []byte) (*certificate, error) {
	c := &certificate{}
	rest, err := asn1.Unmarshal(der, c)
	if err != nil || len(rest) != 0 {
		return nil, fail(CodeMalformed, "a part is no certificate")
	}
	if len(c.TBS.Extensions) > maxExtensions || c.TBS.Serial.BitLen() > maxSerialBits {
		return nil, fail(CodeMalformed, "a certificate is out of bounds")
	}
	if !c.Algorithm.Algorithm.Equal(c.TBS.Algorithm.Algorithm) || !bytes.Equal(c.Algorithm.Parameters.FullBytes, c.TBS.Algorithm.Parameters.FullBytes) {
		return nil, fail(CodeMalformed, "a certificate names two signature algorithms")
	}
	return c, nil
}

// publicKey returns the certificate's key if it is of a kind that may sign in a chain.
func (c *certificate) publicKey() (crypto.PublicKey, error) {
	key, err := x509.ParsePKIXPublicKey(c.TBS.Key.FullBytes)
	if err != nil {
		return nil, fail(CodeAlgorithm, "a certificate's key cannot be read")
	}
	return key, checkKey(key)
}

// checkKey bounds the keys that chains may use, so that no length chosen by a stranger costs time.
func checkKey(key crypto.PublicKey) error {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n >= 2048 && n <= 4096 && k.E >= 65537 {
			return nil
		}
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() || k.Curve == elliptic.P384() {
			return nil
		}
	}
	return fail(CodeAlgorithm, "a key is neither RSA of 2048 to 4096 bits nor on P-256 or P-384")
}

var (
	oidRSASHA256   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11} // RFC 4055 section 5
	oidECDSASHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}   // RFC 5758 section 3.2
	oidECDSASHA384 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}
)

// signedBy checks the certificate's signature under a key.
func (c *certificate) signedBy(key crypto.PublicKey) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if c.Signature.BitLength%8 != 0 {
		return fail(CodeMalformed, "a signature is no whole number of bytes")
	}
	oid, ok := c.Algorithm.Algorithm, false
	switch k := key.(type) {
	case *rsa.PublicKey:
		if !oid.Equal(oidRSASHA256) {
			return c.mismatch(oid)
		}
		sum := sha256.Sum256(c.TBS.Raw)
		ok = rsa.VerifyPKCS1v15(k, crypto.SHA256, sum[:], c.Signature.Bytes) == nil
	case *ecdsa.PublicKey:
		var digest []byte
		switch {
		case oid.Equal(oidECDSASHA256):
			sum := sha256.Sum256(c.TBS.Raw)
			digest = sum[:]
		case oid.Equal(oidECDSASHA384):
			sum := sha512.Sum384(c.TBS.Raw)
			digest = sum[:]
		default:
			return c.mismatch(oid)
		}
		ok = ecdsa.VerifyASN1(k, digest, c.Signature.Bytes)
	}
	if !ok {
		return fail(CodeSignature, "a certificate's signature does not verify")
	}
	return nil
}

// mismatch tells an algorithm that is known, but not this key's, from one that is unknown.
func (c *certificate) mismatch(oid asn1.ObjectIdentifier) error {
	if oid.Equal(oidRSASHA256) || oid.Equal(oidECDSASHA256) || oid.Equal(oidECDSASHA384) {
		return fail(CodeSignature, "a signature is of another kind than its key")
	}
	return fail(CodeAlgorithm, "a signature algorithm is unknown")
}

// validAt checks the dates; an end in the past is allowed where expired says so.
func (c *certificate) validAt(now time.Time, expired bool) error {
	var v struct{ NotBefore, NotAfter time.Time }
	if rest, err := asn1.Unmarshal(c.TBS.Validity.FullBytes, &v); err != nil || len(rest) != 0 {
		return fail(CodeMalformed, "a certificate's dates cannot be read")
	}
	if now.Before(v.NotBefore) {
		return fail(CodeNotYetValid, "a certificate is valid from %s", v.NotBefore.UTC().Format(time.DateOnly))
	}
	if now.After(v.NotAfter) && !expired {
		return fail(CodeExpired, "a certificate was valid until %s", v.NotAfter.UTC().Format(time.DateOnly))
	}
	return nil
}

// extension returns the value of an extension; found more than once is an error.
func (c *certificate) extension(oid asn1.ObjectIdentifier) (value []byte, found bool, err error) {
	for _, e := range c.TBS.Extensions {
		if !e.Id.Equal(oid) {
			continue
		}
		if found {
			return nil, true, fail(CodeMalformed, "a certificate has an extension twice")
		}
		value, found = e.Value, true
	}
	return value, found, nil
}

// subject returns the text attributes of the subject's name with these types, X.520.
func (c *certificate) subject(oids ...asn1.ObjectIdentifier) []string {
	var name pkix.RDNSequence
	if rest, err := asn1.Unmarshal(c.TBS.Subject.FullBytes, &name); err != nil || len(rest) != 0 {
		return nil
	}
	var out []string
	for _, set := range name {
		for _, a := range set {
			for _, oid := range oids {
				if text, ok := a.Value.(string); ok && a.Type.Equal(oid) {
					out = append(out, text)
				}
			}
		}
	}
	return out
}

// ParseRootKeys reads root keys from PEM blocks of type CERTIFICATE or PUBLIC KEY. A block of another type, text without a
// block, and a key that no chain could use are errors.
func ParseRootKeys(text []byte) ([]crypto.PublicKey, error) {
	var keys []crypto.PublicKey
	err := eachBlock(text, func(b *pem.Block) error {
		var key crypto.PublicKey
		switch b.Type {
		case "CERTIFICATE":
			c, err := parseCertificate(b.Bytes)
			if err != nil {
				return err
			}
			if key, err = c.publicKey(); err != nil {
				return err
			}
		case "PUBLIC KEY":
			var err error
			if key, err = x509.ParsePKIXPublicKey(b.Bytes); err != nil {
				return errors.New("attestation: a public key cannot be read")
			}
		default:
			return errors.New("attestation: a PEM block is neither CERTIFICATE nor PUBLIC KEY")
		}
		keys = append(keys, key)
		return checkKey(key)
	})
	return keys, err
}

// ParseRoots reads root certificates from PEM blocks of type CERTIFICATE.
func ParseRoots(text []byte) ([]*x509.Certificate, error) {
	var roots []*x509.Certificate
	err := eachBlock(text, func(b *pem.Block) error {
		if b.Type != "CERTIFICATE" {
			return errors.New("attestation: a PEM block is no CERTIFICATE")
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return errors.New("attestation: a certificate cannot be read")
		}
		roots = append(roots, c)
		return nil
	})
	return roots, err
}

func eachBlock(text []byte, f func(*pem.Block) error) error {
	n := 0
	for len(bytes.TrimSpace(text)) > 0 {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		if err := f(block); err != nil {
			return err
		}
		text, n = rest, n+1
	}
	if n == 0 {
		return errors.New("attestation: there is no PEM block")
	}
	return nil
}
