package httpapi_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nod-auth/nod/backend/internal/httpapi"
	"github.com/nod-auth/nod/shared/protocol"
)

func quiet(p *httpapi.Params) { p.Log = slog.New(slog.DiscardHandler) }

func (w *world) direct(method, path, body string, header map[string]string) *httptest.ResponseRecorder {
	req := httptest.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(body))
	for k, v := range header {
		req.Header.Set(k, v)
	}
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, req)
	return rec
}

// BenchmarkEdge is a request that passes everything but finds nothing: what the edge itself costs.
func BenchmarkEdge(b *testing.B) {
	w := newWorld(b, quiet)
	header := w.appHeader("")
	path := "/v1/challenges/" + string(protocol.NewID[protocol.ChallengeID]()) + "?wait=0"
	for b.Loop() {
		if rec := w.direct("GET", path, "", header); rec.Code != http.StatusNotFound {
			b.Fatal(rec.Code)
		}
	}
}

// BenchmarkValidate is a create that is refused after its body was checked.
func BenchmarkValidate(b *testing.B) {
	w := newWorld(b, quiet)
	body := `{"user_ref":"nobody","transaction":"login-1","session":"s","action":{"kind":"sign_in","title":"Sign in to Example Bank"},"context":{"ip":"203.0.113.7","user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0","location":"Vienna, Austria"}}`
	header := w.appHeader(body)
	for b.Loop() {
		if rec := w.direct("POST", "/v1/challenges", body, header); rec.Code != http.StatusConflict {
			b.Fatal(rec.Code, rec.Body)
		}
	}
}

// BenchmarkAuthentication is create, fetch, decision and result, the device's work included.
func BenchmarkAuthentication(b *testing.B) {
	w := newWorld(b, quiet)
	p := w.enroll("ada")
	header := w.appHeader("x")
	n := 0
	for b.Loop() {
		n++
		body := fmt.Sprintf(`{"user_ref":"ada","transaction":"t%d","action":{"kind":"sign_in"}}`, n)
		var made struct{ ID, Number string }
		made.ID, made.Number = parseCreated(b, w.direct("POST", "/v1/challenges", body, header).Body.String())
		rec := w.direct("GET", "/device/v1/challenges", "", map[string]string{"DPoP": p.proof("GET", "/device/v1/challenges")})
		p.nonce = rec.Header().Get("DPoP-Nonce")
		raw := between(rec.Body.String(), `"challenges":["`, `"`)
		id, jws := p.decision(raw, protocol.Approve, made.Number)
		if rec := w.direct("POST", "/device/v1/challenges/"+string(id)+"/decision", jws, map[string]string{"Content-Type": "application/jose"}); rec.Code != 200 {
			b.Fatal(rec.Body)
		}
		if rec := w.direct("GET", "/v1/challenges/"+made.ID+"?wait=30", "", header); rec.Code != 200 {
			b.Fatal(rec.Body)
		}
	}
}

func parseCreated(b *testing.B, s string) (id, number string) {
	id, number = between(s, `"id":"`, `"`), between(s, `"number":"`, `"`)
	if id == "" || number == "" {
		b.Fatal(s)
	}
	return id, number
}

func between(s, from, to string) string {
	_, rest, _ := strings.Cut(s, from)
	v, _, _ := strings.Cut(rest, to)
	return v
}
