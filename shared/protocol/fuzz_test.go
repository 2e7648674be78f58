package protocol_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/nod-auth/nod/shared/protocol"
	"github.com/nod-auth/nod/shared/protocol/vectors"
)

func privateKey(t testing.TB, k vectors.Key) *ecdsa.PrivateKey {
	t.Helper()
	d, err := base64.RawURLEncoding.DecodeString(k.D)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// fuzzPayload signs any payload as a message of type typ by a fixture key. What parses is encoded and parsed again,
// to the same content; what does not gives an error of this package and nothing else.
func fuzzPayload(f *testing.F, typ protocol.Type, signer string) {
	v := loadVectors(f)
	r := newReceiver(f, v.Fixtures)
	key := privateKey(f, v.Fixtures.Keys[signer])
	var example vectors.Message
	for _, m := range v.Messages {
		parts := strings.Split(m.JWS, ".")
		if m.Type != typ || len(parts) != 3 {
			continue
		}
		if payload, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			f.Add(payload)
		}
		if m.Error == "" && example.JWS == "" {
			example = m
		}
	}
	if example.JWS == "" {
		f.Fatalf("no accepted vector of %s", typ)
	}
	header, err := base64.RawURLEncoding.DecodeString(example.JWS[:strings.IndexByte(example.JWS, '.')])
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		m := example
		m.JWS = forge(t, key, string(header), string(payload))
		got, err := r.verify(m)
		if err != nil {
			checkOwnError(t, err)
			return
		}
		first := asJSON(t, got)
		m.JWS = forge(t, key, string(header), first)
		again, err := r.verify(m)
		if err != nil {
			t.Fatalf("what was parsed is refused when encoded: %v\n%s", err, first)
		}
		if second := asJSON(t, again); second != first {
			t.Fatalf("parsed %s, then %s", first, second)
		}
	})
}

func checkOwnError(t *testing.T, err error) {
	t.Helper()
	var own *protocol.Error
	if !errors.As(err, &own) || own.Code == "" {
		t.Fatalf("%T is not an error of this package: %v", err, err)
	}
	for _, c := range err.Error() {
		if c < ' ' || c > '~' {
			t.Fatalf("the error repeats what was received: %q", err)
		}
	}
}

func FuzzEnrollmentPayload(f *testing.F) { fuzzPayload(f, protocol.TypeEnrollment, "device") }
func FuzzEnrolledPayload(f *testing.F)   { fuzzPayload(f, protocol.TypeEnrolled, "tenant") }
func FuzzCheckpointPayload(f *testing.F) { fuzzPayload(f, protocol.TypeCheckpoint, "tenant") }
func FuzzKeysPayload(f *testing.F)       { fuzzPayload(f, protocol.TypeKeys, "root") }
func FuzzChallengePayload(f *testing.F)  { fuzzPayload(f, protocol.TypeChallenge, "tenant") }
func FuzzDecisionPayload(f *testing.F)   { fuzzPayload(f, protocol.TypeDecision, "approval") }
func FuzzUpdatePayload(f *testing.F)     { fuzzPayload(f, protocol.TypeUpdate, "device") }
func FuzzProofPayload(f *testing.F)      { fuzzPayload(f, protocol.TypeProof, "device") }
func FuzzResultPayload(f *testing.F)     { fuzzPayload(f, protocol.TypeResult, "tenant") }

// FuzzHeader signs any header over a good decision: only one with ES256, the type and the key's id is accepted.
func FuzzHeader(f *testing.F) {
	v := loadVectors(f)
	good, ok := v.Accepted(protocol.TypeDecision, "a good message")
	if !ok {
		f.Fatal("the vector is gone")
	}
	key := privateKey(f, v.Fixtures.Keys["approval"])
	for _, m := range v.Messages {
		if header, err := base64.RawURLEncoding.DecodeString(strings.SplitN(m.JWS, ".", 2)[0]); err == nil {
			f.Add(header)
		}
	}
	id := v.Fixtures.Keys["approval"].Thumbprint
	f.Fuzz(func(t *testing.T, header []byte) {
		_, err := protocol.VerifyDecision(forge(t, key, string(header), string(good.Payload)), protocol.One(v.Fixtures.Keys["approval"].JWK))
		if err != nil {
			checkOwnError(t, err)
			return
		}
		var h map[string]any
		if err := json.Unmarshal(header, &h); err != nil || h["alg"] != "ES256" || h["typ"] != "nod-decision+jwt" || h["kid"] != string(id) {
			t.Fatalf("accepted: %v: %s", err, header)
		}
		for _, name := range []string{"crit", "b64"} {
			if _, there := h[name]; there {
				t.Fatalf("accepted with %s: %s", name, header)
			}
		}
	})
}

