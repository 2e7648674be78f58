package software

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/protocol"
)

// key is a [keystore.Key]; the secret stays in the store's record.
type key struct {
	store  *Store
	handle []byte
	public *ecdsa.PublicKey
	use    keystore.Use
}

func (k *key) Handle() []byte                     { return append([]byte(nil), k.handle...) }
func (k *key) Public() *ecdsa.PublicKey           { return k.public }
func (k *key) Use() keystore.Use                  { return k.use }
func (k *key) Level() protocol.KeyLevel           { return protocol.LevelSoftware }
func (k *key) Attestation() *keystore.Attestation { return nil }

// Sign implements [keystore.Key].
func (k *key) Sign(ctx context.Context, digest []byte, v keystore.Verification) ([]byte, error) {
	if err := keystore.CheckDigest(digest); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	private, err := k.store.private(k, v.PIN)
	if err != nil {
		return nil, err
	}
	defer clear(private)
	return signRaw(private, digest)
}

// private returns a copy of the scalar, after the PIN where one is due.
func (s *Store) private(k *key, pin []byte) ([]byte, error) {
	if k.use == keystore.UseApproval {
		return s.unlock(k, pin)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(k.handle)
	if err != nil {
		return nil, err
	}
	return append([]byte(nil), r.Private...), nil
}

// unlock takes a try away on disk, then compares, then gives the tries back.
func (s *Store) unlock(k *key, pin []byte) ([]byte, error) {
	s.attempt.Lock()
	defer s.attempt.Unlock()
	g, public, err := s.reserve(k, pin)
	if err != nil {
		return nil, err
	}
	private, err := g.open(pin, public)
	if err != nil {
		return nil, s.refused(k)
	}
	s.restore(k)
	return private, nil
}

// reserve returns a copy of the guard, one try poorer.
func (s *Store) reserve(k *key, pin []byte) (guard, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(k.handle)
	if err != nil {
		return guard{}, nil, err
	}
	if r.Guard.erased() {
		return guard{}, nil, keystore.ErrDestroyed
	}
	if len(pin) == 0 {
		return guard{}, nil, keystore.ErrPINRequired
	}
	if len(pin) > keystore.MaxPIN { // no PIN is that long: not worth a try
		return guard{}, nil, &keystore.PINError{TriesLeft: r.Guard.TriesLeft}
	}
	r.Guard.TriesLeft--
	if err := s.save(); err != nil {
		r.Guard.TriesLeft++
		return guard{}, nil, err
	}
	copied := *r.Guard
	copied.Sealed = append([]byte(nil), r.Guard.Sealed...)
	return copied, r.Public, nil
}

// refused reports a wrong PIN, and erases the key with the last try.
func (s *Store) refused(k *key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(k.handle)
	if err != nil {
		return err
	}
	if r.Guard.TriesLeft > 0 {
		return &keystore.PINError{TriesLeft: r.Guard.TriesLeft}
	}
	r.Guard.erase()
	if err := s.save(); err != nil {
		// The count on disk is 0 already, so the key stays refused; the sealed
		// bytes go with the next write.
		return errors.Join(keystore.ErrDestroyed, err)
	}
	return keystore.ErrDestroyed
}

// restore gives all tries back after a right PIN. If that cannot be written the
// person has one try less after a restart; the signature stands nevertheless.
func (s *Store) restore(k *key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(k.handle)
	if err != nil {
		return
	}
	r.Guard.TriesLeft = MaxTries
	_ = s.save()
}

// newRecord makes a key pair and, for an approval key, its guard.
func newRecord(params keystore.CreateParams, cost Cost) (*record, *ecdsa.PublicKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("generate key: %w", err)
	}
	scalar, err := private.Bytes()
	if err != nil {
		return nil, nil, fmt.Errorf("encode key: %w", err)
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		return nil, nil, fmt.Errorf("encode public key: %w", err)
	}
	r := &record{ID: random(idSize), Use: params.Use, Public: point}
	if params.Use == keystore.UseDevice {
		r.Private = scalar
		return r, &private.PublicKey, nil
	}
	defer clear(scalar)
	r.Guard, err = newGuard(cost, params.Verification.PIN, scalar, point)
	if err != nil {
		return nil, nil, err
	}
	return r, &private.PublicKey, nil
}

func (r *record) wipe() {
	clear(r.Private)
	if r.Guard != nil {
		clear(r.Guard.Sealed)
	}
}

func signRaw(scalar, digest []byte) ([]byte, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return nil, fmt.Errorf("%w: private key", keystore.ErrCorrupt)
	}
	sig, err := ecdsa.SignASN1(rand.Reader, private, digest)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return sig, nil
}

func parsePublic(point []byte) (*ecdsa.PublicKey, error) {
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
}
