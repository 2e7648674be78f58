// Package enrollment owns the ceremony that binds a device to a user: invitation, registration, confirmation and, for a
// user who has a device already, that device's approval.
//
//	invited --register--> registered --right code--> active
//	   |                      |  \--right code, user has a device--> awaiting_approval --approved--> active
//	   |                      |--wrong code--> failed                        |--denied, expired--> failed
//	   \--time--> expired     \--time--> expired
//
// A token is single use, lives minutes, and only its hash is stored (T10). GET consumes nothing. Until active, the device can
// answer nothing. One wrong code ends the enrollment. Identical registration bytes get the identical reply, so that a lost reply is no
// error. It does not know challenges: it asks an [Approver].
package enrollment

import (
	"context"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/replay"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

// Status is where an enrollment stands.
type Status string

// The states; active, failed and expired are final.
const (
	StatusInvited    Status = "invited"
	StatusRegistered Status = "registered"
	StatusAwaiting   Status = "awaiting_approval"
	StatusActive     Status = "active"
	StatusFailed     Status = "failed"
	StatusExpired    Status = "expired"
)

// Final tells whether s never changes any more.
func (s Status) Final() bool {
	return s == StatusActive || s == StatusFailed || s == StatusExpired
}

// ConfirmLifetime is how long a registered device waits for the code.
const ConfirmLifetime = 10 * time.Minute

// Enrollment is one invitation and what became of it.
type Enrollment struct {
	Tenant      protocol.TenantID
	ID          protocol.EnrollmentID
	Application protocol.ApplicationID
	User        protocol.UserID
	UserRef     string
	TokenHash   string
	Status      Status
	CreatedAt   time.Time
	ExpiresAt   time.Time // of the present state
	Hash        string    // of the registration, once registered
	Sealed      []byte    // the reply and the code, sealed; emptied when final
	Device      protocol.DeviceID
	Approval    protocol.ChallengeID // awaiting_approval
}

// Tx is what this package needs of a transaction.
type Tx interface {
	user.Tx
	device.Tx
	InsertEnrollment(Enrollment) error
	Enrollment(protocol.TenantID, protocol.EnrollmentID) (Enrollment, error)
	EnrollmentByToken(hash string) (Enrollment, error)
	EnrollmentByApproval(protocol.TenantID, protocol.ChallengeID) (Enrollment, error)
	// MoveEnrollment stores e if the stored status is still from; false when another was faster.
	MoveEnrollment(e Enrollment, from Status) (bool, error)
	// DueEnrollments lists enrollments that are not final and whose time is over.
	DueEnrollments(now time.Time, limit int) ([]Enrollment, error)
	replay.Tx
}

// Approver asks the user's existing devices whether a new one may be added.
type Approver interface {
	// RequestApproval creates the question and returns it.
	RequestApproval(ctx context.Context, q Question) (Approval, error)
	// ApprovalStatus returns where it stands.
	ApprovalStatus(ctx context.Context, tenant protocol.TenantID, id protocol.ChallengeID) (protocol.Status, error)
}

// Question is what an existing device is asked.
type Question struct {
	Tenant      protocol.TenantID
	Application protocol.ApplicationID
	UserRef     string
	Enrollment  protocol.EnrollmentID
	Device      protocol.DeviceInfo
}

// Approval is a question that was asked; Number is to be shown in the browser.
type Approval struct {
	Challenge protocol.ChallengeID
	Mode      protocol.MatchMode
	Number    string
	ExpiresAt time.Time
}

func (e Enrollment) event(t audit.Type, actor string, at time.Time, detail string) audit.Event {
	return audit.Event{Tenant: e.Tenant, At: at, Type: t, Actor: actor, User: e.User, Device: e.Device, Application: e.Application, Subject: string(e.ID), Detail: detail}
}
