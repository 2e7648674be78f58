package main

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"regexp"
	"strings"

	"github.com/nod-auth/nod/shared/protocol"
	"github.com/nod-auth/nod/shared/protocol/vectors"
)

// change is a member to set, by its path with dots; absent removes it. A number in a path is an index.
type change struct {
	path  string
	value any
}

type absentValue struct{}

var absent absentValue

// set is one change.
func set(path string, value any) []change { return []change{{path, value}} }

// edited returns the JSON of base with changes.
func edited(base any, changes ...change) string {
	if len(changes) == 0 {
		return encode(base) // in the order of the members
	}
	tree := decodeTree(encode(base))
	for _, c := range changes {
		tree = put(tree, strings.Split(c.path, "."), c.value)
	}
	return encode(tree)
}

func decodeTree(text string) any {
	var tree any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	must0(dec.Decode(&tree))
	return tree
}

func encode(v any) string {
	if raw, ok := v.(string); ok {
		return raw
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	must0(enc.Encode(v))
	return strings.TrimSuffix(b.String(), "\n")
}

func put(tree any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	switch node := tree.(type) {
	case map[string]any:
		if len(path) == 1 && value == any(absent) {
			delete(node, path[0])
			return node
		}
		node[path[0]] = put(node[path[0]], path[1:], value)
		return node
	case []any:
		i := int(path[0][0] - '0')
		node[i] = put(node[i], path[1:], value)
		return node
	}
	return map[string]any{path[0]: put(nil, path[1:], value)}
}

// header returns the header of a message of type t under key, with changes.
func (w *world) header(t protocol.Type, key string, changes ...change) string {
	h := map[string]any{"alg": "ES256", "kid": w.kid(key), "typ": t}
	if t == protocol.TypeEnrollment {
		h["jwk"] = w.public(key)
	}
	return edited(h, changes...)
}

// forge signs any header and payload.
func (w *world) forge(key, header, payload string) string {
	return w.forgeText(key, b64([]byte(header)), b64([]byte(payload)))
}

// forgeText signs two parts that may not be base64url.
func (w *world) forgeText(key, header, payload string) string {
	r, s := w.rawSignature(key, header+"."+payload)
	return header + "." + payload + "." + b64(joined(r, s))
}

func (w *world) rawSignature(key, input string) (r, s *big.Int) {
	digest := sha256.Sum256([]byte(input))
	der := must(w.keys[key].private.Sign(nil, digest[:], crypto.SHA256))
	return parseDER(der)
}

func parseDER(der []byte) (r, s *big.Int) {
	var sig struct{ R, S *big.Int }
	_ = must(asn1.Unmarshal(der, &sig))
	return sig.R, sig.S
}

func joined(r, s *big.Int) []byte {
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return sig
}

// vector completes a message vector with its decoded parts.
func vector(name string, t protocol.Type, code protocol.ErrorCode, member string, given vectors.Given, jws string) vectors.Message {
	m := vectors.Message{Name: name, Type: t, Error: code, Member: member, Given: given, JWS: jws}
	if code == "" {
		parts := strings.Split(jws, ".")
		m.Header, m.Payload = readable(parts[0]), readable(parts[1])
		m.Shows = &vectors.Shows{Hash: protocol.Hash(jws)}
	}
	return m
}

func readable(part string) json.RawMessage { return must(base64.RawURLEncoding.DecodeString(part)) }

// kind is how the vectors of one message type are made.
type kind struct {
	w     *world
	t     protocol.Type
	key   string // signs
	given vectors.Given
	base  any // an accepted payload
}

func (k kind) accept(name string, payload any, changes ...change) vectors.Message {
	return vector(name, k.t, "", "", k.given, k.w.forge(k.key, k.w.header(k.t, k.key), edited(payload, changes...)))
}

func (k kind) refuse(name string, code protocol.ErrorCode, member string, changes ...change) vectors.Message {
	return vector(name, k.t, code, member, k.given, k.w.forge(k.key, k.w.header(k.t, k.key), edited(k.base, changes...)))
}

// badValue is a member with a value outside its limits.
type badValue struct {
	name  string
	path  string
	value any
}

var index = regexp.MustCompile(`\.[0-9]`) // errors name a member without it

// invalids makes one refused vector for each required member that is missing and each bad value.
func (k kind) invalids(required []string, bad []badValue) []vectors.Message {
	var out []vectors.Message
	for _, path := range required {
		out = append(out, k.refuse("without "+path, protocol.CodeInvalid, path, set(path, absent)...))
	}
	for _, b := range bad {
		out = append(out, k.refuse(b.name, protocol.CodeInvalid, index.ReplaceAllString(b.path, ""), set(b.path, b.value)...))
	}
	return out
}
