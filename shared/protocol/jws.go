package protocol

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// Type is the "typ" header of a message (RFC 8725 section 3.11: explicit typing).
type Type string

// The message types.
const (
	TypeEnrollment    Type = "nod-enrollment+jwt"
	TypeEnrolled      Type = "nod-enrolled+jwt"
	TypeApprovalProof Type = "nod-approval+jwt"
	TypeKeyProof      Type = "nod-key+jwt"
	TypeChallenge     Type = "nod-challenge+jwt"
	TypeDecision      Type = "nod-decision+jwt"
	TypeUpdate        Type = "nod-device+jwt"
	TypeProof         Type = "dpop+jwt"
	TypeResult        Type = "nod-result+jwt"
	TypeKeys          Type = "nod-keys+jwt"
	TypeCheckpoint    Type = "nod-checkpoint+jwt"
)

var maxSize = map[Type]int{
	TypeEnrollment: 64 << 10, TypeEnrolled: 8 << 10, TypeApprovalProof: 2 << 10, TypeKeyProof: 2 << 10, TypeChallenge: 8 << 10,
	TypeDecision: 4 << 10, TypeUpdate: 4 << 10, TypeProof: 2 << 10, TypeResult: 32 << 10, TypeKeys: 32 << 10, TypeCheckpoint: 2 << 10,
}

// MaxSize returns the cap in bytes on the compact form of a message, checked before anything is parsed.
func MaxSize(t Type) int { return maxSize[t] }

// maxHeader caps the characters of the header part: it is read before the signature is checked.
const maxHeader = 2 << 10

const signatureBytes = 64 // r and s of ES256 (RFC 7518 section 3.4)

// ContentType is the media type of a compact JWS in an HTTP body (RFC 7515 section 9.2.1).
const ContentType = "application/jose"

// message is what every message type has; the methods are unexported so that the set is closed.
type message interface {
	typ() Type
	// validate checks the members against the limits of docs/protocol.md, without time and without state.
	validate() error
}

var es256 = []jose.SignatureAlgorithm{jose.ES256}

// Sign validates a message and returns its compact form, signed by s with kid = s.KeyID(); an [Enrollment] also
// carries the public key. The result is refused when it is over the cap of its type.
func Sign(s *Signer, m message) (string, error) {
	if err := m.validate(); err != nil {
		return "", err
	}
	payload, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("encode %s: %w", m.typ(), err)
	}
	return signPayload(s, m.typ(), payload)
}

// signPayload writes the compact form (RFC 7515 section 3.1). The header has nothing that needs escaping in JSON. Reading what
// others wrote is go-jose's; see verify.
func signPayload(s *Signer, t Type, payload []byte) (string, error) {
	header := []byte(`{"alg":"ES256",`)
	if t == TypeEnrollment {
		jwk, err := s.public.MarshalJSON()
		if err != nil {
			return "", fmt.Errorf("sign %s: %w", t, err)
		}
		header = append(append(append(header, `"jwk":`...), jwk...), ',')
	}
	header = append(header, `"kid":"`+string(s.kid)+`","typ":"`+string(t)+`"}`...)
	encoding := base64.RawURLEncoding
	raw := make([]byte, 0, encoding.EncodedLen(len(header))+encoding.EncodedLen(len(payload))+encoding.EncodedLen(signatureBytes)+2)
	raw = append(encoding.AppendEncode(raw, header), '.')
	raw = encoding.AppendEncode(raw, payload)
	signature, err := s.sign(raw)
	if err != nil {
		return "", fmt.Errorf("sign %s: %w", t, err)
	}
	raw = encoding.AppendEncode(append(raw, '.'), signature)
	if len(raw) > MaxSize(t) {
		return "", fail(CodeTooLarge, "", "%s over %d bytes", t, MaxSize(t))
	}
	return string(raw), nil
}

// sign returns r and s, 32 bytes each (RFC 7518 section 3.4).
func (s *Signer) sign(input []byte) ([]byte, error) {
	digest := sha256.Sum256(input)
	der, err := s.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var parts struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &parts); err != nil || len(rest) > 0 {
		return nil, errors.New("the key's signature is not one of ECDSA")
	}
	out := make([]byte, signatureBytes)
	for i, n := range []*big.Int{parts.R, parts.S} {
		if n.Sign() <= 0 || n.BitLen() > 8*coordinateBytes {
			return nil, errors.New("the key's signature is not one of P-256")
		}
		n.FillBytes(out[i*coordinateBytes:][:coordinateBytes])
	}
	return out, nil
}

// KeyFunc finds the public key for a "kid"; it returns the zero JWK when there is none.
type KeyFunc func(kid Thumbprint) JWK

