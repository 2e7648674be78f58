package attestation_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/json"
	"math/big"
	"os"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/attestation"
	"github.com/nod-auth/nod/shared/protocol"
)

// chip is what a TPM and the operator's CA would send.
type chip struct {
	nodes      []*node // root first; the last is the attestation key
	magic      uint32
	kind       uint16
	extra      []byte
	name       []byte // nil: the right one
	attributes uint32
	authPolicy []byte
	scheme     []uint16
	curve      uint16
	nameAlg    uint16
	certified  *ecdsa.PublicKey
	hash       crypto.Hash
	policy     attestation.TPM
	in         attestation.Params
	mangle     func([][]byte) [][]byte
}

const (
	deviceAttributes   = 1<<1 | 1<<4 | 1<<5 | 1<<6 | 1<<10 | 1<<18
	approvalAttributes = 1<<1 | 1<<4 | 1<<5 | 1<<6 | 1<<18
)

var oidAIK = asn1.ObjectIdentifier{2, 23, 133, 8, 3}

func newChip(t testing.TB) *chip {
	k := key(t, elliptic.P256())
	c := &chip{magic: 0xff544347, kind: 0x8017, extra: challenge[:], attributes: approvalAttributes, scheme: []uint16{0x18, 0x0b}, curve: 3, nameAlg: 0x0b, certified: &k.PublicKey, hash: crypto.SHA256}
	c.nodes = []*node{
		{key: key(t, elliptic.P384()), subject: pkix.Name{CommonName: "Fleet CA"}, serial: big.NewInt(1), from: longAgo, to: farAway, ca: true},
		// The alternative name is critical and a directory name with the maker's model, as the TCG wants it.
		{key: key(t, elliptic.P256()), serial: big.NewInt(2), from: longAgo, to: farAway, eku: []asn1.ObjectIdentifier{oidAIK}, extra: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Critical: true,
			Value: sequence(der(asn1.RawValue{Class: 2, Tag: 4, IsCompound: true, Bytes: der(pkix.Name{CommonName: "id:53575450"}.ToRDNSequence())}))}}},
	}
	c.in = attestation.Params{Format: attestation.FormatTPM, Challenge: challenge, Role: protocol.RoleApproval, Key: &k.PublicKey, Claimed: protocol.LevelTPM, Now: now}
	return c
}

func sized(b []byte) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...) }

func u16s(values ...uint16) (out []byte) {
	for _, v := range values {
		out = binary.BigEndian.AppendUint16(out, v)
	}
	return out
}

func (c *chip) public() []byte {
	out := binary.BigEndian.AppendUint32(u16s(0x23, c.nameAlg), c.attributes)
	out = append(append(out, sized(c.authPolicy)...), u16s(0x10)...)
	out = append(append(out, u16s(c.scheme...)...), u16s(c.curve, 0x10)...)
	point, err := c.certified.Bytes()
	if err != nil {
		panic(err)
	}
	return append(append(out, sized(point[1:33])...), sized(point[33:])...)
}

func (c *chip) statement(public []byte) []byte {
	name := c.name
	if name == nil {
		sum := sha256.Sum256(public)
		name = append(u16s(0x0b), sum[:]...)
	}
	out := append(binary.BigEndian.AppendUint32(nil, c.magic), u16s(c.kind)...)
	out = append(append(out, sized([]byte("signer"))...), sized(c.extra)...)
	out = append(out, make([]byte, 17+8)...)
	return append(append(out, sized(name)...), sized([]byte("qualified"))...)
}

func (c *chip) sign(t testing.TB, signer crypto.Signer, statement []byte) []byte {
	t.Helper()
	sum256, sum384 := sha256.Sum256(statement), sha512.Sum384(statement)
	digest, alg := sum256[:], uint16(0x0b)
	if c.hash == crypto.SHA384 {
		digest, alg = sum384[:], 0x0c
	}
	switch k := signer.(type) {
	case *rsa.PrivateKey:
		sig := must[[]byte](t)(rsa.SignPKCS1v15(rand.Reader, k, c.hash, digest))
		return append(u16s(0x14, alg), sized(sig)...)
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, k, digest)
		if err != nil {
			t.Fatal(err)
		}
		return append(append(u16s(0x18, alg), sized(r.Bytes())...), sized(s.Bytes())...)
	}
	t.Fatal("no such key")
	return nil
}

