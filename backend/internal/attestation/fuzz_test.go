package attestation_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/json"
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

// A part that a stranger replaced is refused, whatever stands in it: no byte of a good statement is free.
func FuzzStatements(f *testing.F) {
	android, apple, tpm := newPhone(f), newIPhone(f), newChip(f)
	for _, attest := range []func(testing.TB) (attestation.Proof, error){android.attest, apple.attest, tpm.attest} {
		if _, err := attest(f); err != nil {
			f.Fatal(err)
		}
	}
	policy := attestation.Policy{Android: &android.policy, Apple: &apple.policy, TPM: &tpm.policy}
	for format, in := range []attestation.Params{android.in, apple.in, tpm.in} {
		for i, part := range in.Parts {
			f.Add(format, i, part)
			f.Add(format, i, part[:len(part)-1])
		}
	}
	f.Fuzz(func(t *testing.T, format, part int, data []byte) {
		if format < 0 || format > 2 {
			return
		}
		in := []attestation.Params{android.in, apple.in, tpm.in}[format]
		if part < 0 || part >= len(in.Parts) {
			return
		}
		same := bytes.Equal(in.Parts[part], data)
		parts := append([][]byte(nil), in.Parts...)
		parts[part] = data
		in.Parts = parts
		proof, err := policy.Verify(in)
		refusedByCode(t, err)
		if (err == nil) != same || (err == nil) != (proof.Level != "") {
			t.Errorf("format %d, part %d: changed %v, error %v, proves %q", format, part, !same, err, proof.Level)
		}
	})
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
