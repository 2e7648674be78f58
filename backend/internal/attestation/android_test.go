package attestation_test

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/attestation"
	"github.com/nod-auth/nod/shared/protocol"
)

// phone is what an Android device would attest to, with every part open to be spoiled.
type phone struct {
	nodes     []*node // root first
	withRoot  bool
	describe  bool
	spare     int // bytes after the description
	levels    [2]int
	challenge []byte
	hardware  map[int][]byte
	software  map[int][]byte
	twice     int // a tag to repeat
	packages  []string
	signers   [][]byte
	policy    attestation.Android
	in        attestation.Params
	mangle    func([][]byte) [][]byte
}

var (
	oidDescription  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 1, 17}
	oidProvisioning = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 1, 30}
	brandSigner     = [32]byte{0xaa, 1}
	otherBrand      = [32]byte{0xbb, 2}
)

func der(v any) []byte {
	out, err := asn1.Marshal(v)
	if err != nil {
		panic(err)
	}
	return out
}

func set(items ...[]byte) []byte {
	return der(asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: bytes.Join(items, nil)})
}

func sequence(items ...[]byte) []byte {
	return der(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: bytes.Join(items, nil)})
}

func rootOfTrust(locked bool, state int) []byte {
	return sequence(der(make([]byte, 32)), der(locked), der(asn1.Enumerated(state)), der(make([]byte, 32)))
}

// entity is the name of an attestation certificate: title and serial number in the factory.
func entity(title, serial string) pkix.Name {
	n := pkix.Name{SerialNumber: serial}
	if title != "" {
		n.ExtraNames = []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 12}, Value: title}}
	}
	return n
}

// newPhone is a phone whose key is in the TEE, provisioned in the factory.
func newPhone(t testing.TB) *phone {
	leaf := key(t, elliptic.P256())
	p := &phone{withRoot: true, describe: true, levels: [2]int{1, 1}, challenge: challenge[:], packages: []string{"org.nod.authenticator"}, signers: [][]byte{brandSigner[:]},
		hardware: map[int][]byte{1: set(der(2), der(3)), 2: der(3), 3: der(256), 10: der(1), 503: der(asn1.NullRawValue), 702: der(0), 704: rootOfTrust(true, 0), 705: der(160000), 706: der(202611)},
		software: map[int][]byte{701: der(int64(1758900680964))}}
	root := key(t, elliptic.P384())
	p.nodes = []*node{
		{key: root, subject: pkix.Name{SerialNumber: "f92009e853b6b045"}, serial: big.NewInt(0xf1c1), from: longAgo, to: farAway, ca: true},
		{key: key(t, elliptic.P384()), subject: entity("TEE", "8ea03f9f"), serial: big.NewInt(0x9b1b25), from: longAgo, to: farAway, ca: true},
		{key: key(t, elliptic.P256()), subject: entity("TEE", "32c78f3a"), serial: big.NewInt(0x50df3b), from: longAgo, to: farAway, ca: true},
		{key: leaf, subject: pkix.Name{CommonName: "Android Keystore Key"}, serial: big.NewInt(1), from: time.Unix(0, 0), to: farAway},
	}
	p.policy = attestation.Android{Roots: []crypto.PublicKey{key(t, elliptic.P384()).Public(), root.Public()}, Status: statusList(t, now, `{"entries":{"dead":{"status":"REVOKED"}}}`),
		Apps: []attestation.AndroidApp{{Package: "com.examplebank.approve", Signers: [][32]byte{otherBrand}}, {Package: "org.nod.authenticator", Signers: [][32]byte{{9}, brandSigner}}}}
	p.in = attestation.Params{Format: attestation.FormatAndroid, Challenge: challenge, Role: protocol.RoleDevice, Key: &leaf.PublicKey, Claimed: protocol.LevelTEE, Now: now}
	return p
}

