package httpapi

import (
	"context"
	"fmt"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/shared/protocol"
)

// AuditReader reads a tenant's sealed events, by ascending place.
type AuditReader interface {
	// SealedEvents returns at most limit events with a place above after, and the users' own names by id.
	SealedEvents(ctx context.Context, tenant protocol.TenantID, after uint64, limit int) ([]audit.Event, map[protocol.UserID]string, error)
}

// defaultEvents is the page when no limit is given.
const defaultEvents = 100

// ListAuditEvents implements StrictServerInterface.
func (a *API) ListAuditEvents(ctx context.Context, r ListAuditEventsRequestObject) (ListAuditEventsResponseObject, error) {
	limit := r.Params.Limit
	if limit == 0 {
		limit = defaultEvents
	}
	events, refs, err := a.Audit.SealedEvents(ctx, from(ctx).caller.Key.Tenant, uint64(r.Params.After), limit)
	if err != nil {
		return nil, fmt.Errorf("list audit events: %w", err)
	}
	out := ListAuditEvents200JSONResponse{Events: []AuditEvent{}}
	for _, e := range events {
		out.Events = append(out.Events, publicEvent(e, refs[e.User]))
	}
	return out, nil
}

func publicEvent(e audit.Event, ref string) AuditEvent {
	data := map[string]string{}
	for name, text := range map[string]string{"user": string(e.User), "device": string(e.Device), "application": string(e.Application), "detail": e.Detail} {
		if text != "" {
			data[name] = text
		}
	}
	return AuditEvent{Seq: int64(e.Seq), At: e.At.UTC(), Type: string(e.Type), Actor: e.Actor, Subject: e.Subject, UserRef: ref, Data: data, Hash: e.Hash}
}
