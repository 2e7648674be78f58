package protocol

import (
	"slices"
	"time"
)

// KeyStatus is whether a tenant signing key still signs.
type KeyStatus string

// The states of a tenant signing key. A retired key stays published, so that old evidence verifies.
const (
	KeyActive  KeyStatus = "active"
	KeyRetired KeyStatus = "retired"
)

// TenantKey is one signing key of a tenant.
type TenantKey struct {
	JWK       JWK       `json:"jwk"`
	Status    KeyStatus `json:"status"`
	NotBefore Time      `json:"nbf"`                  // when it came into use: for the record only
	RetiredAt Time      `json:"retired_at,omitempty"` // retired only: it signs nothing that is issued at or after this time
}

func (k TenantKey) validate() error {
	if k.JWK.key == nil || (k.Status != KeyActive && k.Status != KeyRetired) {
		return invalid("keys", "a key or its status is missing")
	}
	if err := k.NotBefore.check("keys.nbf"); err != nil {
		return err
	}
	if k.Status == KeyActive && k.RetiredAt == 0 {
		return nil
	}
	if k.Status == KeyActive {
		return invalid("keys.retired_at", "belongs to a retired key")
	}
	return k.RetiredAt.check("keys.retired_at")
}

// Keys is the statement by which a tenant's root names its signing keys: the only thing that the root signs.
type Keys struct {
	Issuer    string      `json:"iss"` // the server's base URL
	Tenant    TenantID    `json:"tenant"`
	Sequence  uint64      `json:"seq"` // rises with every change; a device never goes back
	IssuedAt  Time        `json:"iat"`
	ExpiresAt Time        `json:"exp"`
	Root      JWK         `json:"root"` // its thumbprint is what invitations pin
	Keys      []TenantKey `json:"keys"`
}

func (*Keys) typ() Type { return TypeKeys }

func (k *Keys) validate() error {
	if k.Root.key == nil {
		return invalid("root", "is required")
	}
	if k.Sequence == 0 || k.Sequence > 1<<53 {
		return invalid("seq", "not 1 to 2^53")
	}
	if len(k.Keys) == 0 || len(k.Keys) > maxKeysInOneSet {
		return invalid("keys", "not 1 to %d", maxKeysInOneSet)
	}
	for i, key := range k.Keys {
		if err := key.validate(); err != nil {
			return err
		}
		if key.JWK.Equal(k.Root) {
			return invalid("keys", "the root signs nothing else")
		}
		if slices.ContainsFunc(k.Keys[:i], func(o TenantKey) bool { return o.JWK.Equal(key.JWK) }) {
			return invalid("keys", "a key occurs twice")
		}
	}
	return firstError(checkServer("iss", k.Issuer), checkID("tenant", k.Tenant), checkPeriod(k.IssuedAt, k.ExpiresAt, 0))
}

// VerifyKeys checks a nod-keys statement against the pinned root thumbprint. minSequence is the highest sequence seen
// so far, 0 for none; a lower one is refused as [CodeRollback]. now is checked against exp.
func VerifyKeys(raw string, root Thumbprint, minSequence uint64, now time.Time) (*Keys, error) {
	env, err := open(raw, TypeKeys)
	if err != nil {
		return nil, err
	}
	k := &Keys{}
	// The root key stands in the payload, so it is read before the signature is checked, and trusted only when it
	// has the pinned thumbprint.
	if err := decode(env.payload(), k, ignoreUnknown); err != nil {
		return nil, err
	}
	if k.Root.Thumbprint() != root || env.kid != root || root == "" {
		return nil, fail(CodeUnknownKey, "root", "is not the pinned one")
	}
	k2 := &Keys{}
	if err := env.verify(One(k.Root), k2, ignoreUnknown); err != nil {
		return nil, err
	}
	if k2.Sequence < minSequence {
		return nil, fail(CodeRollback, "seq", "is lower than one already seen")
	}
	if !now.Before(k2.ExpiresAt.Time()) {
		return nil, fail(CodeExpired, "exp", "the key statement is over")
	}
	return k2, nil
}

// Any finds a key that is active or retired: for stored evidence and stored challenges.
func (k *Keys) Any(kid Thumbprint) JWK {
	for _, key := range k.Keys {
		if key.JWK.Thumbprint() == kid {
			return key.JWK
		}
	}
	return JWK{}
}

// Active finds a key that still signs: for fresh statements.
func (k *Keys) Active(kid Thumbprint) JWK {
	for _, key := range k.Keys {
		if key.Status == KeyActive && key.JWK.Thumbprint() == kid {
			return key.JWK
		}
	}
	return JWK{}
}

// statement is a message that a tenant key signs.
type statement interface {
	message
	origin() (issuer string, tenant TenantID, issuedAt Time)
}

// verify checks a statement under the tenant's keys: its signature, that it is of this server and tenant, and that its
// key was not retired when it was issued. A retired key verifies what it signed before, so that a rotation ends no
// pending challenge and voids no receipt; a stolen one can at most date back, into what has expired.
func (k *Keys) verify(raw string, find KeyFunc, m statement, unknown unknownMembers) error {
	e, err := open(raw, m.typ())
	if err != nil {
		return err
	}
	if err := e.verify(find, m, unknown); err != nil {
		return err
	}
	issuer, tenant, issuedAt := m.origin()
	if issuer != k.Issuer && issuer != "" { // a checkpoint names none
		return fail(CodeMismatch, "iss", "is another server")
	}
	if tenant != k.Tenant {
		return fail(CodeMismatch, "tenant", "is another tenant")
	}
	for _, key := range k.Keys {
		if key.Status == KeyRetired && issuedAt >= key.RetiredAt && key.JWK.Thumbprint() == e.kid {
			return fail(CodeUnknownKey, "kid", "was retired before this was signed")
		}
	}
	return nil
}
