//go:build !android

package tpm

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/google/go-tpm/tpm2"

	"github.com/nod-auth/nod/mobile/keystore"
)

// handle is what a key handle carries: the wrapped key, and what tells this
// chip from another. Binary form, version 1: version, use ('d' or 'a'), salt,
// hash of the endorsement key, then root name, public and private area, each
// with a two-byte length.
type handle struct {
	use      keystore.Use
	salt     [16]byte
	ekHash   [sha256.Size]byte
	rootName []byte
	public   []byte // TPMT_PUBLIC
	private  []byte // TPM2B_PRIVATE's buffer: encrypted by the root key
}

const handleVersion = 1

var useByte = map[keystore.Use]byte{keystore.UseDevice: 'd', keystore.UseApproval: 'a'}

func (h handle) encode() []byte {
	b := []byte{handleVersion, useByte[h.use]}
	b = append(b, h.salt[:]...)
	b = append(b, h.ekHash[:]...)
	for _, part := range [][]byte{h.rootName, h.public, h.private} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(part))) //nolint:gosec // a chip's answer has 4096 bytes at most
		b = append(b, part...)
	}
	return keystore.JoinHandle(Kind, b)
}

func parseHandle(encoded []byte) (h handle, err error) {
	b, err := keystore.OwnHandle(Kind, encoded)
	if err != nil {
		return h, err
	}
	const fixed = 2 + len(h.salt) + len(h.ekHash)
	if len(b) < fixed || b[0] != handleVersion {
		return h, fmt.Errorf("%w: TPM handle of unknown form", keystore.ErrNotFound)
	}
	for use, mark := range useByte {
		if mark == b[1] {
			h.use = use
		}
	}
	copy(h.salt[:], b[2:])
	copy(h.ekHash[:], b[2+len(h.salt):])
	rest := b[fixed:]
	for _, part := range []*[]byte{&h.rootName, &h.public, &h.private} {
		if len(rest) < 2 || len(rest)-2 < int(binary.BigEndian.Uint16(rest)) {
			return h, fmt.Errorf("%w: TPM handle cut short", keystore.ErrNotFound)
		}
		n := int(binary.BigEndian.Uint16(rest))
		*part, rest = rest[2:2+n], rest[2+n:]
	}
	if h.use == "" || len(rest) != 0 {
		return h, fmt.Errorf("%w: TPM handle of unknown form", keystore.ErrNotFound)
	}
	return h, nil
}

// publicKey checks that the public area is that of a key this package makes
// (not exportable, P-256, right use) and returns its point.
func (h handle) publicKey() (*ecdsa.PublicKey, error) {
	area, err := tpm2.Unmarshal[tpm2.TPMTPublic](h.public)
	if err != nil {
		return nil, fmt.Errorf("%w: public area", keystore.ErrCorrupt)
	}
	want := template(h.use)
	want.Unique = area.Unique
	if !bytes.Equal(tpm2.Marshal(want), h.public) {
		return nil, fmt.Errorf("%w: the key is not of the kind asked for", keystore.ErrCorrupt)
	}
	key, err := tpm2.Pub(*area)
	if err != nil {
		return nil, fmt.Errorf("%w: public point", keystore.ErrCorrupt)
	}
	public, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: not an elliptic curve key", keystore.ErrCorrupt)
	}
	if _, err := public.ECDH(); err != nil { // refuses points off the curve
		return nil, fmt.Errorf("%w: public point", keystore.ErrCorrupt)
	}
	return public, nil
}
