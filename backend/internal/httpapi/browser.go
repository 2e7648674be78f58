package httpapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/nod-auth/nod/backend/internal/bus"
	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// browserCookie carries the browser token on the hosted page.
const browserCookie = "nod_browser"

// authenticateBrowser checks the token of the one challenge in the path, and lets the page's origin read the answer if
// the application lists it.
func (a *API) authenticateBrowser(r *http.Request, w http.ResponseWriter, info *request, path map[string]string) error {
	token, err := browserToken(r)
	if err != nil {
		return err
	}
	_, app, err := a.Challenges.Browser(r.Context(), protocol.ChallengeID(path["challenge_id"]), token)
	if err != nil {
		return err
	}
	info.browser, info.actor = token, string(app.ID)
	w.Header().Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); origin != "" && slices.Contains(app.Origins, origin) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Expose-Headers", "X-Request-Id, Retry-After")
	}
	return nil
}

// browserToken takes the token from the header, or from the cookie when the request comes from the server's own pages: a
// cookie that another site's page makes the browser send is not looked at (T36).
func browserToken(r *http.Request) (string, error) {
	if len(r.Header.Values("Authorization")) > 0 {
		if token, ok := bearer(r); ok {
			return token, nil
		}
		return "", problem.New(problem.Unauthorized)
	}
	site := r.Header.Get("Sec-Fetch-Site")
	if c, err := r.Cookie(browserCookie); err == nil && (site == "" || site == "same-origin" || site == "none") {
		return c.Value, nil
	}
	return "", problem.New(problem.Unauthorized)
}

// GetBrowserChallenge implements StrictServerInterface.
func (a *API) GetBrowserChallenge(ctx context.Context, r GetBrowserChallengeRequestObject) (GetBrowserChallengeResponseObject, error) {
	state, err := poll(ctx, a, bus.Challenge(string(r.ChallengeID)), r.Params.Wait, func() (waited[challenge.BrowserState], error) {
		s, _, err := a.Challenges.Browser(ctx, r.ChallengeID, from(ctx).browser)
		return waited[challenge.BrowserState]{s, s.Status != pending, s.ExpiresAt}, err
	})
	if err != nil {
		return nil, err
	}
	return GetBrowserChallenge200JSONResponse(publicBrowser(state)), nil
}

// StreamBrowserChallenge implements StrictServerInterface.
func (a *API) StreamBrowserChallenge(ctx context.Context, r StreamBrowserChallengeRequestObject) (StreamBrowserChallengeResponseObject, error) {
	token := from(ctx).browser
	return a.followChallenge(ctx, r.ChallengeID, func() (any, string, time.Time, error) {
		s, _, err := a.Challenges.Browser(ctx, r.ChallengeID, token)
		return publicBrowser(s), s.Status, s.ExpiresAt, err
	})
}

func publicBrowser(s challenge.BrowserState) BrowserChallenge {
	return BrowserChallenge{ID: s.ID, Status: BrowserChallengeStatus(s.Status), ExpiresAt: s.ExpiresAt.UTC()}
}
