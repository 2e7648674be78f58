package httpapi

import (
	"context"
	"fmt"
	"io"

	"github.com/nod-auth/nod/shared/problem"
)

// EnrollDevice implements StrictServerInterface.
func (a *API) EnrollDevice(ctx context.Context, r EnrollDeviceRequestObject) (EnrollDeviceResponseObject, error) {
	raw, err := message(r.Body)
	if err != nil {
		return nil, err
	}
	out, err := a.Enrollments.Register(ctx, raw)
	if err != nil {
		return nil, err
	}
	return EnrollDevice201JSONResponse{Enrolled: out.Reply, Keys: out.Keys}, nil
}

// DecideChallenge implements StrictServerInterface.
func (a *API) DecideChallenge(ctx context.Context, r DecideChallengeRequestObject) (DecideChallengeResponseObject, error) {
	raw, err := message(r.Body)
	if err != nil {
		return nil, err
	}
	c, err := a.Challenges.Decide(ctx, r.ChallengeID, raw)
	if err != nil {
		return nil, err
	}
	return DecideChallenge200JSONResponse{ID: c.ID, Status: c.Status}, nil
}

// UpdateDevice implements StrictServerInterface.
func (a *API) UpdateDevice(ctx context.Context, r UpdateDeviceRequestObject) (UpdateDeviceResponseObject, error) {
	raw, err := message(r.Body)
	if err != nil {
		return nil, err
	}
	d, err := a.Devices.Update(ctx, raw)
	if err != nil {
		return nil, err
	}
	from(ctx).actor = string(d.ID)
	return UpdateDevice200JSONResponse{Status: DeviceStatus(d.Status)}, nil
}

// message takes the body as the compact JWS it must be: three parts of base64url. A JWE has five and never gets near a
// parser (T20).
func message(body io.Reader) (string, error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		return "", fmt.Errorf("read the body: %w", err)
	}
	dots := 0
	for _, c := range raw {
		switch {
		case c == '.':
			dots++
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_':
		default:
			return "", problem.New(problem.MalformedRequest).WithDetail("The body is not a compact JWS.")
		}
	}
	if dots != 2 {
		return "", problem.New(problem.MalformedRequest).WithDetail("The body is not a compact JWS.")
	}
	return string(raw), nil
}