// newRemotePhone is a phone whose attestation key was provisioned remotely; its chain leaves the root out.
func newRemotePhone(t testing.TB) *phone {
	p := newPhone(t)
	p.withRoot = false
	p.nodes[0].subject = pkix.Name{CommonName: "Key Attestation CA1", Organization: []string{"Google LLC"}}
	p.nodes[1].subject = pkix.Name{CommonName: "Droid CA2", Organization: []string{"Google LLC"}}
	p.nodes[2].subject = pkix.Name{CommonName: "0123456789abcdef", Organization: []string{"TEE"}}
	p.nodes[2].from, p.nodes[2].to = now.AddDate(0, 0, -3), now.AddDate(0, 0, 27)
	p.nodes[2].extra = []pkix.Extension{{Id: oidProvisioning, Value: []byte{0xa1, 1, 5}}}
	return p
}

// askPerson makes the key an approval key that asks at each use.
func (p *phone) askPerson() {
	p.in.Role = protocol.RoleApproval
	delete(p.hardware, 503)
	p.hardware[504] = der(int64(3))
}

func (p *phone) list(members map[int][]byte) []byte {
	var items [][]byte
	for tag, value := range members {
		item := der(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: true, Bytes: value})
		items = append(items, item)
		if tag == p.twice {
			items = append(items, item)
		}
	}
	return sequence(items...)
}

func (p *phone) description() []byte {
	var packages, signers [][]byte
	for _, name := range p.packages {
		packages = append(packages, sequence(der([]byte(name)), der(7)))
	}
	for _, s := range p.signers {
		signers = append(signers, der(s))
	}
	if p.packages != nil {
		p.software[709] = der(sequence(set(packages...), set(signers...)))
	}
	return append(sequence(der(400), der(asn1.Enumerated(p.levels[0])), der(400), der(asn1.Enumerated(p.levels[1])), der(p.challenge), der([]byte{}),
		p.list(p.software), p.list(p.hardware)), make([]byte, p.spare)...)
}

// attest makes the chain and checks it.
func (p *phone) attest(t testing.TB) (attestation.Proof, error) {
	t.Helper()
	leaf := p.nodes[len(p.nodes)-1]
	if p.describe {
		leaf.extra = append(leaf.extra, pkix.Extension{Id: oidDescription, Value: p.description()})
	}
	p.in.Parts = build(t, p.nodes)
	if !p.withRoot {
		p.in.Parts = p.in.Parts[:len(p.in.Parts)-1]
	}
	if p.mangle != nil {
		p.in.Parts = p.mangle(p.in.Parts)
	}
	return attestation.Policy{Android: &p.policy}.Verify(p.in)
}

