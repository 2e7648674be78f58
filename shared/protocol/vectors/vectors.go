// Package vectors reads the protocol's test vectors: messages, keys, identifiers, invitations and texts that every
// implementation must accept or must refuse, with the reason.
//
// It owns the form of the files in shared/protocol/testdata/vectors, which docs/protocol.md describes for readers in
// other languages. It checks nothing: the tests of each module do. The files are written by `make vectors`.
package vectors

import (
	"encoding/json"
	"fmt"
	"path"

	"github.com/nod-auth/nod/shared/protocol"
	"github.com/nod-auth/nod/shared/protocol/testdata"
)

// Fixtures is what the vectors refer to by name.
type Fixtures struct {
	About       string                 `json:"about"`
	Now         int64                  `json:"now"` // seconds since 1970; the time of every vector that names no other
	Server      string                 `json:"server"`
	Tenant      protocol.TenantID      `json:"tenant"`
	Application protocol.ApplicationID `json:"application"`
	Device      protocol.DeviceID      `json:"device"`
	Keys        map[string]Key         `json:"keys"`
	Statements  map[string]Statement   `json:"statements"` // nod-keys, by name
}

// Key is a key pair. The private half is public knowledge: use it in tests only.
type Key struct {
	Use        string              `json:"use"`
	D          string              `json:"d"` // the private number, base64url
	JWK        protocol.JWK        `json:"jwk"`
	Thumbprint protocol.Thumbprint `json:"thumbprint"`
}

// Statement is a nod-keys message and the root that a device has pinned for it.
type Statement struct {
	Root protocol.Thumbprint `json:"root"`
	JWS  string              `json:"jws"`
}

// Message is a signed message to accept (Error is empty) or to refuse with Error.
type Message struct {
	Name    string             `json:"name"` // a sentence, unique within its file
	Type    protocol.Type      `json:"type"`
	Error   protocol.ErrorCode `json:"error,omitempty"`
	Member  string             `json:"member,omitempty"` // where Error points to; another implementation may be less exact
	Given   Given              `json:"given"`
	JWS     string             `json:"jws"`
	Header  json.RawMessage    `json:"header,omitempty"`  // of an accepted message, decoded, to read
	Payload json.RawMessage    `json:"payload,omitempty"` // the same
	Shows   *Shows             `json:"shows,omitempty"`   // what an accepted message must be understood as, beside its payload
}

// Given is what the receiver of a message knows.
type Given struct {
	Now         int64                                    `json:"now,omitempty"`
	Key         string                                   `json:"key,omitempty"`          // fixture: the one key that the receiver's record allows
	Keys        string                                   `json:"keys,omitempty"`         // statement: the tenant's keys
	Device      protocol.DeviceID                        `json:"device,omitempty"`       // challenge: the receiver
	Enrollment  string                                   `json:"enrollment,omitempty"`   // enrolled: what was sent
	Root        protocol.Thumbprint                      `json:"root,omitempty"`         // keys: the pinned one
	MinSequence uint64                                   `json:"min_sequence,omitempty"` // keys: the highest seen
	Current     map[protocol.KeyRole]protocol.Thumbprint `json:"current,omitempty"`      // update: the device's keys
	Expect      *Expect                                  `json:"expect,omitempty"`       // result
}

// Expect is what an application knows of the sign-in it asked for.
type Expect struct {
	Issuer      string                 `json:"iss"`
	Tenant      protocol.TenantID      `json:"tenant"`
	Audience    protocol.ApplicationID `json:"aud"`
	Subject     string                 `json:"sub"`
	Transaction string                 `json:"transaction"`
	Receipt     bool                   `json:"receipt,omitempty"` // an archived receipt: its own expiry does not count
}

// Shows is what a receiver derives from an accepted message.
type Shows struct {
	Hash        string   `json:"hash,omitempty"`        // of the compact form
	Unsupported []string `json:"unsupported,omitempty"` // members of a challenge that this version can't show
}

// Identifier is a text to parse as an identifier.
type Identifier struct {
	Name  string             `json:"name"`
	Kind  string             `json:"kind"` // ten, app, usr, dev, enr, chl
	Text  string             `json:"text"`
	Error protocol.ErrorCode `json:"error,omitempty"`
}

