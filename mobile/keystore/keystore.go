package keystore

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"

	"github.com/nod-auth/nod/shared/protocol"
)

// Use says what a key signs. It is fixed when the key is made and decides
// whether a person must be verified for each signature.
type Use string

// The two keys that a device holds for each account (docs/protocol.md, Keys).
const (
	// UseDevice keys sign proofs, deny and report. They need nobody's consent:
	// saying no must always work, also while a PIN is locked out.
	UseDevice Use = "device"
	// UseApproval keys sign approve, and need user verification each time.
	UseApproval Use = "approval"
)

// UserVerification says who asks the person before an approval key signs.
type UserVerification string

const (
	// VerifyByPIN means that the caller collects a PIN and hands it over in
	// [Verification.PIN]; the store binds the key to it.
	VerifyByPIN UserVerification = "pin"
	// VerifyByPlatform means that the system shows its own prompt (fingerprint,
	// face, its own PIN) while Sign runs; [Verification.PIN] is ignored.
	VerifyByPlatform UserVerification = "platform"
)

// Store makes and opens signing keys in one place: a chip, a service of the
// operating system, or a file. All methods are safe for concurrent use and all
// errors answer errors.Is for the values in errors.go.
type Store interface {
	// Level is the protection that a key made now would get. It is never
	// higher than what the store can really do (threat T14).
	Level() protocol.KeyLevel
	// UserVerification says how an approval key made now verifies the person. A
	// key that another store made may differ: where it wants a PIN and gets none,
	// Sign answers [ErrPINRequired] and no try is used up.
	UserVerification() UserVerification
	// Create makes a P-256 key that never leaves the store.
	// [ErrPINRequired] and [ErrWeakPIN] concern an approval key's PIN.
	Create(ctx context.Context, params CreateParams) (Key, error)
	// Open returns the key that an earlier [Key.Handle] names. It neither asks
	// the person nor uses up a try. [ErrNotFound], [ErrOtherMachine],
	// [ErrCleared] and [ErrDestroyed] mean that the key is gone for good.
	Open(ctx context.Context, handle []byte) (Key, error)
	// Delete forgets a key. Deleting a key that is already gone is no error.
	Delete(ctx context.Context, handle []byte) error
	// Close releases the store and wipes what it holds in memory. Its keys
	// answer [ErrUnavailable] afterwards.
	Close() error
}

// Key is one private key inside a store. It is safe for concurrent use.
type Key interface {
	// Handle names the key for Store.Open: opaque, at most [MaxHandle] bytes,
	// safe to keep in a plain file. It is worthless on another machine.
	Handle() []byte
	// Public is the P-256 public key.
	Public() *ecdsa.PublicKey
	// Use is what the key was made for.
	Use() Use
	// Level is the protection that this very key has.
	Level() protocol.KeyLevel
	// Attestation is the platform's proof about the key made at Create, or nil
	// where the platform has none or the key was opened again.
	Attestation() *Attestation
	// Sign signs a 32-byte SHA-256 digest: ECDSA, ASN.1 DER. For an approval
	// key each call verifies the person again; nothing is remembered.
	// The store does not keep or change verification.PIN.
	Sign(ctx context.Context, digest []byte, verification Verification) ([]byte, error)
}

// MaxHandle is the longest handle any store returns, in bytes.
const MaxHandle = 1024

// DigestSize is the only digest length that Sign takes: SHA-256.
const DigestSize = 32

// CreateParams says which key to make.
type CreateParams struct {
	// Use is required.
	Use Use
	// Verification sets up an approval key: its PIN where the store verifies
	// by PIN, its Reason where the platform asks. Unused for a device key.
	Verification Verification
	// AttestationChallenge goes into the platform's proof, where there is one:
	// SHA-256 of the invitation token (docs/protocol.md, nod-enrollment+jwt).
	AttestationChallenge []byte
}

// Verification is what a signature with an approval key needs.
type Verification struct {
	// PIN is what the person typed, UTF-8. The caller wipes it afterwards.
	PIN []byte
	// Reason is one translated sentence for a prompt that the platform shows.
	Reason string
}

// Attestation is a platform's own proof of where a key lives.
type Attestation struct {
	// Format names the kind of proof, for example "android-key".
	Format string
	// Chain holds the proof's parts in the order that the format gives; for
	// certificates DER, leaf first.
	Chain [][]byte
}

// Validate refuses a CreateParams that no store could serve.
func (p CreateParams) Validate(verifies UserVerification) error {
	switch p.Use {
	case UseDevice:
		return nil
	case UseApproval:
		if verifies == VerifyByPIN {
			return CheckPIN(p.Verification.PIN)
		}
		return nil
	default:
		return fmt.Errorf("unknown key use %q", p.Use)
	}
}

// CheckDigest refuses a digest that is not SHA-256 sized; every Sign calls it.
func CheckDigest(digest []byte) error {
	if len(digest) != DigestSize {
		return fmt.Errorf("digest has %d bytes, want %d", len(digest), DigestSize)
	}
	return nil
}

// Signer adapts a key to [crypto.Signer], which protocol.Sign takes. The
// context and the verification serve every signature made through it, so make
// one for each signature and drop it.
func Signer(ctx context.Context, key Key, verification Verification) crypto.Signer {
	return &signer{ctx: ctx, key: key, verification: verification}
}

type signer struct {
	ctx          context.Context // crypto.Signer has no context argument
	key          Key
	verification Verification
}

func (s *signer) Public() crypto.PublicKey { return s.key.Public() }

func (s *signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts == nil || opts.HashFunc() != crypto.SHA256 {
		return nil, errors.New("key signs SHA-256 digests only")
	}
	return s.key.Sign(s.ctx, digest, s.verification)
}
