// Package replay owns what makes a create that is sent again harmless: the memory of idempotency keys.
//
// A key's scope is the API key, method, path and the key itself; another body under the same scope is refused. Secrets of the reply are
// kept sealed as long as they are of use, then left out of the replay (docs/protocol.md, "Idempotency"). The memory is written in
// the transaction of the create, so that neither exists without the other.
package replay

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/seal"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/shared/protocol"
)

// Kept is how long a key is remembered.
const Kept = 24 * time.Hour

const purpose = "replay"

// Key names a create that may be sent again. The zero value means that it carries no key.
type Key struct {
	Scope string // hash of API key, method, path and idempotency key
	Body  string // hash of the body
}

// Record is one remembered create.
type Record struct {
	Tenant    protocol.TenantID
	Scope     string
	Body      string
	Subject   string // id of the object that was created
	Sealed    []byte // secrets of the reply
	SecretsAt time.Time
	ExpiresAt time.Time
}

// Tx is what this package needs of a transaction.
type Tx interface {
	// Replay returns what was stored under a scope; txn.ErrNotFound when nothing was or it is over.
	Replay(scope string) (Record, error)
	// SaveReplay stores it; txn.ErrConflict when the scope is taken.
	SaveReplay(Record) error
}

// Find returns the subject of the create that k names, and fills secrets while they are kept. found is false when there was none.
func Find(tx Tx, s *seal.Sealer, k Key, now time.Time, secrets any) (subject string, found bool, err error) {
	if k.Scope == "" {
		return "", false, nil
	}
	r, err := tx.Replay(k.Scope)
	if errors.Is(err, txn.ErrNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read the replay: %w", err)
	}
	if r.Body != k.Body {
		return "", false, fault.New(fault.IdempotencyReused, "")
	}
	if len(r.Sealed) == 0 || !now.Before(r.SecretsAt) {
		return r.Subject, true, nil
	}
	plain, err := s.Open(purpose, r.Sealed, string(r.Tenant), r.Subject)
	if err != nil {
		return "", false, fmt.Errorf("open the replay: %w", err)
	}
	return r.Subject, true, json.Unmarshal(plain, secrets)
}

// Keep remembers a create. It does nothing for the zero key.
func Keep(tx Tx, s *seal.Sealer, k Key, tenant protocol.TenantID, subject string, secrets any, now, secretsUntil time.Time) error {
	if k.Scope == "" {
		return nil
	}
	plain, err := json.Marshal(secrets)
	if err != nil {
		return fmt.Errorf("encode the replay: %w", err)
	}
	return tx.SaveReplay(Record{Tenant: tenant, Scope: k.Scope, Body: k.Body, Subject: subject,
		Sealed: s.Seal(purpose, plain, string(tenant), subject), SecretsAt: secretsUntil, ExpiresAt: now.Add(Kept)})
}
