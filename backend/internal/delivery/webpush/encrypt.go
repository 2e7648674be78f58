package webpush

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// Sizes of RFC 8188 section 2 and RFC 8291 section 4.
const (
	saltSize   = 16
	recordSize = 4096
	pointSize  = 65
	headerSize = saltSize + 4 + 1 + pointSize
	overhead   = headerSize + 1 + 16 // delimiter and tag
	// paddedSize is the length of every plaintext of ours, so that the size tells nothing, not even the language.
	paddedSize = 1024
)

var (
	errKeys = errors.New("subscription keys are not a P-256 point and 16 bytes")
	errSize = errors.New("message does not fit one record")
)

// seal encrypts one record (RFC 8291 section 3, RFC 8188 section 2). The plaintext is padded to at least pad bytes.
func seal(plaintext, p256dh, auth []byte, pad int) ([]byte, error) {
	sender, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	return sealWith(sealing{sender: sender, salt: salt, pad: pad}, plaintext, p256dh, auth)
}

// sealing is what the RFC's test vector fixes.
type sealing struct {
	sender *ecdh.PrivateKey
	salt   []byte
	pad    int
}

func sealWith(s sealing, plaintext, p256dh, auth []byte) ([]byte, error) {
	receiver, err := ecdh.P256().NewPublicKey(p256dh)
	if err != nil || len(auth) != saltSize {
		return nil, errKeys
	}
	size := max(len(plaintext), s.pad)
	if size+overhead > recordSize {
		return nil, errSize
	}
	shared, err := s.sender.ECDH(receiver)
	if err != nil {
		return nil, errKeys
	}
	senderPoint := s.sender.PublicKey().Bytes()
	key, nonce, err := derive(shared, auth, s.salt, p256dh, senderPoint)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	record := make([]byte, size+1)
	copy(record, plaintext)
	record[len(plaintext)] = 2 // delimiter of the last record, RFC 8188 section 2; zeros follow
	out := make([]byte, 0, size+overhead)
	out = append(out, s.salt...)
	out = binary.BigEndian.AppendUint32(out, recordSize)
	out = append(out, pointSize)
	out = append(out, senderPoint...)
	return gcm.Seal(out, nonce, record, nil), nil
}

// derive gives the content key and nonce (RFC 8291 section 3.4).
func derive(shared, auth, salt, receiver, sender []byte) (key, nonce []byte, err error) {
	info := "WebPush: info\x00" + string(receiver) + string(sender)
	ikm, err := hkdf.Key(sha256.New, shared, auth, info, 32)
	if err != nil {
		return nil, nil, err
	}
	prk, err := hkdf.Extract(sha256.New, ikm, salt)
	if err != nil {
		return nil, nil, err
	}
	if key, err = hkdf.Expand(sha256.New, prk, "Content-Encoding: aes128gcm\x00", 16); err != nil {
		return nil, nil, err
	}
	nonce, err = hkdf.Expand(sha256.New, prk, "Content-Encoding: nonce\x00", 12)
	return key, nonce, err
}
