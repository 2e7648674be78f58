package main

import (
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/asn1"
	"math/big"
	"strings"

	"github.com/nod-auth/nod/shared/protocol"
	"github.com/nod-auth/nod/shared/protocol/vectors"
)

// envelopeCase makes vectors around one good decision.
type envelopeCase struct {
	kind
	header, payload string // good ones
	jws             string
}

func (w *world) envelope() []vectors.Message {
	payload := encode(w.decisionPayload(w.challengeJWS(w.challengePayload())))
	e := envelopeCase{kind: kind{w: w, t: protocol.TypeDecision, key: "approval", given: vectors.Given{Key: "approval"}}, payload: payload}
	e.header = w.header(e.t, e.key)
	e.jws = w.forge(e.key, e.header, payload)
	var out []vectors.Message
	for _, part := range [][]vectors.Message{e.algorithms(), e.headers(), e.keyIDs(), e.signatures(), e.texts(), e.json()} {
		out = append(out, part...)
	}
	return out
}

func (e envelopeCase) vector(name string, code protocol.ErrorCode, member, jws string) vectors.Message {
	return vector(name, e.t, code, member, e.given, jws)
}

func (e envelopeCase) withHeader(name string, code protocol.ErrorCode, member string, changes ...change) vectors.Message {
	return e.vector(name, code, member, e.w.forge(e.key, e.w.header(e.t, e.key, changes...), e.payload))
}

func (e envelopeCase) algorithms() []vectors.Message {
	none := e.w.header(e.t, e.key, set("alg", "none")...)
	hs := b64([]byte(e.w.header(e.t, e.key, set("alg", "HS256")...))) + "." + b64([]byte(e.payload))
	public := must(e.w.keys[e.key].private.PublicKey.Bytes())
	mac := hmac.New(sha256.New, public)
	mac.Write([]byte(hs))
	return []vectors.Message{
		e.vector("a good message", "", "", e.jws),
		e.vector("alg none with no signature", protocol.CodeMalformed, "", b64([]byte(none))+"."+b64([]byte(e.payload))+"."),
		e.vector("alg none with 64 bytes of signature", protocol.CodeAlgorithm, "alg", e.w.forge(e.key, none, e.payload)),
		e.vector("HS256 with the public key as the secret", protocol.CodeMalformed, "", hs+"."+b64(mac.Sum(nil))),
		e.vector("HS256 with a signature of the right length", protocol.CodeAlgorithm, "alg", hs+"."+b64(append(mac.Sum(nil), mac.Sum(nil)...))),
		e.withHeader("ES384", protocol.CodeAlgorithm, "alg", set("alg", "ES384")...),
		e.withHeader("RS256", protocol.CodeAlgorithm, "alg", set("alg", "RS256")...),
		e.withHeader("EdDSA", protocol.CodeAlgorithm, "alg", set("alg", "EdDSA")...),
		e.withHeader("es256 in small letters", protocol.CodeAlgorithm, "alg", set("alg", "es256")...),
		e.withHeader("without alg", protocol.CodeAlgorithm, "alg", set("alg", absent)...),
	}
}

