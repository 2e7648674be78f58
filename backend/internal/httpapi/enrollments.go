package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/nod-auth/nod/backend/internal/bus"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/enrollment"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/replay"
	"github.com/nod-auth/nod/shared/protocol"
)

// CreateEnrollment implements StrictServerInterface.
func (a *API) CreateEnrollment(ctx context.Context, r CreateEnrollmentRequestObject) (CreateEnrollmentResponseObject, error) {
	scope, body, err := idempotency(ctx, "/v1/enrollments", r.Params.IdempotencyKey, r.Body)
	if err != nil {
		return nil, err
	}
	invited, err := a.Enrollments.Invite(ctx, enrollment.Invite{Caller: from(ctx).caller, UserRef: r.Body.UserRef, UserLabel: r.Body.UserLabel,
		Idempotency: replay.Key{Scope: scope, Body: body}})
	if err != nil {
		return nil, err
	}
	out := publicEnrollment(invited.Enrollment)
	if invited.Invitation.Token != "" {
		out.InvitationURI, out.InvitationURL = invited.Invitation.URI(protocol.Scheme), invited.Invitation.Link()
	}
	return CreateEnrollment201JSONResponse(out), nil
}

// GetEnrollment implements StrictServerInterface.
func (a *API) GetEnrollment(ctx context.Context, r GetEnrollmentRequestObject) (GetEnrollmentResponseObject, error) {
	caller, known := from(ctx).caller, enrollment.Status(r.Params.Status)
	e, err := poll(ctx, a, bus.Enrollment(string(r.EnrollmentID)), r.Params.Wait, func() (waited[enrollment.Enrollment], error) {
		e, err := a.Enrollments.Get(ctx, caller, r.EnrollmentID)
		if known == "" {
			known = e.Status
		}
		return waited[enrollment.Enrollment]{e, e.Status != known || e.Status.Final(), e.ExpiresAt}, err
	})
	if err != nil {
		return nil, err
	}
	out, err := a.describeEnrollment(ctx, e)
	return GetEnrollment200JSONResponse(out), err
}

// ConfirmEnrollment implements StrictServerInterface.
func (a *API) ConfirmEnrollment(ctx context.Context, r ConfirmEnrollmentRequestObject) (ConfirmEnrollmentResponseObject, error) {
	confirmed, err := a.Enrollments.Confirm(ctx, from(ctx).caller, r.EnrollmentID, r.Body.Code)
	if err != nil {
		return nil, err
	}
	out, err := a.describeEnrollment(ctx, confirmed.Enrollment)
	return ConfirmEnrollment200JSONResponse(out), err
}

// describeEnrollment adds the device and the question to the user's other devices.
func (a *API) describeEnrollment(ctx context.Context, e enrollment.Enrollment) (Enrollment, error) {
	out := publicEnrollment(e)
	ask, err := a.Enrollments.Asked(e)
	if err != nil {
		return out, err
	}
	if ask != nil {
		out.Approval = EnrollmentApproval{ChallengeID: ask.Challenge, ExpiresAt: ask.ExpiresAt.UTC(), Match: Match{Mode: ask.Mode, Digits: len(ask.Number), Number: ask.Number}}
	}
	if e.Device == "" {
		return out, nil
	}
	d, err := a.Devices.Current(ctx, device.Device{Tenant: e.Tenant, ID: e.Device})
	switch {
	case fault.CodeOf(err) == fault.DeviceUnauthorized: // revoked since
	case err != nil:
		return out, fmt.Errorf("read the device: %w", err)
	default:
		out.Device = publicDevice(d)
	}
	return out, nil
}

func publicEnrollment(e enrollment.Enrollment) Enrollment {
	return Enrollment{ID: e.ID, Status: EnrollmentStatus(e.Status), UserRef: e.UserRef, ExpiresAt: e.ExpiresAt.UTC()}
}

// idempotency names a create by hashes: the scope is API key, route and the caller's key; the body is what was checked, so
// that white space is no difference.
func idempotency(ctx context.Context, route, key string, body any) (scope, hash string, err error) {
	if key == "" {
		return "", "", nil
	}
	text, err := json.Marshal(body)
	if err != nil {
		return "", "", fmt.Errorf("encode the body: %w", err)
	}
	return sum(from(ctx).caller.Key.ID + "\x00POST " + route + "\x00" + key), sum(string(text)), nil
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(h[:])
}
