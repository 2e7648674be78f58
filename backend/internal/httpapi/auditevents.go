package httpapi

import (
	"context"
	"fmt"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

// AuditReader is what the audit endpoint needs of a transaction.
type AuditReader interface {
	// SealedEvents returns at most limit events with a place above after, by ascending place.
	SealedEvents(tenant protocol.TenantID, after uint64, limit int) ([]audit.Event, error)
	User(protocol.TenantID, protocol.UserID) (user.User, error)
}

// defaultEvents is the page when no limit is given.
const defaultEvents = 100

// ListAuditEvents implements StrictServerInterface.
func (a *API) ListAuditEvents(ctx context.Context, r ListAuditEventsRequestObject) (ListAuditEventsResponseObject, error) {
	limit := r.Params.Limit
	if limit == 0 {
		limit = defaultEvents
	}
	tenant := from(ctx).caller.Key.Tenant
	out := ListAuditEvents200JSONResponse{Events: []AuditEvent{}}
	err := a.Audit.View(ctx, func(tx AuditReader) error {
		events, err := tx.SealedEvents(tenant, uint64(r.Params.After), limit)
		refs := userRefs{tx: tx, tenant: tenant, known: map[protocol.UserID]string{"": ""}}
		for _, e := range events {
			out.Events = append(out.Events, publicEvent(e, refs.of(e.User)))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list audit events: %w", err)
	}
	return out, nil
}

// userRefs finds the application's own names of the users on a page, each once.
type userRefs struct {
	tx     AuditReader
	tenant protocol.TenantID
	known  map[protocol.UserID]string
}

func (u userRefs) of(id protocol.UserID) string {
	ref, ok := u.known[id]
	if !ok {
		if found, err := u.tx.User(u.tenant, id); err == nil {
			ref = found.Ref
		}
		u.known[id] = ref
	}
	return ref
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
