package application

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/nod-auth/nod/shared/client/internal/rest"
	"github.com/nod-auth/nod/shared/protocol"
)

const (
	maxJWKS     = 64 << 10
	maxKeys     = 64
	keyLifetime = 5 * time.Minute  // after this the set is fetched again before use
	keyCeiling  = time.Hour        // the longest that a set is used while fetching it fails
	keyRefetch  = 10 * time.Second // the least time between two fetches, whatever key ids arrive
)

// keySet caches a tenant's signing keys. It is fetched again when it is old, and when a key id is not in it, but not
// more often than every keyRefetch: made-up key ids must not become requests.
type keySet struct {
	rest   *rest.Client
	path   string
	issuer string
	tenant protocol.TenantID
	now    func() time.Time

	mu      sync.Mutex // held while fetching, so that many callers cause one request
	keys    *protocol.Keys
	fetched time.Time // of keys
	tried   time.Time // of the last attempt
}

func newKeySet(r *rest.Client, issuer string, tenant protocol.TenantID, now func() time.Time) *keySet {
	path := "/.well-known/nod/" + url.PathEscape(string(tenant)) + "/jwks.json"
	return &keySet{rest: r, path: path, issuer: issuer, tenant: tenant, now: now}
}

// with returns keys that hold kid if the server publishes it.
func (s *keySet) with(ctx context.Context, kid protocol.Thumbprint) (*protocol.Keys, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	age := now.Sub(s.fetched)
	known := s.keys != nil && s.keys.Any(kid).Key() != nil
	fresh := s.keys != nil && age >= 0 && age < keyLifetime
	if known && fresh {
		return s.keys, nil
	}
	if since := now.Sub(s.tried); s.keys == nil || since < 0 || since >= keyRefetch {
		s.tried = now
		keys, err := s.fetch(context.WithoutCancel(ctx)) // a caller that goes away must not cost the others their keys
		if err == nil {
			s.keys, s.fetched = keys, now
			return keys, nil
		}
		if s.keys == nil || age < 0 || age >= keyCeiling {
			return nil, fmt.Errorf("fetch the tenant's keys: %w", err)
		}
	}
	if age < 0 || age >= keyCeiling {
		return nil, errors.New("fetch the tenant's keys: they are too old and could not be renewed")
	}
	return s.keys, nil
}

func (s *keySet) fetch(ctx context.Context) (*protocol.Keys, error) {
	resp, err := s.rest.Do(ctx, rest.Request{Method: http.MethodGet, Path: s.path, Accept: "application/json", Max: maxJWKS}, nil)
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := rest.Decode(resp, &set); err != nil {
		return nil, err
	}
	keys := &protocol.Keys{Issuer: s.issuer, Tenant: s.tenant}
	for _, raw := range set.Keys {
		if key, ok := parseKey(raw); ok && len(keys.Keys) < maxKeys {
			keys.Keys = append(keys.Keys, key)
		}
	}
	if len(keys.Keys) == 0 {
		return nil, errors.New("the key set has no P-256 key")
	}
	return keys, nil
}

// parseKey reads one key of the set. Keys of another kind may be added one day and are passed over (RFC 7517 section 5). The
// key id is computed, so that a set cannot give one key another's name. A retired key without its time verifies nothing.
func parseKey(raw json.RawMessage) (protocol.TenantKey, bool) {
	var jwk protocol.JWK
	var state struct {
		Status    protocol.KeyStatus `json:"status"`
		RetiredAt protocol.Time      `json:"retired_at"`
	}
	if jwk.UnmarshalJSON(raw) != nil || jwk.Key() == nil || json.Unmarshal(raw, &state) != nil {
		return protocol.TenantKey{}, false
	}
	if state.Status == "" {
		state.Status = protocol.KeyActive
	}
	known := state.Status == protocol.KeyActive || state.Status == protocol.KeyRetired
	return protocol.TenantKey{JWK: jwk, Status: state.Status, RetiredAt: state.RetiredAt}, known
}
