package challenge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nod-auth/nod/backend/internal/replay"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/shared/protocol"
)

// ApprovalLifetime is how long an existing device may take to decide about a new one.
const ApprovalLifetime = 5 * time.Minute

// DeviceQuestion asks a user's devices about a new one.
type DeviceQuestion struct {
	Tenant      protocol.TenantID
	Application protocol.ApplicationID
	UserRef     string
	Subject     string // names the enrollment: the transaction
	Device      protocol.DeviceInfo
}

// AskDevices creates the challenge of a [DeviceQuestion], once: asked again, also at the same time, it returns the same one. Its
// action is the server's own, which no application can ask.
func (s *Service) AskDevices(ctx context.Context, q DeviceQuestion) (Created, error) {
	var app tenant.Application
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		app, err = tx.Application(q.Tenant, q.Application)
		return err
	})
	if err != nil {
		return Created{}, fmt.Errorf("read the application: %w", err)
	}
	details := []protocol.Detail{{Label: "Device", Value: q.Device.Name}}
	if q.Device.Model != "" {
		details = append(details, protocol.Detail{Label: "Model", Value: q.Device.Model})
	}
	return s.Create(ctx, Request{Application: app, Actor: "server", UserRef: q.UserRef, Transaction: q.Subject, Session: q.Subject,
		Action: protocol.Action{Kind: KindAddDevice}, Details: details, Mode: protocol.MatchEnter, Lifetime: ApprovalLifetime,
		Idempotency: replay.Key{Scope: protocol.TokenHash("add_device\x00" + string(q.Tenant) + "\x00" + q.Subject), Body: protocol.TokenHash(q.Subject)}})
}

// StatusOf returns where a challenge of a tenant stands; one that is over counts as expired.
func (s *Service) StatusOf(ctx context.Context, t protocol.TenantID, id protocol.ChallengeID) (protocol.Status, error) {
	var c Challenge
	err := s.Store.View(ctx, func(tx Tx) (err error) {
		c, err = tx.Challenge(t, id)
		return err
	})
	if errors.Is(err, txn.ErrNotFound) {
		return protocol.StatusCanceled, nil
	}
	if err != nil {
		return "", fmt.Errorf("read the challenge: %w", err)
	}
	if c, err = s.expireIfDue(ctx, c); err != nil {
		return "", err
	}
	if c.Reported() {
		return protocol.StatusReported, nil
	}
	return c.Status, nil
}
