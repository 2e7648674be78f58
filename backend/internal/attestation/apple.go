package attestation

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
)

// Layout of authenticator data, WebAuthn Level 2 section 6.1: hash of the relying party's id 32, flags 1, counter 4, then AAGUID 16,
// length of the credential id 2, credential id.
const (
	authDataCounter    = 33
	authDataAAGUID     = 37
	authDataLength     = 53
	authDataCredential = 55
	flagAttested       = 0x40
)

// The AAGUIDs of App Attest ("Validating apps that connect to your server", step 8).
const (
	aaguidProduction  = "appattest\x00\x00\x00\x00\x00\x00\x00"
	aaguidDevelopment = "appattestdevelop"
)

// oidNonce is Apple's extension of the credential certificate with the nonce (same page, step 4).
var oidNonce = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 8, 2}

// maxAppleChain is the credential certificate and its intermediates.
const maxAppleChain = 4

// AppleClientDataHash is what the app gives to DCAppAttestService.attestKey: it binds both keys to the statement.
func AppleClientDataHash(challenge [32]byte, device, approval protocol.Thumbprint) ([32]byte, error) {
	data := challenge[:]
	for _, t := range []protocol.Thumbprint{device, approval} {
		raw, err := base64.RawURLEncoding.DecodeString(string(t))
		if err != nil || len(raw) != sha256.Size {
			return [32]byte{}, fail(CodeMalformed, "a thumbprint is not 32 bytes")
		}
		data = append(slices.Clip(data), raw...)
	}
	return sha256.Sum256(data), nil
}

func (a *Apple) verify(in Params) (Proof, error) {
	if in.Claimed != protocol.LevelSecureEnclave {
		return Proof{}, fail(CodeLevelTooLow, "the app does not say that the key is in the Secure Enclave")
	}
	chain, authData, err := parseAppAttest(bytes.Join(in.Parts, nil))
	if err != nil {
		return Proof{}, err
	}
	if err := a.checkChain(chain, in.Now); err != nil {
		return Proof{}, err
	}
	hash, err := AppleClientDataHash(in.Challenge, in.Device, in.Approval)
	if err != nil {
		return Proof{}, err
	}
	if err := checkNonce(chain[0], authData, hash); err != nil {
		return Proof{}, err
	}
	if err := checkCredential(chain[0], authData); err != nil {
		return Proof{}, err
	}
	app, err := a.checkAuthData(authData)
	if err != nil {
		return Proof{}, err
	}
	return Proof{Level: protocol.LevelSecureEnclave, Details: Details{Application: app, Virtual: a.Development}}, nil
}

// parseAppAttest reads an attestation object: {"fmt": "apple-appattest", "attStmt": {"x5c": [...], "receipt": ...}, "authData": ...}.
func parseAppAttest(object []byte) (chain []*x509.Certificate, authData []byte, err error) {
	v, err := parseCBOR(object)
	if err != nil {
		return nil, nil, err
	}
	format, ok1 := v.of("fmt", cborText)
	statement, ok2 := v.of("attStmt", cborMap)
	data, ok3 := v.of("authData", cborBytes)
	x5c, ok4 := statement.of("x5c", cborArray)
	if !ok1 || !ok2 || !ok3 || !ok4 || string(format.data) != FormatApple || len(x5c.items) == 0 || len(x5c.items) > maxAppleChain {
		return nil, nil, fail(CodeMalformed, "no attestation object of App Attest")
	}
	if len(data.data) < authDataCredential || data.data[32]&flagAttested == 0 {
		return nil, nil, fail(CodeMalformed, "the authenticator data has no credential")
	}
	for _, item := range x5c.items {
		c, err := x509.ParseCertificate(item.data)
		if err != nil || item.major != cborBytes {
			return nil, nil, fail(CodeMalformed, "a part is no certificate")
		}
		chain = append(chain, c)
	}
	return chain, data.data, nil
}

func (a *Apple) checkChain(chain []*x509.Certificate, now time.Time) error {
	return verifyPath(chain, a.Roots, now)
}

// verifyPath is the standard path check (RFC 5280 section 6) for the formats whose certificates keep to the standard.
func verifyPath(chain, roots []*x509.Certificate, now time.Time) error {
	options := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	for _, c := range roots {
		options.Roots.AddCert(c)
	}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	for _, c := range chain {
		if now.After(c.NotAfter) {
			return fail(CodeExpired, "a certificate was valid until %s", c.NotAfter.UTC().Format(time.DateOnly))
		}
		if now.Before(c.NotBefore) {
			return fail(CodeNotYetValid, "a certificate is valid from %s", c.NotBefore.UTC().Format(time.DateOnly))
		}
		if c.PublicKey == nil {
			return fail(CodeAlgorithm, "a certificate's key is of an unknown kind")
		}
		if err := checkKey(c.PublicKey); err != nil {
			return err
		}
	}
	if _, err := chain[0].Verify(options); err != nil {
		return fail(CodeRootUntrusted, "%s", err.Error())
	}
	return nil
}

// checkNonce compares the certified nonce with SHA-256(authData || clientDataHash): this is what ties the statement to the
// enrollment and to both keys.
func checkNonce(leaf *x509.Certificate, authData []byte, clientDataHash [32]byte) error {
	var nonce []byte
	for _, e := range leaf.Extensions {
		if e.Id.Equal(oidNonce) {
			var in struct {
				Nonce []byte `asn1:"explicit,tag:1"`
			}
			if rest, err := asn1.Unmarshal(e.Value, &in); err != nil || len(rest) != 0 {
				return fail(CodeMalformed, "the certificate's nonce cannot be read")
			}
			nonce = in.Nonce
		}
	}
	if nonce == nil {
		return fail(CodeExtensionMissing, "the certificate has no nonce")
	}
	want := sha256.Sum256(append(slices.Clip(authData), clientDataHash[:]...))
	if subtle.ConstantTimeCompare(nonce, want[:]) != 1 {
		return fail(CodeChallengeMismatch, "made for another enrollment or other keys")
	}
	return nil
}

// checkCredential compares the credential id with SHA-256 of the certified key as an uncompressed point.
func checkCredential(leaf *x509.Certificate, authData []byte) error {
	key, ok := leaf.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return fail(CodeAlgorithm, "the certified key is not on P-256")
	}
	point, err := key.Bytes()
	if err != nil {
		return fail(CodeAlgorithm, "the certified key is no point")
	}
	id := sha256.Sum256(point)
	n := int(binary.BigEndian.Uint16(authData[authDataLength:]))
	if n != len(id) || len(authData) < authDataCredential+n || subtle.ConstantTimeCompare(authData[authDataCredential:authDataCredential+n], id[:]) != 1 {
		return fail(CodeIdentifier, "")
	}
	return nil
}

// checkAuthData checks the application, the counter and the environment, and returns the application.
func (a *Apple) checkAuthData(authData []byte) (string, error) {
	i := slices.IndexFunc(a.Apps, func(app string) bool {
		id := sha256.Sum256([]byte(app))
		return bytes.Equal(authData[:32], id[:])
	})
	want := aaguidProduction
	if a.Development {
		want = aaguidDevelopment
	}
	switch {
	case i < 0:
		return "", fail(CodeApplication, "no app of this team and bundle")
	case binary.BigEndian.Uint32(authData[authDataCounter:]) != 0:
		return "", fail(CodeCounter, "")
	case string(authData[authDataAAGUID:authDataLength]) != want:
		return "", fail(CodeEnvironment, "")
	}
	return a.Apps[i], nil
}
