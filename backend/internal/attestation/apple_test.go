package attestation_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"math/big"
	"testing"

	"github.com/nod-auth/nod/backend/internal/attestation"
	"github.com/nod-auth/nod/shared/protocol"
)

// iphone is what an iPhone and Apple's service would send.
type iphone struct {
	nodes     []*node // root first
	app       string
	aaguid    string
	counter   uint32
	flags     byte
	id        []byte // credential id; nil: the right one
	format    string
	nonce     []byte // nil: the right one
	noNonce   bool
	challenge [32]byte
	device    protocol.Thumbprint // as the app bound them
	approval  protocol.Thumbprint
	policy    attestation.Apple
	in        attestation.Params
	mangle    func([]byte) []byte
}

var oidAppleNonce = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 8, 2}

func thumbprint(b byte) protocol.Thumbprint {
	return protocol.Thumbprint(base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)))
}

func newIPhone(t testing.TB) *iphone {
	p := &iphone{app: "A1B2C3D4E5.org.nod.authenticator", aaguid: "appattest\x00\x00\x00\x00\x00\x00\x00", flags: 0x40, format: "apple-appattest", challenge: challenge,
		device: thumbprint(1), approval: thumbprint(2)}
	p.nodes = []*node{
		{key: key(t, elliptic.P384()), subject: pkix.Name{CommonName: "Apple App Attestation Root CA"}, serial: big.NewInt(1), from: longAgo, to: farAway, ca: true},
		{key: key(t, elliptic.P384()), subject: pkix.Name{CommonName: "Apple App Attestation CA 1"}, serial: big.NewInt(2), from: longAgo, to: farAway, ca: true},
		{key: key(t, elliptic.P256()), subject: pkix.Name{CommonName: "credential"}, serial: big.NewInt(3), from: now.AddDate(0, 0, -1), to: now.AddDate(0, 0, 2)},
	}
	registered := key(t, elliptic.P256())
	p.policy = attestation.Apple{Apps: []string{"Z9Y8X7W6V5.com.examplebank.approve", p.app}}
	p.in = attestation.Params{Format: attestation.FormatApple, Challenge: challenge, Role: protocol.RoleApproval, Key: &registered.PublicKey,
		Claimed: protocol.LevelSecureEnclave, Device: p.device, Approval: p.approval, Now: now}
	return p
}

func cborHead(major byte, n int) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 256:
		return []byte{major<<5 | 24, byte(n)}
	}
	return []byte{major<<5 | 25, byte(n >> 8), byte(n)}
}

func cborBytes(b []byte) []byte { return append(cborHead(2, len(b)), b...) }
func cborText(s string) []byte  { return append(cborHead(3, len(s)), s...) }

func (p *iphone) authData() []byte {
	hash := sha256.Sum256([]byte(p.app))
	id := p.id
	if id == nil {
		point, err := p.nodes[2].key.Public().(*ecdsa.PublicKey).Bytes()
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(point)
		id = sum[:]
	}
	out := append(hash[:], p.flags)
	out = binary.BigEndian.AppendUint32(out, p.counter)
	out = append(out, p.aaguid...)
	out = binary.BigEndian.AppendUint16(out, uint16(len(id)))
	return append(append(out, id...), 0xa0)
}

// object makes the attestation object.
func (p *iphone) object(t testing.TB) []byte {
	t.Helper()
	authData := p.authData()
	nonce := p.nonce
	if nonce == nil {
		hash := must[[32]byte](t)(attestation.AppleClientDataHash(p.challenge, p.device, p.approval))
		sum := sha256.Sum256(append(bytes.Clone(authData), hash[:]...))
		nonce = sum[:]
	}
	if !p.noNonce {
		p.nodes[2].extra = []pkix.Extension{{Id: oidAppleNonce, Value: sequence(der(asn1.RawValue{Class: 2, Tag: 1, IsCompound: true, Bytes: der(nonce)}))}}
	}
	chain := build(t, p.nodes)
	if p.policy.Roots == nil {
		p.policy.Roots = []*x509.Certificate{parse(t, chain[2])}
	}
	x5c := append(append(cborHead(4, 2), cborBytes(chain[0])...), cborBytes(chain[1])...)
	statement := bytes.Join([][]byte{cborHead(5, 2), cborText("x5c"), x5c, cborText("receipt"), cborBytes(make([]byte, 300))}, nil)
	return bytes.Join([][]byte{cborHead(5, 3), cborText("fmt"), cborText(p.format), cborText("attStmt"), statement, cborText("authData"), cborBytes(authData)}, nil)
}

func (p *iphone) attest(t testing.TB) (attestation.Proof, error) {
	t.Helper()
	object := p.object(t)
	if p.mangle != nil {
		object = p.mangle(object)
	}
	p.in.Parts = [][]byte{object[:100], object[100:]} // in two parts, as a long one may come
	return attestation.Policy{Apple: &p.policy}.Verify(p.in)
}

func TestT14_AppAttestProvesTheSecureEnclave(t *testing.T) {
	for name, change := range map[string]func(*iphone){
		"in production":               func(*iphone) {},
		"the other brand":             func(p *iphone) { p.app = p.policy.Apps[0] },
		"in development, where asked": func(p *iphone) { p.aaguid, p.policy.Development = "appattestdevelop", true },
		"for the device key":          func(p *iphone) { p.in.Role = protocol.RoleDevice },
	} {
		t.Run(name, func(t *testing.T) {
			p := newIPhone(t)
			change(p)
			proof, err := p.attest(t)
			wantLevel(t, proof, err, protocol.LevelSecureEnclave)
			if proof.Details.Application != p.app || proof.Details.Virtual != p.policy.Development {
				t.Errorf("details %+v", proof.Details)
			}
		})
	}
}

