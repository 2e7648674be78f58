package attestation

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"slices"

	"github.com/nod-auth/nod/shared/protocol"
)

// Constants of the TPM 2.0 Library, part 2: algorithms (6.3), curves (6.4), TPM_GENERATED (6.2), structure tags (6.9), object
// attributes (8.3).
const (
	tpmRSASSA = 0x0014
	tpmNull   = 0x0010
	tpmECDSA  = 0x0018
	tpmECC    = 0x0023
	tpmSHA256 = 0x000b
	tpmSHA384 = 0x000c
	tpmP256   = 0x0003

	tpmGenerated = 0xff544347
	tpmCertify   = 0x8017

	attrFixedTPM     = 1 << 1
	attrFixedParent  = 1 << 4
	attrOrigin       = 1 << 5
	attrUserWithAuth = 1 << 6
	attrAdminPolicy  = 1 << 7
	attrNoDA         = 1 << 10
	attrRestricted   = 1 << 16
	attrDecrypt      = 1 << 17
	attrSign         = 1 << 18
)

var (
	// oidAIK is tcg-kp-AIKCertificate (TCG EK Credential Profile, and WebAuthn Level 2 section 8.3.1).
	oidAIK            = asn1.ObjectIdentifier{2, 23, 133, 8, 3}
	oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}
)

const tpmPartsBeforeChain = 3

func (t *TPM) verify(in Params) (Proof, error) {
	if len(in.Parts) <= tpmPartsBeforeChain {
		return Proof{}, fail(CodeMalformed, "no certificate")
	}
	statement, signature, public := in.Parts[0], in.Parts[1], in.Parts[2]
	aik, err := t.checkChain(in)
	if err != nil {
		return Proof{}, err
	}
	if err := checkTPMSignature(aik.PublicKey, statement, signature); err != nil {
		return Proof{}, err
	}
	certified, err := parseCertify(statement)
	if err != nil {
		return Proof{}, err
	}
	if subtle.ConstantTimeCompare(certified.extra, in.Challenge[:]) != 1 {
		return Proof{}, fail(CodeChallengeMismatch, "")
	}
	if sum := sha256.Sum256(public); !slices.Equal(certified.name, append([]byte{tpmSHA256 >> 8, tpmSHA256}, sum[:]...)) {
		return Proof{}, fail(CodeKeyMismatch, "the statement names another public area")
	}
	area, err := parsePublicArea(public)
	if err != nil {
		return Proof{}, err
	}
	if !area.holds(in.Key) {
		return Proof{}, fail(CodeKeyMismatch, "the public area is of another key")
	}
	if err := area.check(in.Role); err != nil {
		return Proof{}, err
	}
	return Proof{Level: protocol.LevelTPM}, nil
}

// checkChain returns the attestation key's certificate after the standard path check.
func (t *TPM) checkChain(in Params) (*x509.Certificate, error) {
	var chain []*x509.Certificate
	for _, der := range in.Parts[tpmPartsBeforeChain:] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fail(CodeMalformed, "a part is no certificate")
		}
		chain = append(chain, c)
	}
	aik := chain[0]
	// The chip's maker stands in a critical alternative name of a kind that crypto/x509 does not read; it decides nothing here.
	aik.UnhandledCriticalExtensions = slices.DeleteFunc(aik.UnhandledCriticalExtensions, func(oid asn1.ObjectIdentifier) bool { return oid.Equal(oidSubjectAltName) })
	if err := verifyPath(chain, t.Roots, in.Now); err != nil {
		return nil, err
	}
	if aik.IsCA || !slices.ContainsFunc(aik.UnknownExtKeyUsage, oidAIK.Equal) {
		return nil, fail(CodeCertificateType, "not the certificate of an attestation key")
	}
	return aik, nil
}

// tpmReader reads the big-endian structures of part 2; after a failure it stays failed and gives zeros.
type tpmReader struct {
	rest   []byte
	failed bool
}

func (r *tpmReader) take(n int) []byte {
	if r.failed || n > len(r.rest) {
		r.failed = true
		return make([]byte, min(n, 8))
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *tpmReader) u16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *tpmReader) u32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }

// sized reads a TPM2B: a length and so many bytes, at most a kilobyte of which any TPM has need.
func (r *tpmReader) sized() []byte {
	n := int(r.u16())
	if n > 1024 {
		r.failed = true
	}
	if r.failed {
		return nil
	}
	return r.take(n)
}

func (r *tpmReader) done(what string) error {
	if r.failed || len(r.rest) > 0 {
		return fail(CodeMalformed, "no %s", what)
	}
	return nil
}

type certifyInfo struct{ extra, name []byte }