func (c *chip) attest(t testing.TB) (attestation.Proof, error) {
	t.Helper()
	chain := build(t, c.nodes)
	if c.policy.Roots == nil {
		c.policy.Roots = []*x509.Certificate{parse(t, chain[len(chain)-1])}
	}
	public := c.public()
	statement := c.statement(public)
	c.in.Parts = append([][]byte{statement, c.sign(t, c.nodes[len(c.nodes)-1].key, statement), public}, chain[:len(chain)-1]...)
	if c.mangle != nil {
		c.in.Parts = c.mangle(c.in.Parts)
	}
	return attestation.Policy{TPM: &c.policy}.Verify(c.in)
}

func TestT14_CertifyProvesATPMKey(t *testing.T) {
	for name, change := range map[string]func(*chip){
		"an approval key": func(*chip) {},
		"a device key, free of the guessing protection": func(c *chip) { c.in.Role, c.attributes = protocol.RoleDevice, deviceAttributes },
		"a key without a fixed scheme":                  func(c *chip) { c.scheme = []uint16{0x10} },
		"an RSA attestation key":                        func(c *chip) { c.nodes[1].key = rsaKey() },
		"a signature with SHA-384":                      func(c *chip) { c.hash = crypto.SHA384 },
		"a CA in between": func(c *chip) {
			c.nodes = []*node{c.nodes[0], {key: rsaKey(), subject: pkix.Name{CommonName: "Fleet CA 2"}, serial: big.NewInt(9), from: longAgo, to: farAway, ca: true}, c.nodes[1]}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newChip(t)
			change(c)
			proof, err := c.attest(t)
			wantLevel(t, proof, err, protocol.LevelTPM)
		})
	}
}

func TestT14_CertifyEveryDefectIsRefused(t *testing.T) {
	other := newChip(t)
	if _, err := other.attest(t); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*chip)
		want   attestation.Code
	}{
		"another challenge":                 {func(c *chip) { c.extra = make([]byte, 32) }, attestation.CodeChallengeMismatch},
		"no challenge":                      {func(c *chip) { c.extra = nil }, attestation.CodeChallengeMismatch},
		"a name of another key":             {func(c *chip) { c.name = make([]byte, 34) }, attestation.CodeKeyMismatch},
		"no name":                           {func(c *chip) { c.name = []byte{} }, attestation.CodeKeyMismatch},
		"another key registered":            {func(c *chip) { c.in.Key = other.certified }, attestation.CodeKeyMismatch},
		"another public area":               {func(c *chip) { c.mangle = func(p [][]byte) [][]byte { p[2] = other.in.Parts[2]; return p } }, attestation.CodeKeyMismatch},
		"a key that may be duplicated":      {func(c *chip) { c.attributes &^= 1 << 1 }, attestation.CodeKeyOrigin},
		"a parent that may change":          {func(c *chip) { c.attributes &^= 1 << 4 }, attestation.CodeKeyOrigin},
		"an imported key":                   {func(c *chip) { c.attributes &^= 1 << 5 }, attestation.CodeKeyOrigin},
		"a key that does not sign":          {func(c *chip) { c.attributes &^= 1 << 18 }, attestation.CodeKeyPurpose},
		"a key that decrypts":               {func(c *chip) { c.attributes |= 1 << 17 }, attestation.CodeKeyPurpose},
		"a restricted key":                  {func(c *chip) { c.attributes |= 1 << 16 }, attestation.CodeKeyPurpose},
		"an approval key open by policy":    {func(c *chip) { c.authPolicy = make([]byte, 32) }, attestation.CodeUserAuthMissing},
		"an approval key without its value": {func(c *chip) { c.attributes &^= 1 << 6 }, attestation.CodeUserAuthMissing},
		"an approval key under admin":       {func(c *chip) { c.attributes |= 1 << 7 }, attestation.CodeUserAuthMissing},
		"an approval key to guess at":       {func(c *chip) { c.attributes |= 1 << 10 }, attestation.CodeUserAuthMissing},
		"not made in a TPM":                 {func(c *chip) { c.magic++ }, attestation.CodeStatement},
		"a quote":                           {func(c *chip) { c.kind = 0x8018 }, attestation.CodeStatement},
		"another signature":                 {func(c *chip) { c.mangle = func(p [][]byte) [][]byte { p[1] = other.in.Parts[1]; return p } }, attestation.CodeSignature},
		"signature of another kind":         {func(c *chip) { c.mangle = func(p [][]byte) [][]byte { p[1][1] = 0x1a; return p } }, attestation.CodeAlgorithm},
		"signature with SHA-1":              {func(c *chip) { c.mangle = func(p [][]byte) [][]byte { p[1][3] = 4; return p } }, attestation.CodeAlgorithm},
		"signature cut":                     {func(c *chip) { c.mangle = func(p [][]byte) [][]byte { p[1] = p[1][:9]; return p } }, attestation.CodeMalformed},
		"bytes after the signature":         {func(c *chip) { c.mangle = func(p [][]byte) [][]byte { p[1] = append(p[1], 0); return p } }, attestation.CodeMalformed},
		"a scheme of another kind":          {func(c *chip) { c.scheme[0] = 0x1a }, attestation.CodeAlgorithm},
		"a scheme with SHA-1":               {func(c *chip) { c.scheme[1] = 4 }, attestation.CodeAlgorithm},
		"another curve":                     {func(c *chip) { c.curve = 4 }, attestation.CodeAlgorithm},
		"another name algorithm":            {func(c *chip) { c.nameAlg = 4 }, attestation.CodeAlgorithm},
		"an unknown root":                   {func(c *chip) { c.policy.Roots = other.policy.Roots }, attestation.CodeRootUntrusted},
		"a certificate of another use":      {func(c *chip) { c.nodes[1].eku = nil }, attestation.CodeCertificateType},
		"a CA that attests":                 {func(c *chip) { c.nodes[1].ca = true }, attestation.CodeCertificateType},
		"an expired certificate":            {func(c *chip) { c.nodes[1].to = now.Add(-time.Hour) }, attestation.CodeExpired},
		"a weak attestation key": {func(c *chip) {
			c.nodes[1].public = &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537}
		}, attestation.CodeAlgorithm},
		"no certificate":             {func(c *chip) { c.mangle = func(p [][]byte) [][]byte { return p[:3] } }, attestation.CodeMalformed},
		"a certificate that is none": {func(c *chip) { c.mangle = func(p [][]byte) [][]byte { p[3] = p[0]; return p } }, attestation.CodeMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			chip := newChip(t)
			c.change(chip)
			proof, err := chip.attest(t)
			wantCode(t, proof, err, c.want)
		})
	}
}

