// Package seal owns secrets at rest: it encrypts small values under the installation's key-encryption key (KEK).
//
// AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce; the associated data names what the value is and the row it
// belongs to, so that a ciphertext moved to another row does not open (T41). Each purpose has its own key, derived
// from the KEK by HKDF-SHA-256 (RFC 5869), so random nonces stay far below the 2^32 limit of section 8.3.
// A database without its KEK yields no secret.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// KeySize is the size of the KEK in bytes.
const KeySize = 32

// ErrOpen means that a value was sealed under another key, for another row, or was changed.
var ErrOpen = errors.New("sealed value does not open: another key, another row, or changed")

// Sealer seals and opens under one KEK. It is safe for concurrent use.
type Sealer struct {
	kek   []byte
	mu    sync.Mutex
	aeads map[string]cipher.AEAD
}

// LogValue keeps the KEK out of every log.
func (*Sealer) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// String keeps the KEK out of every format.
func (*Sealer) String() string { return "[redacted]" }

// New takes a KEK of exactly [KeySize] bytes.
func New(kek []byte) (*Sealer, error) {
	if len(kek) != KeySize {
		return nil, fmt.Errorf("the key-encryption key has %d bytes, want %d", len(kek), KeySize)
	}
	return &Sealer{kek: append([]byte(nil), kek...), aeads: map[string]cipher.AEAD{}}, nil
}

// ParseKey reads a KEK as text: base64 (standard or URL alphabet, padded or not) of 32 bytes.
func ParseKey(text string) ([]byte, error) {
	s := strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(strings.TrimSpace(text), "="))
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != KeySize {
		return nil, fmt.Errorf("not the base64 of %d bytes", KeySize)
	}
	return b, nil
}

// NewKey draws a KEK and returns it as text for a file or an environment variable.
func NewKey() string {
	b := make([]byte, KeySize)
	_, _ = rand.Read(b) // never returns an error
	return base64.RawURLEncoding.EncodeToString(b)
}

// Derive returns a 32-byte key for another use, such as the device nonces, bound to its purpose.
func (s *Sealer) Derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, s.kek, nil, "nod/1/"+purpose, KeySize)
	if err != nil {
		panic("seal: hkdf refuses 32 bytes: " + err.Error()) // can't happen: SHA-256 allows 8160
	}
	return key
}

// Seal encrypts plain for the row named by parts, such as tenant id and row id, under the purpose's key.
func (s *Sealer) Seal(purpose string, plain []byte, row ...string) []byte {
	aead := s.aead(purpose)
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	_, _ = rand.Read(nonce) // never returns an error
	return aead.Seal(nonce, nonce, plain, associated(row))
}

// Open decrypts what Seal made for the same purpose and row; [ErrOpen] otherwise.
func (s *Sealer) Open(purpose string, sealed []byte, row ...string) ([]byte, error) {
	aead := s.aead(purpose)
	if len(sealed) < aead.NonceSize() {
		return nil, ErrOpen
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], associated(row))
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

func (s *Sealer) aead(purpose string) cipher.AEAD {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.aeads[purpose]; ok {
		return a
	}
	block, err := aes.NewCipher(s.Derive("seal/" + purpose))
	if err != nil {
		panic("seal: " + err.Error()) // can't happen: the key has 32 bytes
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("seal: " + err.Error()) // can't happen: AES has 16-byte blocks
	}
	s.aeads[purpose] = aead
	return aead
}

// associated joins the row's parts with their lengths, so that no two rows have the same text.
func associated(parts []string) []byte {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "%d:%s;", len(p), p)
	}
	return []byte(b.String())
}
