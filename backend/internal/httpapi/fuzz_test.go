package httpapi_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Whatever is sent with a good key, the server neither faults nor answers an error in another form than a problem
// document with a request id.
func FuzzRequest(f *testing.F) {
	w := newWorld(f, quiet)
	for _, s := range [][4]string{
		{"POST", "/v1/challenges", "application/json", `{"user_ref":"ada","transaction":"x","action":{"kind":"sign_in"},"details":[{"label":"a","value":"b","kind":"amount"}],"match":{"mode":"enter","digits":6},"ttl_seconds":60}`},
		{"POST", "/v1/enrollments", "application/json", `{"user_ref":"\u202e","user_label":"x"}`},
		{"GET", "/v1/users/%ff%2F/devices?wait=1", "", ""},
		{"GET", "/v1/audit-events?after=18446744073709551616&limit=0", "", ""},
		{"POST", "/device/v1/updates", "application/jose", "a.b.c"},
		{"POST", "/device/v1/enrollments", "application/jose", "e30.e30.e30"},
		{"GET", "/device/v1/challenges", "", "a.b.c"},
		{"DELETE", "/v1/users/a/devices/dev_AAAAAAAAAAAAAAAAAAAAAA", "", ""},
		{"OPTIONS", "/browser/v1/challenges/x", "", ""},
	} {
		f.Add(s[0], s[1], s[2], s[3])
	}
	f.Fuzz(func(t *testing.T, method, target, contentType, body string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(u.Path, "/") || strings.Contains(target, "wait=") || strings.HasSuffix(u.Path, "/events") {
			t.Skip("no request, or one that waits")
		}
		req := httptest.NewRequest("GET", "/", strings.NewReader(body))
		req.Method, req.URL = method, u
		req.Header.Set("Authorization", "Bearer "+w.key)
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("DPoP", body)
		req.Header.Set("X-Forwarded-For", body)
		rec := httptest.NewRecorder()
		w.api.ServeHTTP(rec, req)
		if rec.Code >= 500 {
			t.Errorf("%s %s with %q: %d %s", method, target, body, rec.Code, rec.Body)
		}
		if rec.Code >= 400 && (rec.Header().Get("Content-Type") != "application/problem+json" || rec.Header().Get("X-Request-Id") == "") {
			t.Errorf("%s %s with %q: %d %s", method, target, body, rec.Code, rec.Body)
		}
	})
}