func (e envelopeCase) headers() []vectors.Message {
	twice := strings.Replace(e.header, `{`, `{"typ":"nod-challenge+jwt",`, 1)
	long := e.w.header(e.t, e.key, set("x", strings.Repeat("x", 2000))...)
	return []vectors.Message{
		e.withHeader("a crit header", protocol.CodeCritical, "crit", change{"crit", []string{"exp"}}, change{"exp", 1}),
		e.withHeader("a crit header that is null", protocol.CodeCritical, "crit", set("crit", nil)...),
		e.withHeader("a crit header that is empty", protocol.CodeCritical, "crit", set("crit", []string{})...),
		e.withHeader("b64 false with crit", protocol.CodeCritical, "crit", change{"crit", []string{"b64"}}, change{"b64", false}),
		e.withHeader("b64 false without crit", protocol.CodeCritical, "b64", set("b64", false)...),
		e.withHeader("b64 true", protocol.CodeCritical, "b64", set("b64", true)...),
		e.withHeader("without typ", protocol.CodeType, "typ", set("typ", absent)...),
		e.withHeader("typ JWT", protocol.CodeType, "typ", set("typ", "JWT")...),
		e.withHeader("typ of a challenge", protocol.CodeType, "typ", set("typ", "nod-challenge+jwt")...),
		e.withHeader("typ with application/ in front", protocol.CodeType, "typ", set("typ", "application/nod-decision+jwt")...),
		e.withHeader("typ in other letters", protocol.CodeType, "typ", set("typ", "NOD-decision+jwt")...),
		e.vector("typ twice", protocol.CodeMalformed, "header", e.w.forge(e.key, twice, e.payload)),
		e.vector("a header that is an array", protocol.CodeMalformed, "header", e.w.forge(e.key, `["ES256"]`, e.payload)),
		e.vector("a header that is null", protocol.CodeMalformed, "header", e.w.forge(e.key, `null`, e.payload)),
		e.withHeader("a kid that is a number", protocol.CodeMalformed, "header", set("kid", 7)...),
		e.withHeader("an alg that is a list", protocol.CodeMalformed, "header", set("alg", []string{"ES256"})...),
		e.withHeader("a typ that is null", protocol.CodeType, "typ", set("typ", nil)...),
		e.vector("white space in front of the header", protocol.CodeMalformed, "header", e.w.forge(e.key, " "+e.header, e.payload)),
		e.vector("broken UTF-8 in the header", protocol.CodeMalformed, "header", e.w.forge(e.key, strings.Replace(e.header, "{", "{\"x\":\"\xff\",", 1), e.payload)),
		e.vector("a header that is no JSON", protocol.CodeMalformed, "header", e.w.forge(e.key, `{"alg":"ES256"`, e.payload)),
		e.vector("a header over 2048 characters", protocol.CodeMalformed, "", e.w.forge(e.key, long, e.payload)),
		e.withHeader("jku and x5u are ignored", "", "", change{"jku", "https://evil.example/keys"}, change{"x5u", "https://evil.example/cert"}),
		e.withHeader("the jwk of a stranger is ignored", "", "", set("jwk", e.w.public("stranger"))...),
		e.withHeader("a header member that nobody knows is ignored", "", "", set("note", "hello")...),
	}
}

func (e envelopeCase) keyIDs() []vectors.Message {
	stranger := func(name string, code protocol.ErrorCode, member string, header string) vectors.Message {
		return e.vector(name, code, member, e.w.forge("stranger", header, e.payload))
	}
	kid := string(e.w.kid(e.key))
	return []vectors.Message{
		e.withHeader("without kid", protocol.CodeUnknownKey, "kid", set("kid", absent)...),
		e.withHeader("kid is no thumbprint", protocol.CodeUnknownKey, "kid", set("kid", "key-1")...),
		e.withHeader("kid is the thumbprint with a bit that belongs to no byte", protocol.CodeUnknownKey, "kid", set("kid", flipLast(kid))...),
		e.withHeader("kid of another key", protocol.CodeUnknownKey, "kid", set("kid", e.w.kid("device"))...),
		stranger("a stranger signs with the kid of the right key", protocol.CodeSignature, "", e.header),
		stranger("a stranger signs with a kid and jwk of his own", protocol.CodeUnknownKey, "kid",
			e.w.header(e.t, "stranger", set("jwk", e.w.public("stranger"))...)),
		stranger("a stranger signs with the right kid and a jwk of his own", protocol.CodeSignature, "",
			e.w.header(e.t, e.key, set("jwk", e.w.public("stranger"))...)),
		e.vector("the device key signs where only the approval key may", protocol.CodeUnknownKey, "kid",
			e.w.forge("device", e.w.header(e.t, "device"), e.payload)),
	}
}

func (e envelopeCase) signatures() []vectors.Message {
	input := e.jws[:strings.LastIndexByte(e.jws, '.')]
	r, s := e.w.rawSignature(e.key, input)
	order := elliptic.P256().Params().N
	other := new(big.Int).Sub(order, s)
	der := must(asn1.Marshal(struct{ R, S *big.Int }{r, s}))
	changed := b64([]byte(strings.Replace(e.payload, `"number":"47"`, `"number":"48"`, 1)))
	sig := func(b []byte) string { return input + "." + b64(b) }
	return []vectors.Message{
		e.vector("both values of s verify: the signature is no name for a message", "", "", sig(joined(r, other))),
		e.vector("a bit of the signature is wrong", protocol.CodeSignature, "", sig(joined(new(big.Int).Xor(r, big.NewInt(1)), s))),
		e.vector("r is zero", protocol.CodeSignature, "", sig(joined(big.NewInt(0), s))),
		e.vector("s is zero", protocol.CodeSignature, "", sig(joined(r, big.NewInt(0)))),
		e.vector("r and s are zero", protocol.CodeSignature, "", sig(make([]byte, 64))),
		e.vector("r is the order of the curve", protocol.CodeSignature, "", sig(joined(order, s))),
		e.vector("the signature in DER", protocol.CodeMalformed, "", sig(der)),
		e.vector("63 bytes of signature", protocol.CodeMalformed, "", sig(joined(r, s)[:63])),
		e.vector("the payload was changed", protocol.CodeSignature, "", b64([]byte(e.header))+"."+changed+e.jws[len(input):]),
	}
}

