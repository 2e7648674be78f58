// Package approval joins two domain packages that do not know each other: it lets an enrollment ask the user's devices by
// a challenge, and tells the enrollment when that challenge was decided.
package approval

import (
	"context"

	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/enrollment"
	"github.com/nod-auth/nod/shared/protocol"
)

// Asker implements enrollment.Approver over challenges.
type Asker struct{ Challenges *challenge.Service }

// RequestApproval creates the question.
func (a Asker) RequestApproval(ctx context.Context, q enrollment.Question) (enrollment.Approval, error) {
	made, err := a.Challenges.AskDevices(ctx, challenge.DeviceQuestion{Tenant: q.Tenant, Application: q.Application, UserRef: q.UserRef,
		Subject: string(q.Enrollment), Device: q.Device})
	if err != nil {
		return enrollment.Approval{}, err
	}
	return enrollment.Approval{Challenge: made.Challenge.ID, Mode: made.Challenge.Match.Mode, Number: made.Number, ExpiresAt: made.Challenge.ExpiresAt}, nil
}

// ApprovalStatus returns where the question stands.
func (a Asker) ApprovalStatus(ctx context.Context, t protocol.TenantID, id protocol.ChallengeID) (protocol.Status, error) {
	return a.Challenges.StatusOf(ctx, t, id)
}

// Observer settles the enrollment that waits for a decided challenge. A lost call is made up by the enrollment's next read.
func Observer(e *enrollment.Service, failed func(error)) challenge.Observer {
	return func(ctx context.Context, c challenge.Challenge) {
		if c.Kind != challenge.KindAddDevice {
			return
		}
		if err := e.Decided(ctx, c.Tenant, c.ID); err != nil {
			failed(err)
		}
	}
}
