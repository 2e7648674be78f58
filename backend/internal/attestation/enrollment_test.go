package attestation_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"testing"

	"github.com/nod-auth/nod/backend/internal/attestation"
	"github.com/nod-auth/nod/shared/protocol"
)

const token = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

func encode(parts [][]byte) (out []string) {
	for _, p := range parts {
		out = append(out, base64.StdEncoding.EncodeToString(p))
	}
	return out
}

func jwk(t *testing.T, k *ecdsa.PublicKey) protocol.JWK {
	t.Helper()
	return must[protocol.JWK](t)(protocol.NewJWK(k))
}

// enroll makes an Android enrollment whose keys both come from newPhone.
func enroll(t *testing.T, change func(device, approval *phone)) (attestation.Policy, *protocol.Enrollment) {
	t.Helper()
	device, approval := newPhone(t), newPhone(t)
	approval.nodes[0], approval.nodes[1], approval.nodes[2] = device.nodes[0], device.nodes[1], device.nodes[2]
	approval.policy = device.policy
	approval.askPerson()
	hash := sha256.Sum256([]byte(token))
	device.in.Challenge, device.challenge, approval.in.Challenge, approval.challenge = hash, hash[:], hash, hash[:]
	change(device, approval)
	_, err1 := device.attest(t)
	_, err2 := approval.attest(t)
	t.Log(err1, err2)
	e := &protocol.Enrollment{Token: token, DeviceKey: jwk(t, device.in.Key), Approval: protocol.ApprovalKey{JWK: jwk(t, approval.in.Key)},
		Levels:      protocol.KeyLevels{Device: protocol.LevelStrongBox, Approval: protocol.LevelStrongBox},
		Attestation: &protocol.Attestation{Format: attestation.FormatAndroid, Device: encode(device.in.Parts), Approval: encode(approval.in.Parts)}}
	return attestation.Policy{Android: &device.policy}, e
}

func TestT14_AnEnrollmentProvesEachKeyByItself(t *testing.T) {
	for name, c := range map[string]struct {
		device, approval protocol.KeyLevel
		detail           string
		change           func(device, approval *phone)
		edit             func(*protocol.Enrollment)
	}{
		"both keys":                       {"tee", "tee", "android-key: device tee; approval tee", func(_, _ *phone) {}, nil},
		"an approval key that never asks": {"tee", "", "android-key: device tee; approval user_auth_missing", func(_, a *phone) { a.hardware[503] = der([]byte{}) }, nil},
		"a device key in software":        {"", "tee", "android-key: device level_too_low; approval tee", func(d, _ *phone) { d.levels = [2]int{0, 0} }, nil},
		"nothing about the approval key":  {"tee", "", "android-key: device tee; approval missing", func(_, _ *phone) {}, func(e *protocol.Enrollment) { e.Attestation.Approval = nil }},
		"text that is no base64":          {"", "tee", "android-key: device malformed; approval tee", func(_, _ *phone) {}, func(e *protocol.Enrollment) { e.Attestation.Device[0] = "?" }},
		"another invitation's token":      {"", "", "android-key: device challenge_mismatch; approval challenge_mismatch", func(_, _ *phone) {}, func(e *protocol.Enrollment) { e.Token += "x" }},
		"the chains in each other's place": {"", "", "android-key: device key_mismatch; approval key_mismatch", func(_, _ *phone) {},
			func(e *protocol.Enrollment) {
				e.Attestation.Device, e.Attestation.Approval = e.Attestation.Approval, e.Attestation.Device
			}},
		"a format of a stranger's making": {"", "", "format 78: device format_unknown; approval format_unknown", func(_, _ *phone) {}, func(e *protocol.Enrollment) { e.Attestation.Format = "x" }},
		"a claim without a chain":         {"", "", "", func(_, _ *phone) {}, func(e *protocol.Enrollment) { e.Attestation = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			policy, e := enroll(t, c.change)
			if c.edit != nil {
				c.edit(e)
			}
			r, err := policy.Enrollment(e, now)
			if err != nil || r.Device != c.device || r.Approval != c.approval || r.Detail != c.detail {
				t.Errorf("%+v, error %v", r, err)
			}
			policy.Required = true
			r, err = policy.Enrollment(e, now)
			if both := c.device != "" && c.approval != ""; errors.Is(err, attestation.ErrRequired) == both {
				t.Errorf("required: error %v", err)
			} else if !both && (r.Device != "" || r.Approval != "") {
				t.Errorf("a refused enrollment proves %+v", r)
			}
		})
	}
}

