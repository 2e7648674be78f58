package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/shared/protocol"
)

// cacheKeys is how long the public keys may be cached. A device that meets an unknown key asks again by itself.
const cacheKeys = "public, max-age=300"

// GetJWKS implements StrictServerInterface.
func (a *API) GetJWKS(ctx context.Context, r GetJWKSRequestObject) (GetJWKSResponseObject, error) {
	ring, err := a.Tenants.Ring(ctx, r.TenantID)
	if err != nil {
		return nil, err
	}
	set := JWKSet{Keys: []JWK{}}
	for _, k := range ring.Keys.Keys {
		jwk, err := publicJWK(k)
		if err != nil {
			return nil, err
		}
		set.Keys = append(set.Keys, jwk)
	}
	return cachedJWKS{set}, nil
}

func publicJWK(k protocol.TenantKey) (JWK, error) {
	text, err := k.JWK.MarshalJSON()
	if err != nil {
		return JWK{}, fault.Wrap(fault.Internal, err)
	}
	var out JWK
	if err := json.Unmarshal(text, &out); err != nil {
		return JWK{}, fault.Wrap(fault.Internal, err)
	}
	out.Kid, out.Alg, out.Use, out.Status = string(k.JWK.Thumbprint()), "ES256", "sig", JWKStatus(k.Status)
	out.RetiredAt = int64(k.RetiredAt)
	return out, nil
}

// GetKeys implements StrictServerInterface.
func (a *API) GetKeys(ctx context.Context, r GetKeysRequestObject) (GetKeysResponseObject, error) {
	ring, err := a.Tenants.Ring(ctx, r.TenantID)
	if err != nil {
		return nil, err
	}
	return cachedKeys(ring.Tenant.KeysJWS), nil
}

type cachedJWKS struct{ set JWKSet }

// VisitGetJWKSResponse implements GetJWKSResponseObject.
func (c cachedJWKS) VisitGetJWKSResponse(w http.ResponseWriter) error {
	w.Header().Set("Cache-Control", cacheKeys)
	return GetJWKS200JSONResponse(c.set).VisitGetJWKSResponse(w)
}

type cachedKeys string

// VisitGetKeysResponse implements GetKeysResponseObject.
func (c cachedKeys) VisitGetKeysResponse(w http.ResponseWriter) error {
	w.Header().Set("Cache-Control", cacheKeys)
	return GetKeys200ApplicationJoseResponse{Body: strings.NewReader(string(c)), ContentLength: int64(len(c))}.VisitGetKeysResponse(w)
}