// parseCertify reads a TPMS_ATTEST with a TPMS_CERTIFY_INFO (part 2, 10.12.12 and 10.12.3).
func parseCertify(data []byte) (certifyInfo, error) {
	r := &tpmReader{rest: data}
	magic, kind := r.u32(), r.u16()
	r.sized() // qualified signer
	extra := r.sized()
	r.take(8 + 4 + 4 + 1) // clock, resets, restarts, safe
	r.take(8)             // firmware version
	if !r.failed && (magic != tpmGenerated || kind != tpmCertify) {
		return certifyInfo{}, fail(CodeStatement, "not made by TPM2_Certify inside a TPM")
	}
	name := r.sized()
	r.sized() // qualified name
	return certifyInfo{extra: extra, name: name}, r.done("statement of TPM2_Certify")
}

// publicArea is a TPMT_PUBLIC of an ECC key (part 2, 12.2.4).
type publicArea struct {
	attributes uint32
	policy     []byte
	x, y       []byte
}

func parsePublicArea(data []byte) (publicArea, error) {
	r := &tpmReader{rest: data}
	kind, nameAlg := r.u16(), r.u16()
	a := publicArea{attributes: r.u32(), policy: r.sized()}
	symmetric, scheme := r.u16(), r.u16()
	hash := uint16(tpmSHA256)
	if scheme != tpmNull {
		hash = r.u16()
	}
	curve, kdf := r.u16(), r.u16()
	a.x, a.y = r.sized(), r.sized()
	if err := r.done("public area"); err != nil {
		return a, err
	}
	if kind != tpmECC || nameAlg != tpmSHA256 || symmetric != tpmNull || scheme != tpmNull && scheme != tpmECDSA || hash != tpmSHA256 || curve != tpmP256 || kdf != tpmNull {
		return a, fail(CodeAlgorithm, "the key is not for ECDSA with SHA-256 on P-256")
	}
	return a, nil
}

func (a publicArea) holds(key *ecdsa.PublicKey) bool {
	point, err := key.Bytes()
	if err != nil || key.Curve != elliptic.P256() || len(a.x) > 32 || len(a.y) > 32 {
		return false
	}
	var own [65]byte
	own[0] = 4
	copy(own[33-len(a.x):], a.x)
	copy(own[65-len(a.y):], a.y)
	return slices.Equal(own[:], point)
}

// check wants a key that was made in this chip, cannot leave it and only signs; an approval key also one that nothing but its authorization
// value opens.
func (a publicArea) check(role protocol.KeyRole) error {
	const inside = attrFixedTPM | attrFixedParent | attrOrigin
	switch {
	case a.attributes&inside != inside:
		return fail(CodeKeyOrigin, "attributes %#x", a.attributes)
	case a.attributes&(attrSign|attrDecrypt|attrRestricted) != attrSign:
		return fail(CodeKeyPurpose, "attributes %#x", a.attributes)
	case role == protocol.RoleApproval && (a.attributes&(attrUserWithAuth|attrAdminPolicy|attrNoDA) != attrUserWithAuth || len(a.policy) > 0):
		return fail(CodeUserAuthMissing, "attributes %#x, policy of %d bytes", a.attributes, len(a.policy))
	}
	return nil
}

// checkTPMSignature checks a TPMT_SIGNATURE (part 2, 11.3.4): RSASSA with SHA-256, or ECDSA with SHA-256 or SHA-384.
func checkTPMSignature(key crypto.PublicKey, statement, signature []byte) error {
	r := &tpmReader{rest: signature}
	scheme, hash := r.u16(), r.u16()
	digest := digestOf(hash, statement)
	switch k := key.(type) {
	case *rsa.PublicKey:
		sig := r.sized()
		if err := r.done("signature"); err != nil {
			return err
		}
		if scheme != tpmRSASSA || hash != tpmSHA256 {
			return fail(CodeAlgorithm, "scheme %#x with hash %#x", scheme, hash)
		}
		if rsa.VerifyPKCS1v15(k, crypto.SHA256, digest, sig) != nil {
			return fail(CodeSignature, "the statement's signature does not verify")
		}
	case *ecdsa.PublicKey:
		x, y := r.sized(), r.sized()
		if err := r.done("signature"); err != nil {
			return err
		}
		if scheme != tpmECDSA || digest == nil {
			return fail(CodeAlgorithm, "scheme %#x with hash %#x", scheme, hash)
		}
		if !ecdsa.Verify(k, digest, new(big.Int).SetBytes(x), new(big.Int).SetBytes(y)) {
			return fail(CodeSignature, "the statement's signature does not verify")
		}
	default:
		return fail(CodeAlgorithm, "the attestation key is of an unknown kind")
	}
	return nil
}

func digestOf(hash uint16, data []byte) []byte {
	switch hash {
	case tpmSHA256:
		sum := sha256.Sum256(data)
		return sum[:]
	case tpmSHA384:
		sum := sha512.Sum384(data)
		return sum[:]
	}
	return nil
}
