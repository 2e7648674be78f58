package keystoretest

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/nod-auth/nod/mobile/keystore"
)

func testDeviceKeyNeedsNoPIN(t *testing.T, f Fixture) {
	k := create(t, f.Open(t), keystore.UseDevice)
	signs(t, k, keystore.Verification{})
	signs(t, k, withPIN(WrongPIN)) // given all the same: not looked at
}

func testApprovalNeedsPIN(t *testing.T, f Fixture) {
	s := f.Open(t)
	byPIN(t, s)
	k := create(t, s, keystore.UseApproval)
	signs(t, k, withPIN(PIN))
	for range 15 { // more than any store has tries
		_, err := k.Sign(t.Context(), digest, keystore.Verification{})
		wants(t, err, keystore.ErrPINRequired)
	}
	signs(t, k, withPIN(PIN))
}

func testWeakPIN(t *testing.T, f Fixture) {
	s := f.Open(t)
	byPIN(t, s)
	_, err := s.Create(t.Context(), keystore.CreateParams{Use: keystore.UseApproval})
	wants(t, err, keystore.ErrPINRequired)
	for _, pin := range []string{"1234", "123456", "000000", strings.Repeat("x1", 40)} {
		_, err := s.Create(t.Context(), keystore.CreateParams{Use: keystore.UseApproval, Verification: withPIN(pin)})
		wants(t, err, keystore.ErrWeakPIN)
	}
	if _, err := s.Create(t.Context(), keystore.CreateParams{Use: "both"}); err == nil {
		t.Error("made a key of unknown use")
	}
}

// wrong signs with a wrong PIN and returns the tries that are left.
func wrong(t *testing.T, k keystore.Key) int {
	t.Helper()
	_, err := k.Sign(t.Context(), digest, withPIN(WrongPIN))
	var pinError *keystore.PINError
	if !errors.As(err, &pinError) || !errors.Is(err, keystore.ErrWrongPIN) {
		t.Fatalf("error is %v, want a PINError", err)
	}
	return pinError.TriesLeft
}

func testWrongPIN(t *testing.T, f Fixture) {
	s := f.Open(t)
	byPIN(t, s)
	k := create(t, s, keystore.UseApproval)
	first := wrong(t, k)
	second := wrong(t, k)
	if first != keystore.TriesUnknown && second != first-1 {
		t.Errorf("tries left were %d, then %d", first, second)
	}
	signs(t, k, withPIN(PIN))
	if f.HandleCarriesKey {
		return // a chip counts for all its keys and forgets by time, not by success
	}
	if after := wrong(t, k); after != first {
		t.Errorf("after a right PIN %d tries are left, want %d", after, first)
	}
}

func testTriesRunOut(t *testing.T, f Fixture) {
	s := f.Open(t)
	byPIN(t, s)
	device, approval := create(t, s, keystore.UseDevice), create(t, s, keystore.UseApproval)
	var err error
	for range 40 {
		_, err = approval.Sign(t.Context(), digest, withPIN(WrongPIN))
		if !errors.Is(err, keystore.ErrWrongPIN) {
			break
		}
	}
	wants(t, err, keystore.ErrLockedOut, keystore.ErrDestroyed)
	_, err = approval.Sign(t.Context(), digest, withPIN(PIN))
	wants(t, err, keystore.ErrLockedOut, keystore.ErrDestroyed)
	signs(t, device, keystore.Verification{})
	if f.Volatile {
		return
	}
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	s = f.Open(t)
	signs(t, open(t, s, device.Handle()), keystore.Verification{})
	again, err := s.Open(t.Context(), approval.Handle())
	if err == nil {
		_, err = again.Sign(t.Context(), digest, withPIN(PIN))
	}
	wants(t, err, keystore.ErrLockedOut, keystore.ErrDestroyed)
}

func testPINIsNotKept(t *testing.T, f Fixture) {
	s := f.Open(t)
	byPIN(t, s)
	v := withPIN(PIN)
	k, err := s.Create(t.Context(), keystore.CreateParams{Use: keystore.UseApproval, Verification: v})
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	if !bytes.Equal(v.PIN, []byte(PIN)) {
		t.Error("Create changed the caller's PIN")
	}
	clear(v.PIN)
	v = withPIN(PIN)
	signs(t, k, v)
	if !bytes.Equal(v.PIN, []byte(PIN)) {
		t.Error("Sign changed the caller's PIN")
	}
	clear(v.PIN)
	wrong(t, k)
	signs(t, k, withPIN(PIN))
}

func testErrorsAreSilent(t *testing.T, f Fixture) {
	s := f.Open(t)
	byPIN(t, s)
	k := create(t, s, keystore.UseApproval)
	_, wrongErr := k.Sign(t.Context(), digest, withPIN("canary-4711"))
	_, weakErr := s.Create(t.Context(), keystore.CreateParams{Use: keystore.UseApproval, Verification: withPIN("99999999")})
	for _, err := range []error{wrongErr, weakErr} {
		if err == nil || strings.Contains(err.Error(), "4711") || strings.Contains(err.Error(), "9999") {
			t.Errorf("error is missing or quotes the PIN: %v", err)
		}
	}
}
