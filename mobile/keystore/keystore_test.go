package keystore_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/mobile/keystore"
)

func TestCheckPIN(t *testing.T) {
	for _, c := range []struct {
		name, pin string
		want      error
	}{
		{"none", "", keystore.ErrPINRequired},
		{"five digits", "83194", keystore.ErrWeakPIN},
		{"five letters of two bytes each", "äöüßé", keystore.ErrWeakPIN},
		{"a row up", "345678", keystore.ErrWeakPIN},
		{"a row down", "987654", keystore.ErrWeakPIN},
		{"a row over the end", "890123", keystore.ErrWeakPIN},
		{"steps of two", "246802", keystore.ErrWeakPIN},
		{"letters in a row", "abcdefg", keystore.ErrWeakPIN},
		{"one digit", "777777", keystore.ErrWeakPIN},
		{"two digits in turn", "121212", keystore.ErrWeakPIN},
		{"three digits in turn", "1231231", keystore.ErrWeakPIN},
		{"pairs", "112233", keystore.ErrWeakPIN},
		{"a much used one", "159753", keystore.ErrWeakPIN},
		{"the keyboard", "qwerty", keystore.ErrWeakPIN},
		{"too long", strings.Repeat("a9", 33), keystore.ErrWeakPIN},
		{"not text", "83\xff947", keystore.ErrWeakPIN},
		{"six good digits", "831947", nil},
		{"six letters of two bytes each", "äöüßéà", nil},
		{"a phrase", "blue heron 7", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := keystore.CheckPIN([]byte(c.pin))
			if !errors.Is(err, c.want) {
				t.Fatalf("CheckPIN = %v, want %v", err, c.want)
			}
			if err != nil && len(c.pin) > 4 && strings.Contains(err.Error(), c.pin) {
				t.Errorf("the error quotes the PIN: %v", err)
			}
		})
	}
}

func TestTypedErrorsAnswerIs(t *testing.T) {
	wrong := fmt.Errorf("approve: %w", &keystore.PINError{TriesLeft: 3})
	if !errors.Is(wrong, keystore.ErrWrongPIN) || !strings.Contains(wrong.Error(), "3") {
		t.Errorf("PINError: %v", wrong)
	}
	until := time.Date(2026, 11, 20, 10, 0, 0, 0, time.FixedZone("x", 3600))
	locked := fmt.Errorf("approve: %w", &keystore.LockedOutError{Until: until})
	if !errors.Is(locked, keystore.ErrLockedOut) || !strings.Contains(locked.Error(), "2026-11-20T09:00:00Z") {
		t.Errorf("LockedOutError: %v", locked)
	}
	if errors.Is(wrong, keystore.ErrLockedOut) || errors.Is(locked, keystore.ErrWrongPIN) {
		t.Error("the two are taken for each other")
	}
}

func FuzzSplitHandle(f *testing.F) {
	f.Add(keystore.JoinHandle("software", []byte{1, 2, 3}))
	f.Add([]byte("x:"))
	f.Add([]byte(":AAAA"))
	f.Fuzz(func(t *testing.T, handle []byte) {
		kind, data, err := keystore.SplitHandle(handle)
		if err != nil {
			if !errors.Is(err, keystore.ErrNotFound) {
				t.Errorf("error is %v", err)
			}
			return
		}
		if !bytes.Equal(keystore.JoinHandle(kind, data), handle) {
			t.Errorf("%q does not come back the same", handle)
		}
	})
}

func TestHandleWithLineEndIsRefused(t *testing.T) {
	for _, handle := range []string{"a:AAAA\n", "a:AA\r\nAA"} {
		if _, _, err := keystore.SplitHandle([]byte(handle)); !errors.Is(err, keystore.ErrNotFound) {
			t.Errorf("%q: error is %v, want ErrNotFound", handle, err)
		}
	}
}
