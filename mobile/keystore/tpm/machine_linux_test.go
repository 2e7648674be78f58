//go:build !android

package tpm_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-tpm/tpm2"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/keystoretest"
	"github.com/nod-auth/nod/mobile/keystore/tpm"
)

// A disk put into another machine opens nothing there, and says why.
func TestT13_CopiedStateOnAnotherMachine(t *testing.T) {
	here := openStore(t, keystoretest.StartTPM(t))
	there := openStore(t, keystoretest.StartTPM(t))
	for _, use := range []keystore.Use{keystore.UseDevice, keystore.UseApproval} {
		_, err := there.Open(t.Context(), made(t, here, use).Handle())
		if !errors.Is(err, keystore.ErrOtherMachine) {
			t.Errorf("%s key: error is %v, want ErrOtherMachine", use, err)
		}
	}
}

func TestClearedChipIsNamed(t *testing.T) {
	m := keystoretest.StartTPM(t)
	s := openStore(t, m)
	handle := made(t, s, keystore.UseApproval).Handle()
	_ = s.Close()
	if _, err := (tpm2.Clear{AuthHandle: tpm2.TPMRHLockout}).Execute(wire(t, m)); err != nil {
		t.Fatalf("clear TPM: %v", err)
	}
	s = openStore(t, m)
	if _, err := s.Open(t.Context(), handle); !errors.Is(err, keystore.ErrCleared) {
		t.Errorf("error is %v, want ErrCleared", err)
	}
	made(t, s, keystore.UseApproval) // and a new enrollment works
}

// A power cut or a suspend loses what was loaded; the open store goes on.
func TestPowerCut(t *testing.T) {
	m := keystoretest.StartTPM(t)
	s := openStore(t, m)
	approval, device := made(t, s, keystore.UseApproval), made(t, s, keystore.UseDevice)
	m.Stop(t)
	for _, k := range []keystore.Key{approval, device} {
		if _, err := k.Sign(t.Context(), digest, pin(keystoretest.PIN)); !errors.Is(err, keystore.ErrUnavailable) {
			t.Errorf("%s key without power: %v, want ErrUnavailable", k.Use(), err)
		}
	}
	m.Start(t)
	for _, k := range []keystore.Key{approval, device} {
		if _, err := k.Sign(t.Context(), digest, pin(keystoretest.PIN)); err != nil {
			t.Errorf("%s key with power again: %v", k.Use(), err)
		}
	}
	m.Stop(t)
	m.Start(t)
	if _, err := device.Sign(t.Context(), digest, keystore.Verification{}); err != nil {
		t.Errorf("device key after a reset in between: %v", err)
	}
}

// A key that the chip did not make itself, or that could leave it, is not taken
// for a TPM key, although the chip would sign with it.
func TestT14_ForeignKeyIsNotTakenForTPMKey(t *testing.T) {
	m := keystoretest.StartTPM(t)
	s := openStore(t, m)
	good := made(t, s, keystore.UseDevice)
	for _, c := range []struct {
		name   string
		change func(*tpm2.TPMTPublic)
	}{
		{"may be exported", func(p *tpm2.TPMTPublic) { p.ObjectAttributes.FixedTPM, p.ObjectAttributes.FixedParent = false, false }},
		{"approval key exempt from the lock-out", func(p *tpm2.TPMTPublic) { p.ObjectAttributes.NoDA = false }},
		{"for decryption as well", func(p *tpm2.TPMTPublic) { p.ObjectAttributes.Decrypt = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			handle := tpm.WithPublic(t, good.Handle(), c.change)
			if _, err := s.Open(t.Context(), handle); !errors.Is(err, keystore.ErrCorrupt) {
				t.Errorf("error is %v, want ErrCorrupt", err)
			}
		})
	}
	t.Run("the other use", func(t *testing.T) {
		if _, err := s.Open(t.Context(), tpm.WithUse(t, good.Handle(), keystore.UseApproval)); !errors.Is(err, keystore.ErrCorrupt) {
			t.Errorf("error is %v, want ErrCorrupt", err)
		}
	})
}

func TestT14_ChipRefusesExport(t *testing.T) {
	m := keystoretest.StartTPM(t)
	s := openStore(t, m)
	handle := made(t, s, keystore.UseDevice).Handle()
	_ = s.Close()
	err := tpm.Export(t, wire(t, m), handle)
	var rc tpm2.TPMRC
	if !errors.As(err, &rc) {
		t.Fatalf("the chip answered the export with %v", err)
	}
}

// What crosses the bus is neither the PIN nor the value made of it.
func TestPINDoesNotCrossTheBus(t *testing.T) {
	m := keystoretest.StartTPM(t)
	tap := keystoretest.TapUnix(t, m.Socket)
	s, err := tpm.Open(t.Context(), tpm.Params{Device: tap.Socket})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	k := made(t, s, keystore.UseApproval)
	if _, err := k.Sign(t.Context(), digest, pin(keystoretest.PIN)); err != nil {
		t.Fatal(err)
	}
	seen := string(tap.Seen())
	point, err := k.Public().Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(seen, string(point[1:33])) { // its x stands in clear in the load command
		t.Fatal("the tap did not see the key being loaded")
	}
	for _, secret := range []string{keystoretest.PIN, tpm.AuthValue(t, k.Handle(), keystoretest.PIN)} {
		if strings.Contains(seen, secret) {
			t.Error("the PIN's value crossed the bus in clear")
		}
	}
}

func TestNoUsableChip(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, device := range map[string]string{
		"no device":           filepath.Join(dir, "none"),
		"a file":              file,
		"a device but no TPM": os.DevNull,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := tpm.Open(t.Context(), tpm.Params{Device: device}); !errors.Is(err, keystore.ErrUnavailable) {
				t.Errorf("error is %v, want ErrUnavailable", err)
			}
		})
	}
}

func TestOwnerPasswordIsNamed(t *testing.T) {
	m := keystoretest.StartTPM(t)
	_, err := tpm2.HierarchyChangeAuth{
		AuthHandle: tpm2.TPMRHOwner, NewAuth: tpm2.TPM2BAuth{Buffer: []byte("owner")},
	}.Execute(wire(t, m))
	if err != nil {
		t.Fatal(err)
	}
	_, err = tpm.Open(t.Context(), tpm.Params{Device: m.Socket})
	if !errors.Is(err, keystore.ErrUnavailable) || !strings.Contains(err.Error(), "password") {
		t.Errorf("error is %v, want ErrUnavailable that names the password", err)
	}
}
