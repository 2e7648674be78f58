package httpapi

import (
	"context"
	"net/http"

	"github.com/nod-auth/nod/shared/problem"
)

type browser struct{}

func (a *API) authenticateBrowser(*http.Request, *request, map[string]string) error {
	return problem.New(problem.Unauthorized)
}
func (a *API) GetBrowserChallenge(ctx context.Context, request GetBrowserChallengeRequestObject) (GetBrowserChallengeResponseObject, error) {
	return nil, problem.New(problem.Internal)
}
func (a *API) StreamBrowserChallenge(ctx context.Context, request StreamBrowserChallengeRequestObject) (StreamBrowserChallengeResponseObject, error) {
	return nil, problem.New(problem.Internal)
}
func (a *API) ListDeviceChallenges(ctx context.Context, request ListDeviceChallengesRequestObject) (ListDeviceChallengesResponseObject, error) {
	return nil, problem.New(problem.Internal)
}
func (a *API) DecideChallenge(ctx context.Context, request DecideChallengeRequestObject) (DecideChallengeResponseObject, error) {
	return nil, problem.New(problem.Internal)
}
func (a *API) StreamDevice(ctx context.Context, request StreamDeviceRequestObject) (StreamDeviceResponseObject, error) {
	return nil, problem.New(problem.Internal)
}
func (a *API) ListAuditEvents(ctx context.Context, request ListAuditEventsRequestObject) (ListAuditEventsResponseObject, error) {
	return nil, problem.New(problem.Internal)
}
func (a *API) CreateChallenge(ctx context.Context, request CreateChallengeRequestObject) (CreateChallengeResponseObject, error) {
	return nil, problem.New(problem.Internal)
}
func (a *API) GetChallenge(ctx context.Context, request GetChallengeRequestObject) (GetChallengeResponseObject, error) {
	return nil, problem.New(problem.Internal)
}
func (a *API) CancelChallenge(ctx context.Context, request CancelChallengeRequestObject) (CancelChallengeResponseObject, error) {
	return nil, problem.New(problem.Internal)
}
func (a *API) StreamChallenge(ctx context.Context, request StreamChallengeRequestObject) (StreamChallengeResponseObject, error) {
	return nil, problem.New(problem.Internal)
}