func statusList(t testing.TB, at time.Time, document string) *attestation.StatusList {
	t.Helper()
	l, err := attestation.ParseStatusList([]byte(document), at)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestT14_AndroidChainsProveTheirLevel(t *testing.T) {
	strongBox := func(p *phone) {
		p.levels = [2]int{2, 2}
		p.nodes[1].subject, p.nodes[2].subject = entity("StrongBox", "8ea03f9f"), entity("StrongBox", "32c78f3a")
	}
	for name, c := range map[string]struct {
		phone        func(testing.TB) *phone
		change       func(*phone)
		want         protocol.KeyLevel
		provisioning string
	}{
		"a factory chain": {newPhone, func(*phone) {}, protocol.LevelTEE, "factory"},
		"a remotely provisioned chain without its root":       {newRemotePhone, func(*phone) {}, protocol.LevelTEE, "remote"},
		"a remotely provisioned chain with its root":          {newRemotePhone, func(p *phone) { p.withRoot = true }, protocol.LevelTEE, "remote"},
		"a factory chain without its root":                    {newPhone, func(p *phone) { p.withRoot = false }, protocol.LevelTEE, "factory"},
		"an RSA root":                                         {newPhone, func(p *phone) { p.nodes[0].key = rsaKey(); p.policy.Roots[1] = rsaKey().Public() }, protocol.LevelTEE, "factory"},
		"an RSA attestation key":                              {newPhone, func(p *phone) { p.nodes[2].key = rsaKey() }, protocol.LevelTEE, "factory"},
		"a StrongBox of the factory":                          {newPhone, strongBox, protocol.LevelStrongBox, "factory"},
		"a StrongBox provisioned remotely":                    {newRemotePhone, func(p *phone) { p.levels = [2]int{2, 2}; p.nodes[2].subject.Organization = []string{"StrongBox"} }, protocol.LevelStrongBox, "remote"},
		"a TEE's key that calls itself StrongBox is TEE":      {newPhone, func(p *phone) { p.levels = [2]int{2, 2} }, protocol.LevelTEE, "factory"},
		"a StrongBox key attested by the TEE is TEE":          {newPhone, func(p *phone) { strongBox(p); p.levels[0] = 1 }, protocol.LevelTEE, "factory"},
		"an approval key that asks at each use":               {newPhone, (*phone).askPerson, protocol.LevelTEE, "factory"},
		"an approval key with user authentication of any":     {newPhone, func(p *phone) { p.askPerson(); p.hardware[504] = der(int64(1)<<32 - 1) }, protocol.LevelTEE, "factory"},
		"a factory chain that expired":                        {newPhone, func(p *phone) { p.nodes[1].to, p.nodes[2].to = now.AddDate(0, -6, 0), now.AddDate(0, -6, 0) }, protocol.LevelTEE, "factory"},
		"an expired root, which is trusted by its key":        {newRemotePhone, func(p *phone) { p.withRoot = true; p.nodes[0].to = now.AddDate(0, -6, 0) }, protocol.LevelTEE, "remote"},
		"a leaf with dates of a wrong clock":                  {newRemotePhone, func(p *phone) { p.nodes[3].from = now.AddDate(3, 0, 0) }, protocol.LevelTEE, "remote"},
		"tags of a future version":                            {newPhone, func(p *phone) { p.hardware[9999] = der(1); p.software[724] = der([]byte("x")) }, protocol.LevelTEE, "factory"},
		"the other brand":                                     {newPhone, func(p *phone) { p.packages, p.signers = []string{"com.examplebank.approve"}, [][]byte{otherBrand[:]} }, protocol.LevelTEE, "factory"},
		"no status list, where policy allows it":              {newPhone, func(p *phone) { p.policy.Status, p.policy.WithoutStatus = nil, true }, protocol.LevelTEE, "factory"},
		"a listed serial of the leaf, which the device chose": {newPhone, func(p *phone) { p.policy.Status = statusList(t, now, `{"entries":{"1":{"status":"REVOKED"}}}`) }, protocol.LevelTEE, "factory"},
		"a status list just young enough": {newPhone, func(p *phone) {
			p.policy.Status = statusList(t, now.Add(-attestation.DefaultStatusMaxAge), `{"entries":{}}`)
		}, protocol.LevelTEE, "factory"},
	} {
		t.Run(name, func(t *testing.T) {
			p := c.phone(t)
			c.change(p)
			proof, err := p.attest(t)
			wantLevel(t, proof, err, c.want)
			if proof.Details.Provisioning != c.provisioning || proof.Details.Application != p.packages[0] || proof.Details.PatchLevel != 202611 || proof.Details.OSVersion != 160000 {
				t.Errorf("details %+v", proof.Details)
			}
		})
	}
}

// androidDefects are chains with exactly one defect each.
var androidDefects = map[string]struct {
	change func(testing.TB, *phone)
	want   attestation.Code
}{
	"another challenge":                {func(_ testing.TB, p *phone) { p.challenge = make([]byte, 32) }, attestation.CodeChallengeMismatch},
	"a challenge cut short":            {func(_ testing.TB, p *phone) { p.challenge = p.challenge[:31] }, attestation.CodeChallengeMismatch},
	"no challenge":                     {func(_ testing.TB, p *phone) { p.challenge = []byte{} }, attestation.CodeChallengeMismatch},
	"another key registered":           {func(t testing.TB, p *phone) { p.in.Key = &key(t, elliptic.P256()).PublicKey }, attestation.CodeKeyMismatch},
	"attested in software":             {func(_ testing.TB, p *phone) { p.levels[0] = 0 }, attestation.CodeLevelTooLow},
	"kept in software":                 {func(_ testing.TB, p *phone) { p.levels[1] = 0 }, attestation.CodeLevelTooLow},
	"an unknown security level":        {func(_ testing.TB, p *phone) { p.levels = [2]int{7, 7} }, attestation.CodeLevelTooLow},
	"self-signed boot":                 {func(_ testing.TB, p *phone) { p.hardware[704] = rootOfTrust(true, 1) }, attestation.CodeBootState},
	"unverified boot":                  {func(_ testing.TB, p *phone) { p.hardware[704] = rootOfTrust(true, 2) }, attestation.CodeBootState},
	"boot state only in software":      {func(_ testing.TB, p *phone) { p.software[704] = p.hardware[704]; delete(p.hardware, 704) }, attestation.CodeBootState},
	"an unlocked boot loader":          {func(_ testing.TB, p *phone) { p.hardware[704] = rootOfTrust(false, 0) }, attestation.CodeUnlocked},
	"an imported key":                  {func(_ testing.TB, p *phone) { p.hardware[702] = der(2) }, attestation.CodeKeyOrigin},
	"origin only in software":          {func(_ testing.TB, p *phone) { p.software[702] = p.hardware[702]; delete(p.hardware, 702) }, attestation.CodeKeyOrigin},
	"a key that cannot sign":           {func(_ testing.TB, p *phone) { p.hardware[1] = set(der(3)) }, attestation.CodeKeyPurpose},
	"no purpose":                       {func(_ testing.TB, p *phone) { delete(p.hardware, 1) }, attestation.CodeKeyPurpose},
	"a key that attests others":        {func(_ testing.TB, p *phone) { p.hardware[1] = set(der(2), der(7)) }, attestation.CodeKeyPurpose},
	"a purpose kept by software":       {func(_ testing.TB, p *phone) { p.software[1] = set(der(2)) }, attestation.CodeKeyPurpose},
	"a key for all applications":       {func(_ testing.TB, p *phone) { p.hardware[600] = der(asn1.NullRawValue) }, attestation.CodeKeyPurpose},
	"an approval key that never asks":  {func(_ testing.TB, p *phone) { p.in.Role = protocol.RoleApproval }, attestation.CodeUserAuthMissing},
	"an approval key open for minutes": {func(_ testing.TB, p *phone) { p.askPerson(); p.hardware[505] = der(300) }, attestation.CodeUserAuthMissing},
	"user authentication in software": {func(_ testing.TB, p *phone) {
		p.askPerson()
		p.software[504] = p.hardware[504]
		delete(p.hardware, 504)
	}, attestation.CodeUserAuthMissing},
	"another application":               {func(_ testing.TB, p *phone) { p.packages = []string{"org.nod.authenticator2"} }, attestation.CodeApplication},
	"a shared user id":                  {func(_ testing.TB, p *phone) { p.packages = append(p.packages, "com.evil") }, attestation.CodeApplication},
	"no application":                    {func(_ testing.TB, p *phone) { p.packages = nil }, attestation.CodeApplication},
	"no signer":                         {func(_ testing.TB, p *phone) { p.signers = nil }, attestation.CodeApplication},
	"another signer":                    {func(_ testing.TB, p *phone) { p.signers = [][]byte{make([]byte, 32)} }, attestation.CodeSigner},
	"the other brand's signer":          {func(_ testing.TB, p *phone) { p.signers = [][]byte{otherBrand[:]} }, attestation.CodeSigner},
	"one known and one unknown signer":  {func(_ testing.TB, p *phone) { p.signers = append(p.signers, make([]byte, 32)) }, attestation.CodeSigner},
	"a signer digest of another length": {func(_ testing.TB, p *phone) { p.signers = [][]byte{brandSigner[:31]} }, attestation.CodeSigner},
	"no description":                    {func(_ testing.TB, p *phone) { p.describe = false }, attestation.CodeExtensionMissing},
	"a description that is cut": {func(_ testing.TB, p *phone) {
		p.describe = false
		p.leaf().extra = []pkix.Extension{{Id: oidDescription, Value: p.description()[:90]}}
	}, attestation.CodeMalformed},
	"bytes after the description":        {func(_ testing.TB, p *phone) { p.spare = 1 }, attestation.CodeMalformed},
	"an authorization that stands twice": {func(_ testing.TB, p *phone) { p.twice = 704 }, attestation.CodeMalformed},
	"a purpose that is no set":           {func(_ testing.TB, p *phone) { p.hardware[1] = der(2) }, attestation.CodeMalformed},
	"an origin that is huge":             {func(_ testing.TB, p *phone) { p.hardware[702] = der(new(big.Int).Lsh(big.NewInt(1), 70)) }, attestation.CodeMalformed},
	"a negative origin":                  {func(_ testing.TB, p *phone) { p.hardware[702] = der(-1) }, attestation.CodeMalformed},
	"an attested key that plays the CA":  {forge, attestation.CodeExtensionMisplaced},
	"provisioning info on the leaf": {func(_ testing.TB, p *phone) {
		p.leaf().extra = []pkix.Extension{{Id: oidProvisioning, Value: []byte{0xa0}}}
	}, attestation.CodeExtensionMisplaced},
	"an unknown root":                    {func(t testing.TB, p *phone) { p.policy.Roots = []crypto.PublicKey{key(t, elliptic.P384()).Public()} }, attestation.CodeRootUntrusted},
	"no root":                            {func(_ testing.TB, p *phone) { p.policy.Roots = nil }, attestation.CodeRootUntrusted},
	"a root of the same name":            {func(t testing.TB, p *phone) { p.nodes[0].key = key(t, elliptic.P384()) }, attestation.CodeRootUntrusted},
	"a root key in a forged certificate": {func(t testing.TB, p *phone) { p.nodes[0].signer = key(t, elliptic.P384()) }, attestation.CodeSignature},
	"a leaf signed by another":           {func(t testing.TB, p *phone) { p.leaf().signer = key(t, elliptic.P256()) }, attestation.CodeSignature},
	"an intermediate signed by another":  {func(t testing.TB, p *phone) { p.nodes[2].signer = key(t, elliptic.P384()) }, attestation.CodeSignature},
	"a leaf that names another issuer":   {func(_ testing.TB, p *phone) { p.leaf().issuer = &pkix.Name{CommonName: "x"} }, attestation.CodeNames},
	"a root that is named otherwise":     {func(_ testing.TB, p *phone) { p.nodes[1].issuer = &pkix.Name{CommonName: "x"} }, attestation.CodeNames},
	"a P-521 attestation key":            {func(t testing.TB, p *phone) { p.nodes[2].key = key(t, elliptic.P521()) }, attestation.CodeAlgorithm},
	"an unknown signature algorithm":     {func(_ testing.TB, p *phone) { p.mangle = unknownAlgorithm }, attestation.CodeAlgorithm},
	"an attestation key not valid yet":   {func(_ testing.TB, p *phone) { p.nodes[2].from = now.Add(time.Hour) }, attestation.CodeNotYetValid},
	"a leaf right below the root":        {func(_ testing.TB, p *phone) { p.nodes = []*node{p.nodes[0], p.nodes[3]} }, attestation.CodeChain},
	"the root alone":                     {func(_ testing.TB, p *phone) { p.mangle = func(c [][]byte) [][]byte { return c[3:] } }, attestation.CodeChain},
	"a chain upside down": {func(_ testing.TB, p *phone) {
		p.mangle = func(c [][]byte) [][]byte { c[0], c[3] = c[3], c[0]; return c }
	}, attestation.CodeRootUntrusted},
	"a certificate left out": {func(_ testing.TB, p *phone) {
		p.mangle = func(c [][]byte) [][]byte { return append(c[:1:1], c[2:]...) }
	}, attestation.CodeNames},
	"bytes after a certificate": {func(_ testing.TB, p *phone) {
		p.mangle = func(c [][]byte) [][]byte { c[1] = append(c[1], 0); return c }
	}, attestation.CodeMalformed},
	"no parts": {func(_ testing.TB, p *phone) { p.mangle = func([][]byte) [][]byte { return nil } }, attestation.CodeMalformed},
	"eleven parts": {func(_ testing.TB, p *phone) {
		p.mangle = func(c [][]byte) [][]byte { return append(c, c[0], c[0], c[0], c[0], c[0], c[0], c[0]) }
	}, attestation.CodeMalformed},
	"a part beyond the limit": {func(_ testing.TB, p *phone) {
		p.mangle = func(c [][]byte) [][]byte { c[1] = make([]byte, 6145); return c }
	}, attestation.CodeMalformed},
	"an empty part":                     {func(_ testing.TB, p *phone) { p.mangle = func(c [][]byte) [][]byte { c[1] = nil; return c } }, attestation.CodeMalformed},
	"a serial number of 30 bytes":       {func(_ testing.TB, p *phone) { p.nodes[2].serial = new(big.Int).Lsh(big.NewInt(1), 239) }, attestation.CodeMalformed},
	"a revoked attestation key":         {listed("50df3b", "REVOKED"), attestation.CodeRevoked},
	"a suspended attestation key":       {listed("50DF3B", "SUSPENDED"), attestation.CodeRevoked},
	"a status of the future":            {listed("050df3b", "QUARANTINED"), attestation.CodeRevoked},
	"a revoked intermediate":            {listed("9b1b25", "REVOKED"), attestation.CodeRevoked},
	"a revoked key, lists not required": {func(t testing.TB, p *phone) { listed("50df3b", "REVOKED")(t, p); p.policy.WithoutStatus = true }, attestation.CodeRevoked},
	"no status list":                    {func(_ testing.TB, p *phone) { p.policy.Status = nil }, attestation.CodeStatusMissing},
	"an old status list":                {func(t testing.TB, p *phone) { p.policy.Status = statusList(t, now.AddDate(0, 0, -5), `{"entries":{}}`) }, attestation.CodeStatusStale},
	"an old status list by its own age": {func(_ testing.TB, p *phone) { p.policy.StatusMaxAge = time.Minute; p.in.Now = now.Add(2 * time.Minute) }, attestation.CodeStatusStale},
	"a status list of tomorrow":         {func(t testing.TB, p *phone) { p.policy.Status = statusList(t, now.AddDate(0, 0, 1), `{"entries":{}}`) }, attestation.CodeStatusStale},
	"no time":                           {func(_ testing.TB, p *phone) { p.in.Now = time.Time{} }, attestation.CodeMalformed},
	"no key":                            {func(_ testing.TB, p *phone) { p.in.Key = nil }, attestation.CodeMalformed},
}

func (p *phone) leaf() *node { return p.nodes[len(p.nodes)-1] }

func listed(serial, status string) func(testing.TB, *phone) {
	return func(t testing.TB, p *phone) {
		p.policy.Status = statusList(t, now, fmt.Sprintf(`{"entries":{"%s":{"status":"%s","reason":"KEY_COMPROMISE"}}}`, serial, status))
	}
}

// forge lets a genuine key in hardware sign a certificate for a key in software, with a description of its own.
func forge(t testing.TB, p *phone) {
	genuine := p.leaf()
	genuine.extra = []pkix.Extension{{Id: oidDescription, Value: p.description()}}
	soft := key(t, elliptic.P256())
	p.in.Key = &soft.PublicKey
	p.nodes = append(p.nodes, &node{key: soft, subject: pkix.Name{CommonName: "Android Keystore Key"}, serial: big.NewInt(1), from: longAgo, to: farAway})
}

// unknownAlgorithm turns ecdsa-with-SHA256 into a number that stands for nothing, on both places of the leaf.
func unknownAlgorithm(chain [][]byte) [][]byte {
	chain[0] = bytes.ReplaceAll(chain[0], []byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2}, []byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 9})
	return chain
}