func TestT14_AppAttestEveryDefectIsRefused(t *testing.T) {
	other := newIPhone(t)
	other.object(t)
	otherRoot := other.policy.Roots
	for name, c := range map[string]struct {
		change func(*iphone)
		want   attestation.Code
	}{
		"another challenge":              {func(p *iphone) { p.challenge[0]++ }, attestation.CodeChallengeMismatch},
		"another device key":             {func(p *iphone) { p.device = thumbprint(3) }, attestation.CodeChallengeMismatch},
		"another approval key":           {func(p *iphone) { p.approval = thumbprint(3) }, attestation.CodeChallengeMismatch},
		"the keys in each other's place": {func(p *iphone) { p.device, p.approval = p.approval, p.device }, attestation.CodeChallengeMismatch},
		"a nonce of another statement":   {func(p *iphone) { p.nonce = make([]byte, 32) }, attestation.CodeChallengeMismatch},
		"an empty nonce":                 {func(p *iphone) { p.nonce = []byte{} }, attestation.CodeChallengeMismatch},
		"no nonce":                       {func(p *iphone) { p.noNonce = true }, attestation.CodeExtensionMissing},
		"another app":                    {func(p *iphone) { p.app = "A1B2C3D4E5.org.evil" }, attestation.CodeApplication},
		"another team":                   {func(p *iphone) { p.app = "XXXXXXXXXX.org.nod.authenticator" }, attestation.CodeApplication},
		"a counter that ran":             {func(p *iphone) { p.counter = 1 }, attestation.CodeCounter},
		"development":                    {func(p *iphone) { p.aaguid = "appattestdevelop" }, attestation.CodeEnvironment},
		"production in development":      {func(p *iphone) { p.policy.Development = true }, attestation.CodeEnvironment},
		"another credential":             {func(p *iphone) { p.id = make([]byte, 32) }, attestation.CodeIdentifier},
		"a credential id that is short":  {func(p *iphone) { p.id = make([]byte, 4) }, attestation.CodeIdentifier},
		"no credential flag":             {func(p *iphone) { p.flags = 0 }, attestation.CodeMalformed},
		"another format":                 {func(p *iphone) { p.format = "packed" }, attestation.CodeMalformed},
		"an app that claims less":        {func(p *iphone) { p.in.Claimed = protocol.LevelSoftware }, attestation.CodeLevelTooLow},
		"an app that claims StrongBox":   {func(p *iphone) { p.in.Claimed = protocol.LevelStrongBox }, attestation.CodeLevelTooLow},
		"no root":                        {func(p *iphone) { p.policy.Roots = []*x509.Certificate{} }, attestation.CodeRootUntrusted},
		"a root of the same name":        {func(p *iphone) { p.policy.Roots = otherRoot }, attestation.CodeRootUntrusted},
		"an expired certificate":         {func(p *iphone) { p.nodes[2].to = now.AddDate(0, 0, -1) }, attestation.CodeExpired},
		"a certificate of tomorrow":      {func(p *iphone) { p.nodes[2].from = now.AddDate(0, 0, 1) }, attestation.CodeNotYetValid},
		"an intermediate that is no CA":  {func(p *iphone) { p.nodes[1].ca = false }, attestation.CodeRootUntrusted},
		"something after the object":     {func(p *iphone) { p.mangle = func(o []byte) []byte { return append(o, 0) } }, attestation.CodeMalformed},
		"an object that is cut":          {func(p *iphone) { p.mangle = func(o []byte) []byte { return o[:len(o)-1] } }, attestation.CodeMalformed},
		"a member twice": {func(p *iphone) {
			p.mangle = func(o []byte) []byte { return bytes.Replace(o, cborText("receipt"), cborText("x5c"), 1) }
		}, attestation.CodeMalformed},
		"a thumbprint of no length": {func(p *iphone) { p.in.Device = "AAAA" }, attestation.CodeMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			p := newIPhone(t)
			c.change(p)
			proof, err := p.attest(t)
			wantCode(t, proof, err, c.want)
		})
	}
}

func TestCBORIsStrict(t *testing.T) {
	deep := append(bytes.Repeat([]byte{0x81}, 5000), 0)
	for name, object := range map[string][]byte{
		"nothing": {0xf6}, "a float": {0xf9, 0, 0}, "a tag": {0xc1, 0}, "a negative number": {0x20}, "an indefinite map": {0xbf, 0xff}, "an indefinite string": {0x5f, 0xff},
		"a length of 2^64-1": {0x5b, 255, 255, 255, 255, 255, 255, 255, 255}, "an array of 2^64-1": {0x9b, 255, 255, 255, 255, 255, 255, 255, 255},
		"a map of 2^32": {0xba, 255, 255, 255, 255, 0x60, 0}, "a long form": {0x58, 1, 0}, "a number as a name": {0xa1, 0, 0}, "too deep": deep,
		"too many": append([]byte{0x98, 70}, make([]byte, 70)...), "reserved": {0x1c},
	} {
		p := newIPhone(t)
		p.in.Parts = [][]byte{object}
		proof, err := attestation.Policy{Apple: &p.policy}.Verify(p.in)
		t.Run(name, func(t *testing.T) { wantCode(t, proof, err, attestation.CodeMalformed) })
	}
}