// The file was made with swtpm: both keys of mobile/keystore/tpm, certified by an ECDSA attestation key.
func TestT14_AStatementOfAnEmulatedTPMVerifies(t *testing.T) {
	var v struct {
		Challenge        []byte
		Root, AIK        []byte
		Device, Approval struct{ Statement, Signature, Public, X, Y []byte }
	}
	text := must[[]byte](t)(os.ReadFile("testdata/swtpm.json"))
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	policy := attestation.Policy{TPM: &attestation.TPM{Roots: []*x509.Certificate{parse(t, v.Root)}}}
	for role, s := range map[protocol.KeyRole]struct{ Statement, Signature, Public, X, Y []byte }{protocol.RoleDevice: v.Device, protocol.RoleApproval: v.Approval} {
		k := point(t, s.X, s.Y)
		in := attestation.Params{Format: attestation.FormatTPM, Parts: [][]byte{s.Statement, s.Signature, s.Public, v.AIK}, Challenge: [32]byte(v.Challenge), Role: role, Key: k, Now: now}
		proof, err := policy.Verify(in)
		wantLevel(t, proof, err, protocol.LevelTPM)
		in.Parts[0] = append([]byte(nil), s.Statement...)
		in.Parts[0][len(in.Parts[0])-1] ^= 1
		proof, err = policy.Verify(in)
		wantCode(t, proof, err, attestation.CodeSignature)
	}
	in := attestation.Params{Format: attestation.FormatTPM, Parts: [][]byte{v.Device.Statement, v.Device.Signature, v.Device.Public, v.AIK}, Challenge: [32]byte(v.Challenge),
		Role: protocol.RoleApproval, Key: point(t, v.Device.X, v.Device.Y), Now: now}
	proof, err := policy.Verify(in)
	wantCode(t, proof, err, attestation.CodeUserAuthMissing) // the device key in the approval key's place
}

func point(t *testing.T, x, y []byte) *ecdsa.PublicKey {
	t.Helper()
	var raw [65]byte
	raw[0] = 4
	copy(raw[33-len(x):], x)
	copy(raw[65-len(y):], y)
	return must[*ecdsa.PublicKey](t)(ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw[:]))
}
