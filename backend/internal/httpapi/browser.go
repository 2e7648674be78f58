package httpapi

import (
	"net/http"

	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/shared/problem"
)

// browserCookie carries the browser token on the hosted page.
const browserCookie = "nod_browser"

// browserPrefix starts every browser token.
const browserPrefix = "nod_bt_"

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

var _ = challenge.Challenge{}