// One returns a KeyFunc that knows a single key.
func One(key JWK) KeyFunc {
	id := key.Thumbprint()
	return func(kid Thumbprint) JWK {
		if kid != id {
			return JWK{}
		}
		return key
	}
}

// envelope is a message whose size, shape and header, but not yet its signature, were checked.
type envelope struct {
	raw string
	kid Thumbprint
	jwk json.RawMessage // the header's "jwk", unread: only an enrollment looks at it
}

// open checks size, shape, algorithm, "crit", "b64", "typ" and the form of "kid", in this order.
func open(raw string, t Type) (*envelope, error) {
	if len(raw) > MaxSize(t) {
		return nil, fail(CodeTooLarge, "", "over %d bytes", MaxSize(t))
	}
	if err := checkCompact(raw); err != nil {
		return nil, err
	}
	h, err := readHeader(raw)
	switch {
	case err != nil:
		return nil, err
	case h.Algorithm != string(jose.ES256):
		return nil, fail(CodeAlgorithm, "alg", "only ES256 is accepted")
	case h.Crit != nil:
		return nil, fail(CodeCritical, "crit", "no critical header is supported")
	case h.B64 != nil:
		return nil, fail(CodeCritical, "b64", "a payload is always base64url")
	case h.Type != string(t):
		return nil, fail(CodeType, "typ", "want %s", t)
	case h.KeyID.Validate("kid") != nil:
		return nil, fail(CodeUnknownKey, "kid", "not a thumbprint")
	}
	return &envelope{raw: raw, kid: h.KeyID, jwk: h.JWK}, nil
}

// header is what is read of a header before the signature is checked. The mere presence of a raw member matters, null included.
type header struct {
	Algorithm string          `json:"alg"`
	Type      string          `json:"typ"`
	KeyID     Thumbprint      `json:"kid"`
	Crit      json.RawMessage `json:"crit"`
	B64       json.RawMessage `json:"b64"`
	JWK       json.RawMessage `json:"jwk"`
}

func readHeader(raw string) (h header, err error) {
	part, _, _ := strings.Cut(raw, ".")
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil || !bytes.HasPrefix(b, []byte("{")) || !utf8.Valid(b) || json.Unmarshal(b, &h) != nil {
		return h, fail(CodeMalformed, "header", "not a JSON object in UTF-8")
	}
	return h, nil
}

// payload returns the payload before its signature was checked: to find the key that a key statement names, no more.
func (e *envelope) payload() []byte {
	_, rest, _ := strings.Cut(e.raw, ".")
	part, _, _ := strings.Cut(rest, ".")
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return nil // checkCompact has decoded it
	}
	return b
}

// checkCompact refuses anything but the three base64url parts of an ES256 signature, each the one text of its bytes,
// before a parser sees it (T20: many dots, long headers, white space that decoders skip).
func checkCompact(raw string) error {
	header, rest, _ := strings.Cut(raw, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	if len(header) > maxHeader || header == "" || payload == "" || !isCanonicalText(header) || !isCanonicalText(payload) ||
		!isCanonicalBase64(signature, signatureBytes) {
		return fail(CodeMalformed, "", "not a compact JWS")
	}
	return nil
}

// verify checks the signature with the key for "kid" and decodes the payload into m, then validates it.
func (e *envelope) verify(keys KeyFunc, m message, unknown unknownMembers) error {
	key := keys(e.kid)
	if key.key == nil {
		return fail(CodeUnknownKey, "kid", "no such key")
	}
	object, err := jose.ParseSignedCompact(e.raw, es256)
	if err != nil {
		return fail(CodeMalformed, "header", "not the header of a JWS")
	}
	payload, err := object.Verify(key.key)
	if err != nil {
		return fail(CodeSignature, "", "does not verify")
	}
	if err := decode(payload, m, unknown); err != nil {
		return err
	}
	return m.validate()
}

func verify(raw string, keys KeyFunc, m message, unknown unknownMembers) error {
	e, err := open(raw, m.typ())
	if err != nil {
		return err
	}
	return e.verify(keys, m, unknown)
}

// Peek returns the "kid" of a message of type t whose signature was not checked: to look up a key, never to trust.
func Peek(raw string, t Type) (Thumbprint, error) {
	e, err := open(raw, t)
	if err != nil {
		return "", err
	}
	return e.kid, nil
}

// Hash is the SHA-256 of a compact JWS exactly as received, in unpadded base64url: the challenge hash and the enrollment hash.
func Hash(raw string) string {
	sum := sha256.Sum256([]byte(raw))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
