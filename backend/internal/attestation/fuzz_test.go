package attestation_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"slices"
	"testing"

	"github.com/nod-auth/nod/backend/internal/attestation"
)

// refusedByCode fails unless an error is one of this package's, with a code.
func refusedByCode(t *testing.T, err error) {
	t.Helper()
	if err != nil && attestation.CodeOf(err) == "" {
		t.Errorf("a refusal without a code: %v", err)
	}
}

// An edit of a good statement is refused, wherever it is: no byte is free but Apple's receipt. The fuzzer chooses edits and not
// bytes, since each of its processes makes keys of its own.
func FuzzStatements(f *testing.F) {
	android, apple, tpm := newPhone(f), newIPhone(f), newChip(f)
	for _, attest := range []func(testing.TB) (attestation.Proof, error){android.attest, apple.attest, tpm.attest} {
		if _, err := attest(f); err != nil {
			f.Fatal(err)
		}
	}
	policy := attestation.Policy{Android: &android.policy, Apple: &apple.policy, TPM: &tpm.policy}
	statements := []attestation.Params{android.in, apple.in, tpm.in}
	for format, in := range statements {
		for part := range in.Parts {
			f.Add(uint8(format), uint8(part), uint16(0), uint16(0), []byte{})
			f.Add(uint8(format), uint8(part), uint16(70), uint16(1), []byte{0})
			f.Add(uint8(format), uint8(part), uint16(4), uint16(9000), []byte{})
		}
	}
	f.Fuzz(func(t *testing.T, format, part uint8, offset, drop uint16, insert []byte) {
		in := statements[int(format)%len(statements)]
		in.Parts = slices.Clone(in.Parts)
		i := int(part) % len(in.Parts)
		old := in.Parts[i]
		from := int(offset) % (len(old) + 1)
		in.Parts[i] = slices.Concat(old[:from], insert, old[min(from+int(drop), len(old)):])
		same := bytes.Equal(old, in.Parts[i]) || in.Format == attestation.FormatApple && saysTheSame(apple.in.Parts, in.Parts)
		proof, err := policy.Verify(in)
		refusedByCode(t, err)
		if in.Format == attestation.FormatTPM && i == 1 && err == nil {
			return // the numbers of an ECDSA signature have more than one spelling
		}
		if (err == nil) != same || (err == nil) != (proof.Level != "") {
			t.Errorf("%s, part %d: the same %v, error %v, proves %q", in.Format, i, same, err, proof.Level)
		}
	})
}

// saysTheSame tells whether two attestation objects differ in what is not looked at: the receipt, members of no known name.
func saysTheSame(a, b [][]byte) bool {
	chain1, data1, err1 := attestation.ParseAppAttest(bytes.Join(a, nil))
	chain2, data2, err2 := attestation.ParseAppAttest(bytes.Join(b, nil))
	return err1 == nil && err2 == nil && bytes.Equal(data1, data2) && slices.EqualFunc(chain1, chain2, func(x, y *x509.Certificate) bool { return x.Equal(y) }) &&
		!slices.ContainsFunc(b, func(part []byte) bool { return len(part) == 0 })
}

func FuzzCertificate(f *testing.F) {
	p := newPhone(f)
	if _, err := p.attest(f); err != nil {
		f.Fatal(err)
	}
	for _, der := range p.in.Parts {
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) { refusedByCode(t, attestation.ReadCertificate(der)) })
}

func FuzzKeyDescription(f *testing.F) {
	f.Add(newPhone(f).description())
	f.Fuzz(func(t *testing.T, der []byte) {
		d, err := attestation.ParseKeyDescription(der)
		refusedByCode(t, err)
		if err == nil && d == nil {
			t.Error("neither a description nor an error")
		}
	})
}

func FuzzCBOR(f *testing.F) {
	f.Add(newIPhone(f).object(f))
	f.Add([]byte{0x9b, 255, 255, 255, 255, 255, 255, 255, 255})
	f.Add(bytes.Repeat([]byte{0x81}, 4000))
	f.Fuzz(func(t *testing.T, object []byte) {
		_, err := attestation.ParseCBOR(object)
		refusedByCode(t, err)
		chain, authData, err := attestation.ParseAppAttest(object)
		refusedByCode(t, err)
		if err == nil && (len(chain) == 0 || len(authData) < 55) {
			t.Errorf("%d certificates and %d bytes of authenticator data pass", len(chain), len(authData))
		}
	})
}

func FuzzTPM(f *testing.F) {
	c := newChip(f)
	if _, err := c.attest(f); err != nil {
		f.Fatal(err)
	}
	for _, part := range c.in.Parts[:3] {
		f.Add(part)
	}
	k := key(f, elliptic.P256())
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := attestation.ParseCertify(data)
		refusedByCode(t, err)
		_, err = attestation.ParsePublicArea(data)
		refusedByCode(t, err)
		if err := attestation.CheckTPMSignature(&k.PublicKey, []byte("statement"), data); attestation.CodeOf(err) == "" {
			t.Errorf("a stranger's signature gives %v", err)
		}
		if err := attestation.CheckTPMSignature(rsaKey().Public(), []byte("statement"), data); attestation.CodeOf(err) == "" {
			t.Errorf("a stranger's RSA signature gives %v", err)
		}
	})
}

func FuzzOperatorFiles(f *testing.F) {
	f.Add([]byte(`{"entries":{"50df3b":{"status":"REVOKED","reason":"KEY_COMPROMISE"}}}`))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if l, err := attestation.ParseStatusList(text, now); (err == nil) != (l != nil) || err == nil && !json.Valid(text) {
			t.Errorf("list %v, error %v", l, err)
		}
		if keys, err := attestation.ParseRootKeys(text); err == nil && len(keys) == 0 {
			t.Error("no keys and no error")
		}
		if roots, err := attestation.ParseRoots(text); err == nil && len(roots) == 0 {
			t.Error("no roots and no error")
		}
	})
}