func TestT14_AndroidEveryDefectIsRefused(t *testing.T) {
	for name, c := range androidDefects {
		t.Run(name, func(t *testing.T) {
			p := newPhone(t)
			c.change(t, p)
			proof, err := p.attest(t)
			wantCode(t, proof, err, c.want)
		})
	}
}

func TestT14_RemotelyProvisionedChainsMustBeValidNow(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*phone)
		want   attestation.Code
	}{
		"an attestation key that expired":      {func(p *phone) { p.nodes[2].to = now.Add(-time.Hour) }, attestation.CodeExpired},
		"an intermediate that expired":         {func(p *phone) { p.nodes[1].to = now.Add(-time.Hour) }, attestation.CodeExpired},
		"expired and of unknown provisioning":  {func(p *phone) { p.nodes[2].extra, p.nodes[2].to = nil, now.Add(-time.Hour) }, attestation.CodeExpired},
		"expired, a serial number beside 1.30": {func(p *phone) { p.nodes[1].subject.SerialNumber, p.nodes[2].to = "1", now.Add(-time.Hour) }, attestation.CodeExpired},
		"a serial number only lower in the chain": {func(p *phone) {
			p.nodes[2].extra, p.nodes[2].subject.SerialNumber, p.nodes[2].to = nil, "1", now.Add(-time.Hour)
		}, attestation.CodeExpired},
		"provisioning info on an intermediate only": {func(p *phone) { p.nodes[1].extra, p.nodes[2].extra = p.nodes[2].extra, nil }, attestation.CodeExtensionMisplaced},
	} {
		t.Run(name, func(t *testing.T) {
			p := newRemotePhone(t)
			c.change(p)
			proof, err := p.attest(t)
			wantCode(t, proof, err, c.want)
		})
	}
}