// FuzzMessage feeds any text to every entry point: none panics, and nothing is accepted that no vector holds.
func FuzzMessage(f *testing.F) {
	v := loadVectors(f)
	r := newReceiver(f, v.Fixtures)
	known := map[string]bool{}
	examples := map[protocol.Type]vectors.Message{}
	for _, m := range v.Messages {
		f.Add(m.JWS)
		known[m.JWS] = true // one that is refused where it stands may be good elsewhere
		if m.Error == "" {
			examples[m.Type] = m
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range examples {
			m.JWS = text
			_, err := r.verify(m)
			if err != nil {
				checkOwnError(t, err)
			} else if !known[text] && !sameButSignature(text, known) {
				t.Fatalf("accepted as %s: %s", m.Type, text)
			}
		}
	})
}

// sameButSignature allows the second signature that ECDSA has for each message.
func sameButSignature(text string, known map[string]bool) bool {
	for k := range known {
		if k[:strings.LastIndexByte(k, '.')] == text[:strings.LastIndexByte(text, '.')] {
			return true
		}
	}
	return false
}

func FuzzInvitation(f *testing.F) {
	for _, v := range loadVectors(f).Invitations {
		f.Add(v.Text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := protocol.ParseInvitation(text, "nod")
		if err != nil {
			checkOwnError(t, err)
			if got != (protocol.Invitation{}) {
				t.Fatalf("%q is refused and handed out", text)
			}
			return
		}
		for _, written := range []string{got.URI("nod"), got.Link()} {
			if again, err := protocol.ParseInvitation(written, "nod"); err != nil || again != got {
				t.Fatalf("%q: read %+v, wrote %q, read %+v, %v", text, got, written, again, err)
			}
		}
	})
}

func FuzzServer(f *testing.F) {
	for _, v := range loadVectors(f).Servers {
		f.Add(v.Text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := protocol.ParseServer(text)
		if err != nil {
			checkOwnError(t, err)
			return
		}
		if again, err := protocol.ParseServer(got); err != nil || again != got {
			t.Fatalf("%q has the form %q, which has the form %q, %v", text, got, again, err)
		}
		u, err := url.Parse(got)
		if err != nil || u.Scheme+"://"+u.Host != got || u.Scheme == "http" && !isLoopback(u.Hostname()) {
			t.Fatalf("%q is accepted as %q: %v", text, got, err)
		}
	})
}

func isLoopback(host string) bool {
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}

func FuzzID(f *testing.F) {
	for _, v := range loadVectors(f).Identifiers {
		f.Add(v.Text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := protocol.ParseID[protocol.DeviceID](text)
		if err != nil {
			checkOwnError(t, err)
			return
		}
		b, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(string(id), "dev_"))
		if err != nil || string(id) != text || text != "dev_"+base64.RawURLEncoding.EncodeToString(b) || len(b) != 16 {
			t.Fatalf("%q is accepted", text)
		}
	})
}

func FuzzJWK(f *testing.F) {
	for _, v := range loadVectors(f).JWKs {
		f.Add([]byte(v.Text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var k protocol.JWK
		if err := k.UnmarshalJSON(text); err != nil {
			checkOwnError(t, err)
			return
		}
		written := asJSON(t, k)
		var again protocol.JWK
		if err := again.UnmarshalJSON([]byte(written)); err != nil || !again.Equal(k) || again.Thumbprint() != k.Thumbprint() || asJSON(t, again) != written {
			t.Fatalf("%s: wrote %s: %v", text, written, err)
		}
		if strings.Contains(written, `"d"`) {
			t.Fatalf("a private part is written: %s", written)
		}
	})
}

func FuzzText(f *testing.F) {
	for _, v := range loadVectors(f).Texts {
		f.Add(v.Text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := protocol.CheckText("text", text, true, 20); err != nil {
			checkOwnError(t, err)
			return
		}
		if strings.TrimSpace(text) == "" || strings.ContainsAny(text, "\x00\n\r\u202e\u2066\u200b\ufeff\u00ad") || strings.ToValidUTF8(text, "") != text {
			t.Fatalf("%q may be shown", text)
		}
	})
}
