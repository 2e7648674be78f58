package software

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"github.com/nod-auth/nod/mobile/keystore"
)

// KeySource gives the 32-byte key that seals a file. The caller clears it.
type KeySource interface {
	// Name goes into the file's header; a file opens only with its own source.
	Name() string
	// Make returns the key for a new file with the given id, and a hint kept in
	// the header in clear, which finds the key again. It must not replace the
	// key of another id.
	Make(ctx context.Context, id string) (key []byte, hint json.RawMessage, err error)
	// Find returns the key of an existing file.
	Find(ctx context.Context, id string, hint json.RawMessage) (key []byte, err error)
	// Mismatch is the error when the key found does not open the file.
	Mismatch() error
}

// Passphrase returns a [KeySource] that derives the key by Argon2id with
// [DefaultCost]. It copies secret; [Store.Close] does not wipe that copy, so
// call wipe when the store is open.
func Passphrase(secret []byte) (source KeySource, wipe func()) {
	p := &passphrase{secret: append([]byte(nil), secret...), cost: DefaultCost}
	return p, func() { clear(p.secret); p.secret = nil }
}

type passphrase struct {
	secret []byte
	cost   Cost
}

type passphraseHint struct {
	Cost Cost   `json:"argon2id"`
	Salt []byte `json:"salt"`
}

func (p *passphrase) Name() string    { return "passphrase" }
func (p *passphrase) Mismatch() error { return keystore.ErrWrongPassphrase }

func (p *passphrase) Make(_ context.Context, _ string) ([]byte, json.RawMessage, error) {
	if len(p.secret) == 0 {
		return nil, nil, fmt.Errorf("%w: it is empty", keystore.ErrWrongPassphrase)
	}
	h := passphraseHint{Cost: p.cost, Salt: random(saltSize)}
	hint, err := json.Marshal(h)
	if err != nil {
		return nil, nil, fmt.Errorf("encode passphrase hint: %w", err)
	}
	return h.Cost.derive(p.secret, h.Salt), hint, nil
}

func (p *passphrase) Find(_ context.Context, _ string, hint json.RawMessage) ([]byte, error) {
	var h passphraseHint
	if err := json.Unmarshal(hint, &h); err != nil {
		return nil, fmt.Errorf("%w: passphrase hint", keystore.ErrCorrupt)
	}
	if err := h.Cost.valid(); err != nil || len(h.Salt) != saltSize {
		return nil, fmt.Errorf("%w: passphrase hint", keystore.ErrCorrupt)
	}
	return h.Cost.derive(p.secret, h.Salt), nil
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand stops the program instead
	return b
}
