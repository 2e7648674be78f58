package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/shared/protocol"
)

// EventPush is the event that asks an integrator to send a push with their own infrastructure.
const EventPush = "push.requested"

const (
	endpointPrefix = "whe_"
	sealPurpose    = "webhook-keys"
)

// ErrDisabled says that an endpoint takes no events now.
var ErrDisabled = errors.New("webhook endpoint is disabled")

// Record is an endpoint as it is stored. The keys are sealed.
type Record struct {
	Tenant      protocol.TenantID
	ID          string
	URL         string
	Events      []string
	KeysSealed  []byte
	Fingerprint string // of the current key; unique over all endpoints (T22)
	CreatedAt   time.Time
	DisabledAt  time.Time // zero: active
	Reason      string    // why it was disabled
}

// Tx is what this package needs of a transaction.
type Tx interface {
	// SaveWebhook inserts or replaces an endpoint; txn.ErrConflict when its fingerprint is another's.
	SaveWebhook(Record) error
	// Webhook reads one by its id, which is unique over tenants; txn.ErrNotFound.
	Webhook(id string) (Record, error)
	Webhooks(protocol.TenantID) ([]Record, error)
	DeleteWebhook(tenant protocol.TenantID, id string) error
}

// Sealer seals keys for their row.
type Sealer interface {
	Seal(purpose string, plain []byte, row ...string) []byte
	Open(purpose string, sealed []byte, row ...string) ([]byte, error)
}

// Directory keeps the endpoints. It is safe for concurrent use on any number of nodes.
type Directory struct {
	Store  txn.Store[Tx]
	Sealer Sealer
	// CheckURL tells whether an endpoint's URL has a form that may be called: [guard.Client.CheckURL].
	CheckURL func(string) error
	Now      func() time.Time
}

// ring is the sealed form of a Keyring.
type ring struct {
	Current       string    `json:"current"`
	Previous      string    `json:"previous,omitempty"`
	PreviousUntil time.Time `json:"previous_until,omitzero"`
}

func (d *Directory) seal(r *Record, k Keyring) error {
	raw, err := json.Marshal(ring{k.Current.Reveal(), k.Previous.Reveal(), k.PreviousUntil})
	if err != nil {
		return fmt.Errorf("encode keys: %w", err)
	}
	r.KeysSealed, r.Fingerprint = d.Sealer.Seal(sealPurpose, raw, string(r.Tenant), r.ID), k.Current.Fingerprint()
	return nil
}

func (d *Directory) open(r Record) (Keyring, error) {
	raw, err := d.Sealer.Open(sealPurpose, r.KeysSealed, string(r.Tenant), r.ID)
	if err != nil {
		return Keyring{}, fmt.Errorf("open keys: %w", err)
	}
	var text ring
	if err := json.Unmarshal(raw, &text); err != nil {
		return Keyring{}, ErrKey
	}
	k := Keyring{PreviousUntil: text.PreviousUntil}
	if k.Current, err = ParseKey(text.Current); err != nil {
		return Keyring{}, err
	}
	if text.Previous != "" {
		if k.Previous, err = ParseKey(text.Previous); err != nil {
			return Keyring{}, err
		}
	}
	return k, nil
}

// Create stores an endpoint with a key of its own, and returns what the receiver verifies with: shown once. The URL is
// refused with the guard's error.
func (d *Directory) Create(ctx context.Context, tenant protocol.TenantID, url string, key Key) (Record, Key, error) {
	if err := d.CheckURL(url); err != nil {
		return Record{}, Key{}, err
	}
	r := Record{Tenant: tenant, ID: endpointPrefix + protocol.RandomText(16), URL: url, Events: []string{EventPush}, CreatedAt: d.Now()}
	if err := d.seal(&r, Keyring{Current: key}); err != nil {
		return Record{}, Key{}, err
	}
	err := d.Store.Update(ctx, func(tx Tx) error { return tx.SaveWebhook(r) })
	if err != nil {
		return Record{}, Key{}, fmt.Errorf("store the endpoint: %w", err)
	}
	return r, key.Public(), nil
}

// List returns a tenant's endpoints.
func (d *Directory) List(ctx context.Context, tenant protocol.TenantID) (list []Record, err error) {
	err = d.Store.View(ctx, func(tx Tx) (err error) {
		list, err = tx.Webhooks(tenant)
		return err
	})
	return list, err
}

// Rotate gives an endpoint a new key of the same kind. Both sign for the overlap.
func (d *Directory) Rotate(ctx context.Context, tenant protocol.TenantID, id string, overlap time.Duration) (Key, error) {
	var next Key
	err := d.change(ctx, tenant, id, func(r *Record) error {
		k, err := d.open(*r)
		if err != nil {
			return err
		}
		if next = NewKey(); k.Current.secret != nil {
			next = NewSecret()
		}
		return d.seal(r, k.Rotate(next, d.Now(), overlap))
	})
	return next.Public(), err
}

// Enable makes a disabled endpoint take events again.
func (d *Directory) Enable(ctx context.Context, tenant protocol.TenantID, id string) error {
	return d.change(ctx, tenant, id, func(r *Record) error {
		r.DisabledAt, r.Reason = time.Time{}, ""
		return nil
	})
}

// Remove deletes an endpoint. What waits for it is not sent.
func (d *Directory) Remove(ctx context.Context, tenant protocol.TenantID, id string) error {
	return d.Store.Update(ctx, func(tx Tx) error { return tx.DeleteWebhook(tenant, id) })
}

func (d *Directory) change(ctx context.Context, tenant protocol.TenantID, id string, fn func(*Record) error) error {
	return d.Store.Update(ctx, func(tx Tx) error {
		r, err := tx.Webhook(id)
		if err != nil {
			return err
		}
		if r.Tenant != tenant {
			return txn.ErrNotFound
		}
		if err := fn(&r); err != nil {
			return err
		}
		return tx.SaveWebhook(r)
	})
}

// Endpoint returns where to send and with which keys. It is what the push.requested channel asks.
func (d *Directory) Endpoint(ctx context.Context, id string) (Endpoint, error) {
	var r Record
	err := d.Store.View(ctx, func(tx Tx) (err error) {
		r, err = tx.Webhook(id)
		return err
	})
	if err != nil {
		return Endpoint{}, fmt.Errorf("read the endpoint: %w", err)
	}
	if !r.DisabledAt.IsZero() {
		return Endpoint{}, ErrDisabled
	}
	keys, err := d.open(r)
	return Endpoint{URL: r.URL, Keys: keys}, err
}

// Disable stops an endpoint that answered 410.
func (d *Directory) Disable(ctx context.Context, id string) error {
	return d.Store.Update(ctx, func(tx Tx) error {
		r, err := tx.Webhook(id)
		if err != nil {
			return err
		}
		r.DisabledAt, r.Reason = d.Now(), "answered 410 Gone"
		return tx.SaveWebhook(r)
	})
}