// A key that was restored from a backup or copied from another phone is imported there, and a chain of another phone is for
// another key: neither proves anything.
func TestT13_AClonedKeyProvesNothing(t *testing.T) {
	imported := newPhone(t)
	imported.hardware[702] = der(3) // securely imported
	proof, err := imported.attest(t)
	wantCode(t, proof, err, attestation.CodeKeyOrigin)

	first := newPhone(t)
	if _, err := first.attest(t); err != nil {
		t.Fatal(err)
	}
	clone := newPhone(t)
	clone.policy = first.policy
	clone.mangle = func([][]byte) [][]byte { return first.in.Parts }
	proof, err = clone.attest(t)
	wantCode(t, proof, err, attestation.CodeKeyMismatch)
}

func TestT14_ASoftwareKeyWithoutAChainProvesNothing(t *testing.T) {
	soft := key(t, elliptic.P256())
	self := build(t, []*node{{key: soft, subject: pkix.Name{CommonName: "Android Keystore Key"}, serial: big.NewInt(1), from: longAgo, to: farAway}})
	p := newPhone(t)
	p.in.Key, p.in.Claimed = &soft.PublicKey, protocol.LevelStrongBox
	p.mangle = func([][]byte) [][]byte { return self }
	proof, err := p.attest(t)
	wantCode(t, proof, err, attestation.CodeRootUntrusted)
}

func TestARefusalNamesFormatAndConfiguration(t *testing.T) {
	p := newPhone(t)
	if _, err := p.attest(t); err != nil {
		t.Fatal(err)
	}
	for format, want := range map[string]attestation.Code{"android-key": attestation.CodeNotConfigured, "apple-appattest": attestation.CodeNotConfigured,
		"tpm": attestation.CodeNotConfigured, "packed": attestation.CodeFormatUnknown, "": attestation.CodeFormatUnknown} {
		p.in.Format = format
		proof, err := attestation.Policy{}.Verify(p.in)
		wantCode(t, proof, err, want)
	}
}

func TestStatusListsThatCannotBeRead(t *testing.T) {
	for name, document := range map[string]string{"empty": "", "no JSON": "<html>", "no entries": "{}", "null": `{"entries":null}`, "no status": `{"entries":{"1":{}}}`, "a list": "[]"} {
		if _, err := attestation.ParseStatusList([]byte(document), now); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := attestation.ParseStatusList([]byte(`{"entries":{}}`), time.Time{}); err == nil {
		t.Error("a list of no time is accepted")
	}
}
