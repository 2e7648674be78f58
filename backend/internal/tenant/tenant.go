// Package tenant owns the isolated customer spaces: tenants with their keys and settings, the applications in them and
// the API keys of these.
//
// A tenant has one root key, whose thumbprint invitations pin and which signs only the list of signing keys, and one or
// more signing keys, one of them active. Private halves are sealed with the tenant and the key's thumbprint as their row, so
// they open nowhere else. An API key is shown once; SHA-256 of its 256 random bits is stored (T32).
package tenant

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/shared/protocol"
)

// DeviceAdd is what adding a device to a user who has one needs.
type DeviceAdd string

// The settings of DeviceAdd.
const (
	DeviceAddApprove DeviceAdd = "approve" // an existing device approves it
	DeviceAddAllow   DeviceAdd = "allow"   // the signed-in browser and the code are enough
)

// Tenant is one customer space.
type Tenant struct {
	ID        protocol.TenantID
	Name      string // the company, as the app shows it
	DeviceAdd DeviceAdd
	CreatedAt time.Time
	Disabled  bool

	Root       protocol.JWK
	RootSealed []byte // PKCS #8 of the root key; empty when it is kept offline
	KeysSeq    uint64 // of KeysJWS
	KeysJWS    string // the current nod-keys+jwt
}

// SigningKey is one of a tenant's signing keys.
type SigningKey struct {
	Tenant    protocol.TenantID
	ID        protocol.Thumbprint
	JWK       protocol.JWK
	Sealed    []byte // PKCS #8
	Status    protocol.KeyStatus
	NotBefore time.Time
	RetiredAt time.Time
}

// Application is a registered relying party.
type Application struct {
	Tenant    protocol.TenantID
	ID        protocol.ApplicationID
	Name      string
	Origins   []string           // of browsers that may use the browser API (CORS)
	MinMatch  protocol.MatchMode // the weakest number match that its challenges may ask for; enter unless set
	CreatedAt time.Time
	Disabled  bool
}

// Scope is what an API key may do.
type Scope string

// The scopes. Only enrollments may invite or confirm.
const (
	ScopeChallenges  Scope = "challenges"
	ScopeEnrollments Scope = "enrollments"
	ScopeUsers       Scope = "users"
	ScopePolicies    Scope = "policies"
	ScopeAudit       Scope = "audit"
)

// Scopes lists every scope.
func Scopes() []Scope {
	return []Scope{ScopeChallenges, ScopeEnrollments, ScopeUsers, ScopePolicies, ScopeAudit}
}

// APIKey is the stored half of a key.
type APIKey struct {
	ID          string // "key_" and 16 random bytes: to name it, not to use it
	Hash        string // HashSecret of the secret
	Tenant      protocol.TenantID
	Application protocol.ApplicationID
	Label       string
	Scopes      []Scope
	CreatedAt   time.Time
	RevokedAt   time.Time // zero: valid
}

// Has tells whether the key has a scope.
func (k APIKey) Has(s Scope) bool { return slices.Contains(k.Scopes, s) }

// Secret is a value that is shown once and never logged.
type Secret string

// LogValue keeps the secret out of logs.
func (Secret) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// String keeps the secret out of formats; convert to string on purpose to show it.
func (Secret) String() string { return "[redacted]" }

// GoString keeps the secret out of %#v.
func (Secret) GoString() string { return "[redacted]" }

// SecretPrefix starts every API key.
const SecretPrefix = "nod_sk_"

const secretBytes = 32

// NewSecret draws 256 bits behind a prefix.
func NewSecret(prefix string) Secret { return Secret(prefix + protocol.RandomText(secretBytes)) }

// HashSecret is SHA-256 of a secret's text in unpadded base64url: what is stored and looked up. 256 random bits need no slow hash.
func HashSecret(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// WellFormedSecret tells whether s can be a secret with prefix, before anything is looked up.
func WellFormedSecret(prefix, s string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	b, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	return ok && err == nil && len(b) == secretBytes
}

// Tx is what this package needs of a transaction.
type Tx interface {
	audit.Appender
	Tenant(protocol.TenantID) (Tenant, error)
	Tenants() ([]Tenant, error)
	SaveTenant(Tenant) error
	SigningKeys(protocol.TenantID) ([]SigningKey, error)
	SaveSigningKey(SigningKey) error
	ApplicationTx
}

// ApplicationTx is the part about applications and their keys.
type ApplicationTx interface {
	Application(protocol.TenantID, protocol.ApplicationID) (Application, error)
	Applications(protocol.TenantID) ([]Application, error)
	SaveApplication(Application) error
	// CallerByHash finds an API key by the hash of its secret, with its application.
	CallerByHash(string) (Caller, error)
	APIKeys(protocol.TenantID) ([]APIKey, error)
	SaveAPIKey(APIKey) error
}

func checkName(member, name string) error {
	if err := protocol.CheckText(member, name, true, protocol.MaxName); err != nil {
		return fmt.Errorf("%s: %w", member, err)
	}
	return nil
}
