package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
	"github.com/nod-auth/nod/shared/protocol/vectors"
)

const (
	server      = "https://nod.example.com"
	otherServer = "https://nod.example.org"
	userRef     = "u-1842"
	userName    = "ada@example.com"
	company     = "Example Bank"
	transaction = "login-7f3a9c"
)

// now is the time of every vector that names no other.
var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func at(d time.Duration) protocol.Time { return protocol.At(now.Add(d)) }

// keyPair signs deterministically.
type keyPair struct {
	private *ecdsa.PrivateKey
	signer  *protocol.Signer
	use     string
}

// Public implements crypto.Signer.
func (k *keyPair) Public() crypto.PublicKey { return k.private.Public() }

// Sign implements crypto.Signer; without a random source the signature is that of RFC 6979.
func (k *keyPair) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.private.Sign(nil, digest, opts)
}

// world holds everything the vectors are made of.
type world struct {
	keys       map[string]*keyPair
	statements map[string]vectors.Statement

	tenant, otherTenant           protocol.TenantID
	application, otherApplication protocol.ApplicationID
	device, otherDevice           protocol.DeviceID
	enrollment                    protocol.EnrollmentID
	challenge, otherChallenge     protocol.ChallengeID
	token, salt                   string
}

func newWorld() *world {
	w := &world{
		keys: map[string]*keyPair{}, statements: map[string]vectors.Statement{},
		tenant: id[protocol.TenantID]("ten_", "tenant"), otherTenant: id[protocol.TenantID]("ten_", "other tenant"),
		application: id[protocol.ApplicationID]("app_", "application"), otherApplication: id[protocol.ApplicationID]("app_", "other application"),
		device: id[protocol.DeviceID]("dev_", "device"), otherDevice: id[protocol.DeviceID]("dev_", "other device"),
		enrollment: id[protocol.EnrollmentID]("enr_", "enrollment"),
		challenge:  id[protocol.ChallengeID]("chl_", "challenge"), otherChallenge: id[protocol.ChallengeID]("chl_", "other challenge"),
		token: fixed("invitation token", 32), salt: fixed("salt", 32),
	}
	for name, use := range map[string]string{
		"root": "tenant root key: signs the key statements", "tenant": "tenant signing key", "retired": "tenant signing key that was retired a day ago",
		"next": "tenant signing key that is not in the current statement", "other_root": "root key of another tenant", "other_tenant": "signing key of another tenant",
		"device": "device key", "approval": "approval key", "new_device": "replaces the device key", "new_approval": "replaces the approval key",
		"stranger": "a key that nobody knows",
	} {
		w.keys[name] = newKey(name, use)
	}
	w.statements["current"] = w.state("root", w.keySet())
	other := w.keySet()
	other.Tenant, other.Root = w.otherTenant, w.public("other_root")
	other.Keys = []protocol.TenantKey{{JWK: w.public("other_tenant"), Status: protocol.KeyActive, NotBefore: at(-time.Hour)}}
	w.statements["other_tenant"] = w.state("other_root", other)
	return w
}

// fixed returns the first n bytes of a hash of name, in base64url.
func fixed(name string, n int) string {
	sum := sha256.Sum256([]byte("nod test vector: " + name))
	return b64(sum[:n])
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func id[T protocol.ID](prefix, name string) T {
	return must(protocol.ParseID[T](prefix + fixed(name, 16)))
}

func newKey(name, use string) *keyPair {
	sum := sha256.Sum256([]byte("nod test vector: key " + name))
	k := &keyPair{private: must(ecdsa.ParseRawPrivateKey(elliptic.P256(), sum[:])), use: use}
	k.signer = must(protocol.NewSigner(k))
	return k
}

// vapid is no fixture: nothing in the vectors is signed with it.
func (w *world) vapid() *protocol.JWK {
	public := newKey("vapid", "").signer.Public()
	return &public
}

func (w *world) public(key string) protocol.JWK     { return w.keys[key].signer.Public() }
func (w *world) kid(key string) protocol.Thumbprint { return w.keys[key].signer.KeyID() }
func (w *world) signer(key string) *protocol.Signer { return w.keys[key].signer }
func (w *world) saltBytes() []byte                  { return must(base64.RawURLEncoding.DecodeString(w.salt)) }
func (w *world) state(root string, k *protocol.Keys) vectors.Statement {
	return vectors.Statement{Root: w.kid(root), JWS: must(protocol.Sign(w.signer(root), k))}
}

// keySet is the current statement of the tenant.
func (w *world) keySet() *protocol.Keys {
	return &protocol.Keys{Issuer: server, Tenant: w.tenant, Sequence: 7, IssuedAt: at(-24 * time.Hour), ExpiresAt: at(30 * 24 * time.Hour), Root: w.public("root"),
		Keys: []protocol.TenantKey{
			{JWK: w.public("tenant"), Status: protocol.KeyActive, NotBefore: at(-24 * time.Hour)},
			{JWK: w.public("retired"), Status: protocol.KeyRetired, NotBefore: at(-400 * 24 * time.Hour), RetiredAt: at(-24 * time.Hour)},
		}}
}

func (w *world) fixtures() vectors.Fixtures {
	f := vectors.Fixtures{
		About: "What the vectors refer to by name. The private keys are published here: never use them.",
		Now:   now.Unix(), Server: server, Tenant: w.tenant, Application: w.application, Device: w.device,
		Keys: map[string]vectors.Key{}, Statements: w.statements,
	}
	for name, k := range w.keys {
		f.Keys[name] = vectors.Key{Use: k.use, D: b64(must(k.private.Bytes())), JWK: k.signer.Public(), Thumbprint: k.signer.KeyID()}
	}
	return f
}
