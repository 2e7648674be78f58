//go:build !android

package tpm

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/protocol"
)

const (
	// Kind names this store in handles.
	Kind = "tpm2"
	// DefaultDevice is the kernel's resource manager, which programs share.
	DefaultDevice = "/dev/tpmrm0"
)

// Params says which chip to use.
type Params struct {
	// Device is a character device, or the Unix socket of a software TPM;
	// "" means [DefaultDevice].
	Device string
	// Now is the clock for [keystore.LockedOutError]; nil means time.Now.
	Now func() time.Time
}

// Store is a [keystore.Store] on one TPM. It serializes commands.
type Store struct {
	now func() time.Time

	mu     sync.Mutex // guards chip and closed
	chip   *chip
	closed bool
}

var _ keystore.Store = (*Store)(nil)

// Open reaches the chip, makes the storage root key and checks that wrong PINs
// are limited. Every failure is [keystore.ErrUnavailable] and says why.
func Open(ctx context.Context, params Params) (*Store, error) {
	if params.Device == "" {
		params.Device = DefaultDevice
	}
	if params.Now == nil {
		params.Now = time.Now
	}
	s := &Store{now: params.Now, chip: &chip{path: params.Device}}
	err := s.do(ctx, func(c *chip) error {
		d, err := c.dictionary()
		if err != nil {
			return err
		}
		if d.interval == 0 || d.max == 0 {
			return fmt.Errorf("%w: the TPM's protection against guessing is switched off", keystore.ErrUnavailable)
		}
		return nil
	})
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// do runs f with the chip reached. A chip that has forgotten what was loaded
// (suspended, daemon restarted) is reached anew, once.
func (s *Store) do(ctx context.Context, f func(*chip) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("%w: closed", keystore.ErrUnavailable)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("use TPM: %w", err)
	}
	err := s.chip.reach()
	if err == nil {
		err = f(s.chip)
	}
	if errors.Is(err, errStale) {
		s.chip.release()
		if err = s.chip.reach(); err == nil {
			err = f(s.chip)
		}
	}
	return err
}

// Level is always tpm.
func (s *Store) Level() protocol.KeyLevel { return protocol.LevelTPM }

// UserVerification is always by PIN.
func (s *Store) UserVerification() keystore.UserVerification { return keystore.VerifyByPIN }

// Create implements [keystore.Store].
func (s *Store) Create(ctx context.Context, params keystore.CreateParams) (keystore.Key, error) {
	if err := params.Validate(keystore.VerifyByPIN); err != nil {
		return nil, err
	}
	var k *key
	err := s.do(ctx, func(c *chip) error {
		h, public, err := c.create(params.Use, params.Verification.PIN)
		if err != nil {
			return err
		}
		k = &key{store: s, handle: h, public: public}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return k, nil
}

// Open implements [keystore.Store]. It loads the key once to be sure that this
// chip can use it.
func (s *Store) Open(ctx context.Context, handle []byte) (keystore.Key, error) {
	h, err := parseHandle(handle)
	if err != nil {
		// A closed store answers as such even to a bad handle.
		return nil, errors.Join(s.do(ctx, func(*chip) error { return nil }), err)
	}
	public, err := h.publicKey()
	if err != nil {
		return nil, err
	}
	err = s.do(ctx, func(c *chip) error {
		loaded, err := c.load(h)
		if err != nil {
			return err
		}
		return c.flush(loaded.Handle)
	})
	if err != nil {
		return nil, err
	}
	return &key{store: s, handle: h, public: public}, nil
}

// Delete does nothing: the wrapped key lives in the handle alone.
func (s *Store) Delete(context.Context, []byte) error { return nil }

// Close implements [keystore.Store].
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.chip.release()
	return nil
}

// key is a [keystore.Key]; handle holds the wrapped key.
type key struct {
	store  *Store
	handle handle
	public *ecdsa.PublicKey
}

func (k *key) Handle() []byte                     { return k.handle.encode() }
func (k *key) Public() *ecdsa.PublicKey           { return k.public }
func (k *key) Use() keystore.Use                  { return k.handle.use }
func (k *key) Level() protocol.KeyLevel           { return protocol.LevelTPM }
func (k *key) Attestation() *keystore.Attestation { return nil }

// Sign implements [keystore.Key]. A signature that does not verify (a faulty
// chip or bus) is not given out.
func (k *key) Sign(ctx context.Context, digest []byte, v keystore.Verification) ([]byte, error) {
	if err := keystore.CheckDigest(digest); err != nil {
		return nil, err
	}
	approval := k.handle.use == keystore.UseApproval
	if approval && len(v.PIN) == 0 {
		return nil, keystore.ErrPINRequired
	}
	var signature []byte
	err := k.store.do(ctx, func(c *chip) error {
		var err error
		signature, err = c.sign(k.handle, digest, v.PIN)
		if approval && isWrongAuth(err) {
			return c.verdict(k.store.now)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if !ecdsa.VerifyASN1(k.public, digest, signature) {
		return nil, fmt.Errorf("%w: the TPM made a signature that does not verify", keystore.ErrUnavailable)
	}
	return signature, nil
}
