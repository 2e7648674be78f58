package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/config"
	"github.com/nod-auth/nod/backend/internal/enrollment"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/testkit"
)

// startWith starts a server on an attestation file.
func startWith(t *testing.T, dir, document string) (*server, error) {
	t.Helper()
	file := filepath.Join(dir, "attestation.json")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Sources{Flags: map[string]string{"public_url": testkit.Issuer, "listen": "127.0.0.1:0", "data": filepath.Join(dir, "nod.db"), "attestation_file": file}})
	if err != nil {
		t.Fatal(err)
	}
	return (&program{Out: io.Discard, Err: io.Discard}).start(context.Background(), c)
}

func TestT14_TheServerAsksForAttestationAsItsFileSays(t *testing.T) {
	dir := t.TempDir()
	if _, err := startWith(t, dir, `{"tpm":{"roots_file":"ca.pem"}}`); err == nil || !strings.Contains(err.Error(), "tpm: roots_file") {
		t.Fatalf("a file that names no roots: %v", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	server, err := startWith(t, dir, `{"required":true,"tpm":{"roots_file":"ca.pem"}}`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.stop(); err != nil {
			t.Error(err)
		}
	}()
	k := &testkit.Kit{T: t, Clock: testkit.NewClock()}
	k.Clock.Advance(time.Since(k.Clock.Now()))
	k.DB, k.Tenants, k.Devices, k.Enrollments, k.Challenges = server.db, server.tenants, server.devices, server.enrollments, server.challenges
	if k.Tenant, err = k.Tenants.Create(context.Background(), "Example Bank"); err != nil {
		t.Fatal(err)
	}
	k.App, k.Caller, k.Secret = k.NewApplication(k.Tenant, "Online banking")
	inv, err := k.Enrollments.Invite(context.Background(), enrollment.Invite{Caller: k.Caller, UserRef: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	d := &testkit.Device{Key: testkit.NewSigner(t), Approval: testkit.NewSigner(t)}
	if _, err = k.Enrollments.Register(context.Background(), k.Enrollment(inv.Invitation, d, nil)); fault.CodeOf(err) != fault.KeyLevelTooLow {
		t.Errorf("a device without attestation gets %v", err)
	}
}
