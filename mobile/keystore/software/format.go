package software

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/nod-auth/nod/mobile/keystore"
)

const (
	magic   = "nod-keystore "
	version = "1"
	// maxFile bounds what is read: some thousand accounts.
	maxFile = 16 << 20
)

// header stands in clear before the sealed part and is authenticated with it.
type header struct {
	ID     string          `json:"id"`
	Source string          `json:"source"`
	Hint   json.RawMessage `json:"hint,omitempty"`
}

// body is the sealed part.
type body struct {
	Keys []*record `json:"keys"`
}

// record is one key. Private is the 32-byte scalar of a device key; an approval
// key has Guard instead.
type record struct {
	ID      []byte       `json:"id"`
	Use     keystore.Use `json:"use"`
	Public  []byte       `json:"public"` // uncompressed point, 65 bytes
	Private []byte       `json:"private,omitempty"`
	Guard   *guard       `json:"guard,omitempty"`
}

// encodeFile seals content under key.
func encodeFile(h header, content body, key []byte) ([]byte, error) {
	line, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("encode header: %w", err)
	}
	plain, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("encode keys: %w", err)
	}
	defer clear(plain)
	out := []byte(magic + version + "\n" + string(line) + "\n")
	sealed, err := seal(key, plain, out)
	if err != nil {
		return nil, err
	}
	out = append(out, sealed...)
	sum := sha256.Sum256(out)
	return append(out, sum[:]...), nil
}

// parsed is a file whose checksum holds, not yet opened.
type parsed struct {
	header header
	clear  []byte // the two lines, the additional data
	sealed []byte
}

// parseFile checks version, then checksum, then header, so that a file of a
// newer version is named as such even if its layout differs.
func parseFile(data []byte) (parsed, error) {
	first, rest, ok := bytes.Cut(data, []byte("\n"))
	v, isOurs := bytes.CutPrefix(first, []byte(magic))
	if !ok || !isOurs {
		return parsed{}, fmt.Errorf("%w: not a key file", keystore.ErrCorrupt)
	}
	if string(v) != version {
		return parsed{}, fmt.Errorf("%w: this program reads version %s", keystore.ErrFormat, version)
	}
	end := len(data) - sha256.Size
	if end < len(first) {
		return parsed{}, fmt.Errorf("%w: too short", keystore.ErrCorrupt)
	}
	if sum := sha256.Sum256(data[:end]); !bytes.Equal(sum[:], data[end:]) {
		return parsed{}, fmt.Errorf("%w: checksum differs", keystore.ErrCorrupt)
	}
	line, _, ok := bytes.Cut(rest, []byte("\n"))
	cut := len(first) + 1 + len(line) + 1
	if !ok || cut > end {
		return parsed{}, fmt.Errorf("%w: no header", keystore.ErrCorrupt)
	}
	p := parsed{clear: data[:cut], sealed: data[cut:end]}
	if err := json.Unmarshal(line, &p.header); err != nil || p.header.ID == "" {
		return parsed{}, fmt.Errorf("%w: header", keystore.ErrCorrupt)
	}
	return p, nil
}

// open decrypts; mismatch is the error of a key that does not fit.
func (p parsed) open(key []byte, mismatch error) (body, error) {
	plain, err := unseal(key, p.sealed, p.clear)
	if err != nil {
		return body{}, mismatch
	}
	defer clear(plain)
	var b body
	if err := json.Unmarshal(plain, &b); err != nil {
		return body{}, fmt.Errorf("%w: content", keystore.ErrCorrupt)
	}
	for _, r := range b.Keys {
		if err := r.valid(); err != nil {
			return body{}, err
		}
	}
	return b, nil
}

func (r *record) valid() error {
	if r == nil || len(r.ID) != idSize || !r.shaped() {
		return fmt.Errorf("%w: key record", keystore.ErrCorrupt)
	}
	if _, err := parsePublic(r.Public); err != nil {
		return fmt.Errorf("%w: public key", keystore.ErrCorrupt)
	}
	if r.Guard != nil && (r.Guard.Cost.valid() != nil || r.Guard.TriesLeft < 0 || r.Guard.TriesLeft > MaxTries) {
		return fmt.Errorf("%w: PIN guard", keystore.ErrCorrupt)
	}
	return nil
}

// shaped reports whether the secret part fits the use.
func (r *record) shaped() bool {
	switch r.Use {
	case keystore.UseDevice:
		return r.Guard == nil && len(r.Private) == scalarSize
	case keystore.UseApproval:
		return r.Guard != nil && len(r.Private) == 0
	default:
		return false
	}
}

// seal returns nonce || ciphertext by XChaCha20-Poly1305, whose 24-byte random
// nonce cannot repeat in practice however often the file is written.
func seal(key, plain, additional []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	nonce := random(aead.NonceSize())
	return aead.Seal(nonce, nonce, plain, additional), nil
}

func unseal(key, sealed, additional []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	if len(sealed) < aead.NonceSize() {
		return nil, keystore.ErrCorrupt
	}
	n := aead.NonceSize()
	return aead.Open(nil, sealed[:n], sealed[n:], additional)
}