// JWK is a text to parse as a public key.
type JWK struct {
	Name       string              `json:"name"`
	Text       string              `json:"text"`
	Thumbprint protocol.Thumbprint `json:"thumbprint,omitempty"`
	Error      protocol.ErrorCode  `json:"error,omitempty"`
}

// Hash is a text and its SHA-256 in base64url.
type Hash struct {
	Name string `json:"name"`
	Text string `json:"text"`
	Hash string `json:"hash"`
}

// Commitment is a number and whether it opens a match.
type Commitment struct {
	Name      string               `json:"name"`
	Salt      string               `json:"salt"` // base64url
	Challenge protocol.ChallengeID `json:"challenge_id"`
	Number    string               `json:"number"`
	Match     protocol.Match       `json:"match"`
	Opens     bool                 `json:"opens"`
}

// Claims is what the result of an approval must claim.
type Claims struct {
	Number           bool              `json:"number"` // was checked by the server
	UserVerification string            `json:"user_verification"`
	Level            protocol.KeyLevel `json:"key_level"`
	Proven           bool              `json:"key_level_proven"`
	ACR              string            `json:"acr"`
	AMR              []string          `json:"amr"`
}

// Invitation is a text to parse as an invitation of a scheme.
type Invitation struct {
	Name    string              `json:"name"`
	Text    string              `json:"text"`
	Scheme  string              `json:"scheme"`
	Error   protocol.ErrorCode  `json:"error,omitempty"`
	Server  string              `json:"server,omitempty"`
	Company string              `json:"company,omitempty"`
	User    string              `json:"user,omitempty"`
	Token   string              `json:"token,omitempty"`
	Root    protocol.Thumbprint `json:"root,omitempty"`
}

// Server is a text to parse as a server's base URL.
type Server struct {
	Name   string             `json:"name"`
	Text   string             `json:"text"`
	Server string             `json:"server,omitempty"` // its one form
	Error  protocol.ErrorCode `json:"error,omitempty"`
}

// Text is a text for a person, with the limit it must keep.
type Text struct {
	Name     string             `json:"name"`
	Text     string             `json:"text"`
	Required bool               `json:"required"`
	Max      int                `json:"max"`
	Error    protocol.ErrorCode `json:"error,omitempty"`
}

// All is every vector.
type All struct {
	Fixtures    Fixtures
	Messages    []Message // of every type
	Identifiers []Identifier
	JWKs        []JWK
	Hashes      []Hash
	Commitments []Commitment
	Claims      []Claims
	Invitations []Invitation
	Servers     []Server
	Texts       []Text
}

// File is the form of every file but the fixtures.
type File[T any] struct {
	About   string `json:"about"`
	Vectors []T    `json:"vectors"`
}

// MessageFiles names the files that hold messages.
func MessageFiles() []string {
	return []string{"envelope", "enrollment", "enrolled", "keys", "challenge", "decision", "update", "proof", "result", "evidence", "checkpoint"}
}

// Load reads all vectors.
func Load() (*All, error) {
	a := &All{}
	if err := read("fixtures", &a.Fixtures); err != nil {
		return nil, err
	}
	for _, name := range MessageFiles() {
		if err := list(name, &a.Messages); err != nil {
			return nil, err
		}
	}
	for _, err := range []error{list("identifiers", &a.Identifiers), list("jwk", &a.JWKs), list("hashes", &a.Hashes),
		list("commitments", &a.Commitments), list("claims", &a.Claims), list("invitations", &a.Invitations),
		list("servers", &a.Servers), list("texts", &a.Texts)} {
		if err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Accepted returns the accepted message of type t with this name, and whether there is one.
func (a *All) Accepted(t protocol.Type, name string) (Message, bool) {
	for _, m := range a.Messages {
		if m.Type == t && m.Name == name && m.Error == "" {
			return m, true
		}
	}
	return Message{}, false
}

func list[T any](name string, into *[]T) error {
	var f File[T]
	if err := read(name, &f); err != nil {
		return err
	}
	*into = append(*into, f.Vectors...)
	return nil
}

func read(name string, into any) error {
	b, err := testdata.Vectors.ReadFile(path.Join("vectors", name+".json"))
	if err != nil {
		return fmt.Errorf("read vectors: %w", err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("read vectors %s: %w", name, err)
	}
	return nil
}