func TestT14_OneAppAttestStatementProvesBothKeys(t *testing.T) {
	device, approval := jwk(t, &key(t, elliptic.P256()).PublicKey), jwk(t, &key(t, elliptic.P256()).PublicKey)
	p := newIPhone(t)
	p.device, p.approval, p.challenge = device.Thumbprint(), approval.Thumbprint(), sha256.Sum256([]byte(token))
	object := p.object(t)
	e := &protocol.Enrollment{Token: token, DeviceKey: device, Approval: protocol.ApprovalKey{JWK: approval},
		Levels:      protocol.KeyLevels{Device: protocol.LevelSecureEnclave, Approval: protocol.LevelSecureEnclave},
		Attestation: &protocol.Attestation{Format: attestation.FormatApple, Device: encode([][]byte{object})}}
	policy := attestation.Policy{Apple: &p.policy}
	r, err := policy.Enrollment(e, now)
	if err != nil || r.Device != protocol.LevelSecureEnclave || r.Approval != protocol.LevelSecureEnclave {
		t.Fatalf("%+v, error %v", r, err)
	}
	e.Levels.Approval = protocol.LevelSoftware
	if r, err = policy.Enrollment(e, now); err != nil || r.Device != protocol.LevelSecureEnclave || r.Approval != "" {
		t.Errorf("a key that the app calls software: %+v, error %v", r, err)
	}
	e.Approval.JWK = device
	if r, err = policy.Enrollment(e, now); err != nil || r.Device != "" {
		t.Errorf("another approval key: %+v, error %v", r, err)
	}
}

func TestOperatorFiles(t *testing.T) {
	p := newPhone(t)
	if _, err := p.attest(t); err != nil {
		t.Fatal(err)
	}
	spki := must[[]byte](t)(x509.MarshalPKIXPublicKey(rsaKey().Public()))
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	root := block("CERTIFICATE", p.in.Parts[3])
	text := append(append([]byte("# Google's roots\n"), root...), block("PUBLIC KEY", spki)...)
	keys, err := attestation.ParseRootKeys(text)
	if err != nil || len(keys) != 2 {
		t.Fatalf("%d keys, error %v", len(keys), err)
	}
	p.policy.Roots = keys
	if _, err := (attestation.Policy{Android: &p.policy}).Verify(p.in); err != nil {
		t.Errorf("with the roots of the file: %v", err)
	}
	if roots, err := attestation.ParseRoots(root); err != nil || len(roots) != 1 {
		t.Errorf("%d roots, error %v", len(roots), err)
	}
	weak := must[[]byte](t)(x509.MarshalPKIXPublicKey(&key(t, elliptic.P521()).PublicKey))
	for name, bad := range map[string][]byte{"empty": nil, "no PEM": []byte("hello"), "a private key": block("PRIVATE KEY", spki), "a broken certificate": block("CERTIFICATE", spki),
		"a key that no chain uses": block("PUBLIC KEY", weak), "a broken key": block("PUBLIC KEY", spki[1:]), "a good one and a bad one": append(bytes.Clone(root), block("X", spki)...)} {
		if _, err := attestation.ParseRootKeys(bad); err == nil {
			t.Errorf("%s: accepted as keys", name)
		}
		if _, err := attestation.ParseRoots(bad); err == nil {
			t.Errorf("%s: accepted as roots", name)
		}
	}
}
