// Package webhook is the delivery channel for integrators who send pushes with their own infrastructure: instead of a
// push it sends a signed push.requested event to the endpoint of the tenant.
//
// It owns the mapping between a wake-up and an event, and between a webhook's answer and a delivery result. Signing,
// the guarded client and the endpoint's keys are those of internal/webhook. Retries are the outbox's, within the
// challenge's life, because a later push.requested is of no use to anybody.
package webhook

import (
	"context"
	"errors"
	"time"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/webhook"
)

// Endpoints knows the endpoints that take push.requested events.
type Endpoints interface {
	// Endpoint returns one by the id that the address names. A disabled or unknown endpoint is an error.
	Endpoint(ctx context.Context, id string) (webhook.Endpoint, error)
	// Disable stops an endpoint that answered 410, and tells the operator.
	Disable(ctx context.Context, id string) error
}

// Sender sends push.requested events. It is safe for concurrent use.
type Sender struct {
	endpoints Endpoints
	events    *webhook.Sender
	now       func() time.Time
}

// New returns a sender.
func New(endpoints Endpoints, events *webhook.Sender, now func() time.Time) (*Sender, error) {
	if endpoints == nil || events == nil || now == nil {
		return nil, errors.New("the webhook channel needs endpoints, a sender and a clock")
	}
	return &Sender{endpoints, events, now}, nil
}

// Send makes one attempt. The address holds the device's id as its value and the endpoint's id as its app. See
// [delivery.Sender].
func (s *Sender) Send(ctx context.Context, to delivery.Address, w delivery.Wakeup) delivery.Result {
	endpoint, err := s.endpoints.Endpoint(ctx, to.App)
	if err != nil {
		return delivery.Result{Outcome: delivery.OutcomeConfigError, Code: delivery.CodeNoCredentials}
	}
	// The id is of the wake-up, so an integrator can tell a repeated event from a second one.
	event := webhook.Event{ID: "push_" + w.CollapseID(), Body: delivery.WebhookEvent(to.Value, w, s.now())}
	answer := s.events.Send(ctx, endpoint, event)
	switch answer.Outcome {
	case webhook.Delivered:
		return delivery.Result{Outcome: delivery.OutcomeSent, MessageID: event.ID}
	case webhook.Disabled:
		if err := s.endpoints.Disable(ctx, to.App); err != nil {
			return delivery.Result{Outcome: delivery.OutcomeRetry, Code: answer.Code}
		}
		return delivery.Result{Outcome: delivery.OutcomeConfigError, Code: answer.Code}
	case webhook.Refused:
		return delivery.Result{Outcome: delivery.OutcomeConfigError, Code: answer.Code}
	case webhook.Retry:
	}
	return delivery.Result{Outcome: delivery.OutcomeRetry, Code: answer.Code, RetryAfter: answer.RetryAfter, ServiceFault: true}
}
