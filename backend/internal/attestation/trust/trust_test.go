package trust_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/attestation"
	"github.com/nod-auth/nod/backend/internal/attestation/trust"
	"github.com/nod-auth/nod/shared/protocol"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	return k
}

// certify makes a certificate for key under parent, its own when there is none.
func certify(t *testing.T, name string, serial int64, key *ecdsa.PrivateKey, parent string, by *ecdsa.PrivateKey) []byte {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true}
	issuer := &x509.Certificate{Subject: pkix.Name{CommonName: parent}}
	der, err := x509.CreateCertificate(rand.Reader, c, issuer, key.Public(), by)
	check(t, err)
	return der
}

// folder is a directory with roots.pem and the attestation file.
func folder(t *testing.T, document string) (dir, file string, root *ecdsa.PrivateKey) {
	t.Helper()
	dir, root = t.TempDir(), newKey(t)
	der := certify(t, "root", 1, root, "root", root)
	check(t, os.WriteFile(filepath.Join(dir, "roots.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	file = filepath.Join(dir, "attestation.json")
	check(t, os.WriteFile(file, []byte(document), 0o600))
	return dir, file, root
}

const (
	digest  = "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99"
	android = `"android":{"roots_file":"roots.pem","status_file":"status.json","apps":[{"package":"org.nod.authenticator","signers":["` + digest + `"]}]}`
)

func TestAFileForAllPlatformsIsRead(t *testing.T) {
	_, file, _ := folder(t, `{"required":true,`+android+`,"apple":{"roots_file":"roots.pem","apps":["A1B2C3D4E5.org.nod.authenticator"]},"tpm":{"roots_file":"roots.pem"}}`)
	tr, err := trust.Load(file)
	check(t, err)
	if _, err := tr.Enrollment(&protocol.Enrollment{}, now); !errors.Is(err, attestation.ErrRequired) {
		t.Errorf("required, and nothing sent: %v", err)
	}
}

func TestAWrongFileSaysWhere(t *testing.T) {
	for document, want := range map[string]string{
		``:                                    "EOF",
		`{}`:                                  "trusts nobody",
		`{` + android + `} x`:                 "follows",
		`{"androit":{}}`:                      "androit",
		`{"android":{}}`:                      "android: roots_file",
		`{"android":{"roots_file":"no.pem"}}`: "android: roots_file",
		`{"android":{"roots_file":"attestation.json"}}`:                                                             "android: roots_file",
		`{"android":{"roots_file":"roots.pem"}}`:                                                                    "android: status_file",
		`{"android":{"roots_file":"roots.pem","without_status":true}}`:                                              "android: apps",
		`{"android":{"roots_file":"roots.pem","without_status":true,"apps":[{"package":"a"}]}}`:                     "android: apps[0]",
		`{"android":{"roots_file":"roots.pem","without_status":true,"apps":[{"package":"a","signers":["AA:BB"]}]}}`: "android: apps[0]: signers[0]",
		`{"android":{"roots_file":"roots.pem","status_file":"s","status_max_age_hours":-1}}`:                        "android: status_file",
		`{"apple":{"roots_file":"roots.pem"}}`:                                                                      "apple: apps",
		`{"apple":{"roots_file":"roots.pem","apps":["org.nod.authenticator"]}}`:                                     "apple: apps[0]",
		`{"apple":{"roots_file":"attestation.json","apps":["A1B2C3D4E5.org.nod"]}}`:                                 "apple: roots_file",
		`{"tpm":{}}`: "tpm: roots_file",
	} {
		_, file, _ := folder(t, document)
		if _, err := trust.Load(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n  gives %v, want %q in it", document, err, want)
		}
	}
}

// An enrollment whose chain passes up to the status list shows which list is in force.
func TestTheStatusListIsReadAgainWhenItsFileChanges(t *testing.T) {
	dir, file, root := folder(t, `{`+android+`}`)
	tr, err := trust.Load(file)
	check(t, err)
	leaf, batch := newKey(t), newKey(t)
	chain := []string{base64.StdEncoding.EncodeToString(certify(t, "leaf", 1, leaf, "batch", batch)), base64.StdEncoding.EncodeToString(certify(t, "batch", 0xabc, batch, "root", root))}
	jwk, err := protocol.NewJWK(leaf.Public())
	check(t, err)
	e := &protocol.Enrollment{DeviceKey: jwk, Approval: protocol.ApprovalKey{JWK: jwk}, Attestation: &protocol.Attestation{Format: "android-key", Device: chain}}
	status := filepath.Join(dir, "status.json")
	outcome := func(want attestation.Code) {
		t.Helper()
		r, err := tr.Enrollment(e, now)
		check(t, err)
		if !strings.Contains(r.Detail, "device "+string(want)+";") {
			t.Errorf("%s, want %s", r.Detail, want)
		}
	}
	write := func(document string, at time.Time) {
		t.Helper()
		check(t, os.WriteFile(status, []byte(document), 0o600))
		check(t, os.Chtimes(status, at, at))
	}
	outcome(attestation.CodeStatusMissing)
	write(`{"entries":{}}`, now.Add(-time.Hour))
	outcome(attestation.CodeExtensionMissing) // past the list: this chain describes no key
	write(`{"entries":{"abc":{"status":"REVOKED"}}}`, now.Add(-time.Minute))
	outcome(attestation.CodeRevoked)
	write(`<html>`, now)
	outcome(attestation.CodeRevoked) // a broken file does not lift the last list
	check(t, os.Remove(status))
	outcome(attestation.CodeRevoked)
	write(`{"entries":{}}`, now.AddDate(0, 0, -5))
	outcome(attestation.CodeStatusStale)
}
