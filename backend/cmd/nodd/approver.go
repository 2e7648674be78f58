package main

import (
	"context"
	"fmt"

	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/enrollment"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/shared/protocol"
)

// approver lets an enrollment ask the user's other devices. The two domains do not know each other; this is where they meet.
type approver struct {
	challenges *challenge.Service
	store      txn.Store[challenge.Tx]
	apps       txn.Store[tenant.Tx]
}

// RequestApproval implements enrollment.Approver.
func (a approver) RequestApproval(ctx context.Context, q enrollment.Question) (enrollment.Approval, error) {
	var app tenant.Application
	err := a.apps.View(ctx, func(tx tenant.Tx) (err error) {
		app, err = tx.Application(q.Tenant, q.Application)
		return err
	})
	if err != nil {
		return enrollment.Approval{}, fmt.Errorf("read the application: %w", err)
	}
	details := []protocol.Detail{{Label: "Device", Value: q.Device.Name}}
	if q.Device.Model != "" {
		details = append(details, protocol.Detail{Label: "Model", Value: q.Device.Model})
	}
	made, err := a.challenges.Create(ctx, challenge.Request{Application: app, Actor: "server", UserRef: q.UserRef, Transaction: string(q.Enrollment),
		Session: string(q.Enrollment), Action: protocol.Action{Kind: challenge.KindAddDevice}, Details: details, Mode: protocol.MatchEnter})
	if err != nil {
		return enrollment.Approval{}, err
	}
	c := made.Challenge
	return enrollment.Approval{Challenge: c.ID, Mode: c.Match.Mode, Number: made.Number, ExpiresAt: c.ExpiresAt}, nil
}

// ApprovalStatus implements enrollment.Approver.
func (a approver) ApprovalStatus(ctx context.Context, t protocol.TenantID, id protocol.ChallengeID) (protocol.Status, error) {
	var c challenge.Challenge
	err := a.store.View(ctx, func(tx challenge.Tx) (err error) {
		c, err = tx.Challenge(t, id)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the question: %w", err)
	}
	// Through the service, which ends it when its time is over.
	c, err = a.challenges.Get(ctx, tenant.Application{Tenant: t, ID: c.Application}, id)
	return c.Status, err
}

// settleEnrollment moves on an enrollment that waited for a challenge. What is lost here, the sweep makes up for.
func (d *domain) settleEnrollment(ctx context.Context, c challenge.Challenge) {
	if c.Kind != challenge.KindAddDevice {
		return
	}
	if err := d.enrollments.Decided(ctx, c.Tenant, c.ID); err != nil {
		d.log.WarnContext(ctx, "enrollment not settled yet", "challenge", c.ID, "error", err)
	}
}
