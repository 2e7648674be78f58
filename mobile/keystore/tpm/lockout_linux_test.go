//go:build !android

package tpm_test

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/keystoretest"
	"github.com/nod-auth/nod/mobile/keystore/tpm"
)

// wire opens a second connection, as the machine's administrator would.
func wire(t *testing.T, m *keystoretest.TPM) transport.TPMCloser {
	t.Helper()
	c, err := linuxudstpm.Open(m.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// setDictionary sends TPM2_DictionaryAttackParameters, which go-tpm lacks, with
// the empty lock-out password (TPM 2.0 Library part 3, 25.3).
func setDictionary(t *testing.T, m *keystoretest.TPM, maxTries, interval uint32) {
	t.Helper()
	be := binary.BigEndian
	b := be.AppendUint16(nil, uint16(tpm2.TPMSTSessions))
	b = be.AppendUint32(b, 0) // size, below
	b = be.AppendUint32(b, uint32(tpm2.TPMCCDictionaryAttackParameters))
	b = be.AppendUint32(b, uint32(tpm2.TPMRHLockout))
	b = be.AppendUint32(b, 9) // a password session without a password
	b = be.AppendUint32(b, uint32(tpm2.TPMRSPW))
	b = append(b, 0, 0, 0, 0, 0)
	for _, v := range []uint32{maxTries, interval, 1} {
		b = be.AppendUint32(b, v)
	}
	be.PutUint32(b[2:], uint32(len(b)))
	answer, err := wire(t, m).Send(b)
	if err != nil || len(answer) < 10 || be.Uint32(answer[6:]) != 0 {
		t.Fatalf("set dictionary attack parameters: %x, %v", answer, err)
	}
}

func pin(s string) keystore.Verification { return keystore.Verification{PIN: []byte(s)} }

func made(t *testing.T, s keystore.Store, use keystore.Use) keystore.Key {
	t.Helper()
	k, err := s.Create(t.Context(), keystore.CreateParams{Use: use, Verification: pin(keystoretest.PIN)})
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	return k
}

var digest = make([]byte, keystore.DigestSize)

// The chip locks after its limit, says until when, lets deny through, and takes
// the right PIN again when one failure is forgotten.
func TestLockOutEndsByItself(t *testing.T) {
	m := keystoretest.StartTPM(t)
	setDictionary(t, m, 4, 2)
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	s, err := tpm.Open(t.Context(), tpm.Params{Device: m.Socket, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	approval, device := made(t, s, keystore.UseApproval), made(t, s, keystore.UseDevice)
	var tries []int
	for {
		_, err = approval.Sign(t.Context(), digest, pin(keystoretest.WrongPIN))
		var wrong *keystore.PINError
		if !errors.As(err, &wrong) {
			break
		}
		tries = append(tries, wrong.TriesLeft)
	}
	if len(tries) != 3 || tries[0] != 3 || tries[2] != 1 {
		t.Errorf("tries left were %v, want 3 2 1", tries)
	}
	var locked *keystore.LockedOutError
	if !errors.As(err, &locked) || !locked.Until.Equal(now.Add(2*time.Second)) {
		t.Fatalf("error is %v, want a lock-out until two seconds later", err)
	}
	if _, err := approval.Sign(t.Context(), digest, pin(keystoretest.PIN)); !errors.Is(err, keystore.ErrLockedOut) {
		t.Errorf("the right PIN during the lock-out: %v", err)
	}
	if _, err := device.Sign(t.Context(), digest, keystore.Verification{}); err != nil {
		t.Errorf("deny during the lock-out: %v", err)
	}
	made(t, s, keystore.UseApproval) // enrolling goes on as well
	keystoretest.Eventually(t, "the lock-out ends", func() bool {
		_, err := approval.Sign(t.Context(), digest, pin(keystoretest.PIN))
		return err == nil
	})
}

func TestUnguardedChipIsRefused(t *testing.T) {
	m := keystoretest.StartTPM(t)
	setDictionary(t, m, 32, 0)
	_, err := tpm.Open(t.Context(), tpm.Params{Device: m.Socket})
	if !errors.Is(err, keystore.ErrUnavailable) {
		t.Fatalf("error is %v, want ErrUnavailable", err)
	}
}
