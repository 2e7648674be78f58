package protocol

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"

	"github.com/go-jose/go-jose/v4/json"
)

// KeyLevel says where the private half of a credential lives.
type KeyLevel string

// The key levels, strongest first. Strongbox and Secure Enclave are separate chips, TEE is an isolated world of
// the main chip, TPM a chip that signs but shows no screen; an operating system's store keeps keys in memory it
// guards; software means a file.
const (
	LevelStrongBox     KeyLevel = "strongbox"
	LevelSecureEnclave KeyLevel = "secure_enclave"
	LevelTEE           KeyLevel = "tee"
	LevelTPM           KeyLevel = "tpm"
	LevelOSKeystore    KeyLevel = "os_keystore"
	LevelSoftware      KeyLevel = "software"
)

var levelRank = map[KeyLevel]int{LevelStrongBox: 5, LevelSecureEnclave: 5, LevelTEE: 4, LevelTPM: 4, LevelOSKeystore: 2, LevelSoftware: 1}

// Valid tells whether l is a level of this protocol.
func (l KeyLevel) Valid() bool { return levelRank[l] > 0 }

// Rank orders levels: 5 a separate chip, 4 other hardware, 2 an operating system's store, 1 software, 0 unknown.
func (l KeyLevel) Rank() int { return levelRank[l] }

// Hardware tells whether a key of this level can't be read by software.
func (l KeyLevel) Hardware() bool { return levelRank[l] >= levelRank[LevelTPM] }

// Thumbprint is an RFC 7638 SHA-256 thumbprint in unpadded base64url (43 characters). It is the id of a key.
type Thumbprint string

// Validate refuses anything but the canonical text of 32 bytes.
func (t Thumbprint) Validate(member string) error {
	if !isCanonicalBase64(string(t), sha256.Size) {
		return invalid(member, "not a thumbprint")
	}
	return nil
}

// JWK is a public P-256 key (RFC 7517, RFC 7518 section 6.2). Its JSON form has kty, crv, x and y, and nothing private.
type JWK struct{ key *ecdsa.PublicKey }

// NewJWK wraps a public key; a curve other than P-256 or a point off the curve is refused.
func NewJWK(key crypto.PublicKey) (JWK, error) {
	k, ok := key.(*ecdsa.PublicKey)
	if !ok || k == nil || k.Curve != elliptic.P256() {
		return JWK{}, invalid("jwk", "not a P-256 key")
	}
	if _, err := k.ECDH(); err != nil { // refuses points off the curve and the point at infinity
		return JWK{}, invalid("jwk", "not a point of P-256")
	}
	return JWK{key: k}, nil
}

// Key returns the public key, nil for the zero JWK.
func (j JWK) Key() *ecdsa.PublicKey { return j.key }

// Equal tells whether both hold the same key.
func (j JWK) Equal(o JWK) bool { return j.key != nil && o.key != nil && j.key.Equal(o.key) }

// Thumbprint returns the key's id, empty for the zero JWK.
func (j JWK) Thumbprint() Thumbprint {
	x, y, ok := j.coordinates()
	if !ok {
		return ""
	}
	sum := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + x + `","y":"` + y + `"}`)) // RFC 7638 section 3.2
	return Thumbprint(base64.RawURLEncoding.EncodeToString(sum[:]))
}

// coordinates returns x and y in base64url; ok is false for the zero JWK.
func (j JWK) coordinates() (x, y string, ok bool) {
	if j.key == nil {
		return "", "", false
	}
	point, err := j.key.Bytes()
	if err != nil {
		return "", "", false // can't happen: every JWK is a point of P-256
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode(point[1 : 1+coordinateBytes]), encode(point[1+coordinateBytes:]), true
}

// MarshalJSON implements json.Marshaler.
func (j JWK) MarshalJSON() ([]byte, error) {
	x, y, ok := j.coordinates()
	if !ok {
		return []byte("null"), nil
	}
	return []byte(`{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + y + `"}`), nil
}

// UnmarshalJSON implements json.Unmarshaler. It refuses private keys, other curves, points off the curve, and
// coordinates that are not the one base64url text of 32 bytes; members such as kid, use and alg are ignored.
func (j *JWK) UnmarshalJSON(b []byte) error {
	var k struct {
		Type    string          `json:"kty"`
		Curve   string          `json:"crv"`
		X       string          `json:"x"`
		Y       string          `json:"y"`
		Private json.RawMessage `json:"d"`
	}
	if err := json.Unmarshal(b, &k); err != nil {
		return fail(CodeMalformed, "jwk", "not a JSON web key")
	}
	if k.Private != nil {
		return invalid("jwk", "is a private key")
	}
	if k.Type != "EC" || k.Curve != "P-256" || !isCanonicalBase64(k.X, coordinateBytes) || !isCanonicalBase64(k.Y, coordinateBytes) {
		return invalid("jwk", "not a P-256 key")
	}
	point := []byte{uncompressedPoint}
	for _, c := range []string{k.X, k.Y} {
		point, _ = base64.RawURLEncoding.AppendDecode(point, []byte(c)) // was checked above
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return invalid("jwk", "not a point of P-256")
	}
	*j = JWK{key: key}
	return nil
}

const (
	coordinateBytes   = 32   // RFC 7518 section 6.2.1.2
	uncompressedPoint = 0x04 // SEC 1 section 2.3.3
)

// Signer signs messages with one P-256 key, wherever it lives.
type Signer struct {
	public JWK
	kid    Thumbprint
	key    crypto.Signer
}

// NewSigner wraps a key. key.Sign receives a SHA-256 digest and returns an ASN.1 DER signature, as crypto.Signer says.
func NewSigner(key crypto.Signer) (*Signer, error) {
	public, err := NewJWK(key.Public())
	if err != nil {
		return nil, err
	}
	return &Signer{public: public, kid: public.Thumbprint(), key: key}, nil
}

// Public returns the public half.
func (s *Signer) Public() JWK { return s.public }

// KeyID returns the thumbprint of the public half.
func (s *Signer) KeyID() Thumbprint { return s.kid }

// MarshalBinary returns the uncompressed point (SEC 1 version 2 section 2.3.3): 65 bytes. It implements encoding.BinaryMarshaler.
func (j JWK) MarshalBinary() ([]byte, error) {
	if j.key == nil {
		return nil, invalid("jwk", "is empty")
	}
	b, err := j.key.Bytes()
	if err != nil {
		return nil, invalid("jwk", "not a point of P-256")
	}
	return b, nil
}

// UnmarshalBinary reads what MarshalBinary wrote; a point off the curve is refused. It implements encoding.BinaryUnmarshaler.
func (j *JWK) UnmarshalBinary(b []byte) error {
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), b)
	if err != nil {
		return invalid("jwk", "not a point of P-256")
	}
	j.key = key
	return nil
}
