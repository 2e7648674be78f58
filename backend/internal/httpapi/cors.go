package httpapi

import (
	"net/http"
	"strings"
)

// cors answers the preflight of the browser API. It promises nothing: whether a page may read an answer is decided with
// the answer itself, by the origins of the application whose token was sent, so a preflight tells nobody which
// challenges or origins there are. Outside the browser API there is no CORS at all.
func (a *API) cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodOptions || !strings.HasPrefix(r.URL.Path, "/browser/v1/") || r.Header.Get("Origin") == "" {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Add("Vary", "Origin")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", http.MethodGet)
		h.Set("Access-Control-Allow-Headers", "Authorization")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
	})
}
