package sqlstore

import (
	"time"

	"github.com/nod-auth/nod/backend/internal/enrollment"
	"github.com/nod-auth/nod/shared/protocol"
)

const enrollmentSelect = `SELECT e.tenant_id, e.id, e.application_id, e.user_id, u.ref, e.token_hash, e.status, e.created_at, e.expires_at, e.hash, e.sealed,
	e.device_id, e.approval_id FROM enrollments e JOIN users u ON u.tenant_id = e.tenant_id AND u.id = e.user_id `

func scanEnrollment(s scanner) (e enrollment.Enrollment, err error) {
	err = s.Scan(&e.Tenant, &e.ID, &e.Application, &e.User, &e.UserRef, &e.TokenHash, &e.Status, at{&e.CreatedAt}, at{&e.ExpiresAt}, &e.Hash, &e.Sealed,
		&e.Device, &e.Approval)
	return e, err
}

// InsertEnrollment stores a new enrollment.
func (t *Tx) InsertEnrollment(e enrollment.Enrollment) error {
	return t.store(`INSERT INTO enrollments (tenant_id, id, application_id, user_id, token_hash, status, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		e.Tenant, e.ID, e.Application, e.User, e.TokenHash, e.Status, millis(e.CreatedAt), millis(e.ExpiresAt))
}

// Enrollment reads one enrollment of a tenant.
func (t *Tx) Enrollment(tn protocol.TenantID, id protocol.EnrollmentID) (enrollment.Enrollment, error) {
	return scanEnrollment(t.row(enrollmentSelect+`WHERE e.tenant_id = $1 AND e.id = $2`, tn, id))
}

// EnrollmentByToken finds an enrollment by the hash of its invitation's token.
func (t *Tx) EnrollmentByToken(hash string) (enrollment.Enrollment, error) {
	return scanEnrollment(t.row(enrollmentSelect+`WHERE e.token_hash = $1`, hash))
}

// EnrollmentByApproval finds the enrollment that waits for a challenge.
func (t *Tx) EnrollmentByApproval(tn protocol.TenantID, id protocol.ChallengeID) (enrollment.Enrollment, error) {
	return scanEnrollment(t.row(enrollmentSelect+`WHERE e.tenant_id = $1 AND e.approval_id = $2`, tn, id))
}

// MoveEnrollment stores e if the stored status is still from.
func (t *Tx) MoveEnrollment(e enrollment.Enrollment, from enrollment.Status) (bool, error) {
	n, err := t.exec(`UPDATE enrollments SET status = $1, expires_at = $2, hash = $3, sealed = $4, device_id = $5, approval_id = $6
		WHERE tenant_id = $7 AND id = $8 AND status = $9`,
		e.Status, millis(e.ExpiresAt), e.Hash, e.Sealed, e.Device, e.Approval, e.Tenant, e.ID, from)
	return n == 1, err
}

// DueEnrollments lists enrollments that are not final and whose time is over.
func (t *Tx) DueEnrollments(now time.Time, limit int) ([]enrollment.Enrollment, error) {
	return list(t, scanEnrollment, enrollmentSelect+`WHERE e.status IN ('invited', 'registered', 'awaiting_approval') AND e.expires_at <= $1
		ORDER BY e.expires_at LIMIT $2`, millis(now), limit)
}