func (e envelopeCase) texts() []vectors.Message {
	h, rest, _ := strings.Cut(e.jws, ".")
	p, s, _ := strings.Cut(rest, ".")
	malformed := func(name, jws string) vectors.Message { return e.vector(name, protocol.CodeMalformed, "", jws) }
	// A payload whose length leaves unused bits in its last character, and its second text.
	spare := e.payload
	for len(spare)%3 == 0 {
		spare += " "
	}
	second := e.w.forgeText(e.key, h, b64([]byte(spare)))
	return []vectors.Message{
		malformed("the empty text", ""),
		malformed("two dots alone", ".."),
		malformed("two parts", h+"."+p),
		malformed("four parts", e.jws+"."+s),
		malformed("five parts, as of an encrypted message", h+"..AAAA."+p+"."+s),
		malformed("an empty payload (detached content)", h+".."+s),
		malformed("the JSON serialization", `{"protected":"`+h+`","payload":"`+p+`","signature":"`+s+`"}`),
		malformed("a space in front", " "+e.jws),
		malformed("a line end behind", e.jws+"\n"),
		malformed("a line end within the payload", h+"."+p[:8]+"\n"+p[8:]+"."+s),
		malformed("padding", h+"."+p+"=."+s),
		malformed("the signature in another alphabet", h+"."+p+"."+s[:85]+"+"),
		malformed("unused bits of the signature are set", h+"."+p+"."+flipLast(s)),
		malformed("unused bits of the payload are set", flipPart(second, 1)),
		malformed("unused bits of the header are set", flipPart(e.w.forge(e.key, padded(e.header), e.payload), 0)),
		e.vector("over the cap of its type", protocol.CodeTooLarge, "", h+"."+strings.Repeat("A", 4096)+"."+s),
	}
}

func padded(json string) string {
	for len(json)%3 == 0 {
		json += " "
	}
	return json
}

// flipLast sets the lowest bit of the last character of base64url.
func flipLast(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	i := strings.IndexByte(alphabet, s[len(s)-1])
	return s[:len(s)-1] + string(alphabet[i^1])
}

func flipPart(jws string, part int) string {
	parts := strings.Split(jws, ".")
	parts[part] = flipLast(parts[part])
	return strings.Join(parts, ".")
}

func (e envelopeCase) json() []vectors.Message {
	payload := func(name string, code protocol.ErrorCode, member, payload string) vectors.Message {
		return e.vector(name, code, member, e.w.forge(e.key, e.header, payload))
	}
	malformed := func(name, text string) vectors.Message { return payload(name, protocol.CodeMalformed, "payload", text) }
	first := func(member string) string { return strings.Replace(e.payload, "{", "{"+member+",", 1) }
	counter := func(value string) string { return strings.Replace(e.payload, `"counter":12`, `"counter":`+value, 1) }
	return []vectors.Message{
		malformed("a payload that is an array", "["+e.payload+"]"),
		malformed("a payload that is null", "null"),
		malformed("a payload that is no JSON", e.payload[:len(e.payload)-1]),
		malformed("something behind the object", e.payload+"{}"),
		malformed("a byte order mark in front", "\ufeff"+e.payload),
		malformed("white space in front", " "+e.payload),
		malformed("a comment", first("/* */")),
		malformed("broken UTF-8", first("\"reason\":\"a\xff\"")),
		malformed("a member twice", first(`"decision":"deny"`)),
		malformed("a member twice, once with an escape", first(`"d\u0065cision":"deny"`)),
		malformed("a number as text", counter(`"12"`)),
		malformed("a number with a fraction", counter("12.0")),
		malformed("a number with an exponent", counter("1e1")),
		malformed("a negative counter", counter("-1")),
		malformed("text as a number", strings.Replace(e.payload, `"number":"47"`, `"number":47`, 1)),
		payload("a member that is not known", protocol.CodeUnknownMember, "note", first(`"note":"hello"`)),
		payload("a member in other letters", protocol.CodeUnknownMember, "Decision", first(`"Decision":"deny"`)),
		payload("an unknown member whose name is hostile", protocol.CodeUnknownMember, "a?b", first(`"a\nb":1`)),
		payload("an optional member that is null counts as absent", "", "", first(`"reason":null`)),
		payload("white space within and behind", "", "", strings.ReplaceAll(e.payload, ",", " ,\n\t")+" "),
		payload("escapes in a value", "", "", strings.Replace(e.payload, "approve", `\u0061pprove`, 1)),
	}
}
