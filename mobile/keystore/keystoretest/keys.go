package keystoretest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"sync"
	"testing"

	"github.com/nod-auth/nod/mobile/keystore"
)

func testSigns(t *testing.T, f Fixture) {
	s := f.Open(t)
	for _, use := range []keystore.Use{keystore.UseDevice, keystore.UseApproval} {
		k := create(t, s, use)
		if k.Use() != use {
			t.Errorf("use is %q, want %q", k.Use(), use)
		}
		if n := len(k.Handle()); n == 0 || n > keystore.MaxHandle {
			t.Errorf("handle has %d bytes", n)
		}
		if k.Public().Curve != elliptic.P256() {
			t.Errorf("curve is %v", k.Public().Curve)
		}
		signs(t, k, withPIN(PIN))
		again := open(t, s, k.Handle())
		if !again.Public().Equal(k.Public()) || again.Use() != use {
			t.Errorf("opened key differs from the created one")
		}
	}
}

func testReopens(t *testing.T, f Fixture) {
	if f.Volatile {
		t.Skip("skipped: this store keeps keys in memory only")
	}
	s := f.Open(t)
	device, approval := create(t, s, keystore.UseDevice), create(t, s, keystore.UseApproval)
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	s = f.Open(t)
	for _, k := range []keystore.Key{device, approval} {
		again := open(t, s, k.Handle())
		if !again.Public().Equal(k.Public()) || again.Use() != k.Use() || again.Level() != k.Level() {
			t.Errorf("%s key changed by closing the store", k.Use())
		}
		if !bytes.Equal(again.Handle(), k.Handle()) {
			t.Errorf("%s key's handle changed by closing the store", k.Use())
		}
		signs(t, again, withPIN(PIN))
	}
}

func testDistinct(t *testing.T, f Fixture) {
	s := f.Open(t)
	a, b := create(t, s, keystore.UseDevice), create(t, s, keystore.UseDevice)
	if a.Public().Equal(b.Public()) {
		t.Error("two keys have the same public key")
	}
	if bytes.Equal(a.Handle(), b.Handle()) {
		t.Error("two keys have the same handle")
	}
}

func testDelete(t *testing.T, f Fixture) {
	s := f.Open(t)
	gone, stays := create(t, s, keystore.UseDevice), create(t, s, keystore.UseDevice)
	for range 2 {
		if err := s.Delete(t.Context(), gone.Handle()); err != nil {
			t.Fatalf("delete: %v", err)
		}
	}
	signs(t, stays, keystore.Verification{})
	if f.HandleCarriesKey {
		return
	}
	_, err := s.Open(t.Context(), gone.Handle())
	wants(t, err, keystore.ErrNotFound)
	_, err = gone.Sign(t.Context(), digest, keystore.Verification{})
	wants(t, err, keystore.ErrNotFound)
}

func testDamagedHandle(t *testing.T, f Fixture) {
	s := f.Open(t)
	k := create(t, s, keystore.UseDevice)
	whole := k.Handle()
	refused := func(what string, handle []byte) {
		t.Helper()
		got, err := s.Open(t.Context(), handle)
		if err == nil && got.Public().Equal(k.Public()) && len(handle) == len(whole) {
			return // a byte that does not matter, for example of a key's attributes
		}
		if err == nil {
			t.Fatalf("%s: opened a key", what)
		}
		wants(t, err, keystore.ErrNotFound, keystore.ErrOtherMachine, keystore.ErrCorrupt, keystore.ErrCleared)
	}
	refused("empty", nil)
	refused("too long", bytes.Repeat([]byte("a"), keystore.MaxHandle+1))
	refused("another store's", []byte("elsewhere:AAAA"))
	for n := 0; n < len(whole); n += 7 {
		refused("cut", whole[:n])
		flipped := bytes.Clone(whole)
		flipped[n] ^= 1
		refused("flipped", flipped)
	}
	signs(t, open(t, s, whole), keystore.Verification{})
}

func testOtherMachine(t *testing.T, f Fixture) {
	s := f.Open(t)
	for _, use := range []keystore.Use{keystore.UseDevice, keystore.UseApproval} {
		handle := create(t, s, use).Handle()
		_, err := f.Other(t).Open(t.Context(), handle)
		wants(t, err, keystore.ErrOtherMachine, keystore.ErrNotFound)
	}
}

func testLevel(t *testing.T, f Fixture) {
	s := f.Open(t)
	if s.Level() != f.Level {
		t.Errorf("store says level %q, want %q", s.Level(), f.Level)
	}
	for _, use := range []keystore.Use{keystore.UseDevice, keystore.UseApproval} {
		k := create(t, s, use)
		if k.Level() != f.Level {
			t.Errorf("%s key says level %q, want %q", use, k.Level(), f.Level)
		}
		if !f.Level.Hardware() && k.Attestation() != nil {
			t.Errorf("%s key of level %q has an attestation", use, f.Level)
		}
	}
}

func testDigest(t *testing.T, f Fixture) {
	k := create(t, f.Open(t), keystore.UseDevice)
	for _, n := range []int{0, 20, 31, 33, 64} {
		if _, err := k.Sign(t.Context(), make([]byte, n), keystore.Verification{}); err == nil {
			t.Errorf("signed a digest of %d bytes", n)
		}
	}
}

func testCanceled(t *testing.T, f Fixture) {
	k := create(t, f.Open(t), keystore.UseDevice)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := k.Sign(ctx, digest, keystore.Verification{})
	wants(t, err, context.Canceled)
}

func testClosed(t *testing.T, f Fixture) {
	s := f.Open(t)
	k := create(t, s, keystore.UseDevice)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	_, err := k.Sign(t.Context(), digest, keystore.Verification{})
	wants(t, err, keystore.ErrUnavailable)
	_, err = s.Open(t.Context(), k.Handle())
	wants(t, err, keystore.ErrUnavailable)
	_, err = s.Create(t.Context(), keystore.CreateParams{Use: keystore.UseDevice})
	wants(t, err, keystore.ErrUnavailable)
}

func testConcurrent(t *testing.T, f Fixture) {
	s := f.Open(t)
	device, approval := create(t, s, keystore.UseDevice), create(t, s, keystore.UseApproval)
	var wg sync.WaitGroup
	for i := range 12 {
		k := device
		if i%4 == 0 {
			k = approval
		}
		wg.Go(func() {
			sig, err := k.Sign(t.Context(), digest, withPIN(PIN))
			if err != nil {
				t.Errorf("sign with %s key: %v", k.Use(), err)
				return
			}
			if !ecdsa.VerifyASN1(k.Public(), digest, sig) {
				t.Errorf("signature of %s key does not verify", k.Use())
			}
		})
	}
	wg.Wait()
}

func testSigner(t *testing.T, f Fixture) {
	k := create(t, f.Open(t), keystore.UseApproval)
	signer := keystore.Signer(t.Context(), k, withPIN(PIN))
	if !k.Public().Equal(signer.Public()) {
		t.Error("the signer has another public key")
	}
	sig, err := signer.Sign(rand.Reader, digest, crypto.SHA256)
	if err != nil {
		t.Fatalf("sign: %v", err)
	}
	if !ecdsa.VerifyASN1(k.Public(), digest, sig) {
		t.Error("signature does not verify")
	}
	if _, err := signer.Sign(rand.Reader, digest, crypto.SHA384); err == nil {
		t.Error("signed for SHA-384")
	}
}
