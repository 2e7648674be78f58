package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/webhook"
)

// received is one event as the integrator sees it.
type received struct {
	headers webhook.Headers
	body    []byte
}

// allow lets the server call a test's own endpoint on loopback.
func (r *rung) allow(server *httptest.Server) {
	r.T.Helper()
	path := filepath.Join(r.dir, "push.json")
	raw, err := os.ReadFile(path) //nolint:gosec // a test's own directory
	if err != nil {
		r.T.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(raw, &file); err != nil {
		r.T.Fatal(err)
	}
	u, err := url.Parse(server.URL)
	if err != nil {
		r.T.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		r.T.Fatal(err)
	}
	file["webpush"] = map[string]any{"allowed_networks": []string{"127.0.0.1/32"}, "allowed_ports": []int{port}}
	if raw, err = json.Marshal(file); err != nil {
		r.T.Fatal(err)
	}
	roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for name, content := range map[string][]byte{"push.json": raw, "roots.pem": roots} {
		if err := os.WriteFile(filepath.Join(r.dir, name), content, 0o600); err != nil {
			r.T.Fatal(err)
		}
	}
}

// The integrator sends the push: the event arrives signed, for a device that has no push address at all; after a 410
// there are no more.
func TestAnIntegratorIsAskedForThePush(t *testing.T) {
	events := make(chan received, 10)
	var status atomic.Int32
	status.Store(http.StatusNoContent)
	integrator := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return
		}
		events <- received{webhook.Headers{ID: q.Header.Get("webhook-id"), Timestamp: q.Header.Get("webhook-timestamp"), Signature: q.Header.Get("webhook-signature")}, body}
		w.WriteHeader(int(status.Load()))
	}))
	t.Cleanup(integrator.Close)
	r := newRung(t)
	r.allow(integrator)
	r.restart()
	tenantFlag := "--tenant=" + string(r.Tenant.ID)
	code, out := r.command("webhook", "add", integrator.URL, tenantFlag)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	key, err := webhook.ParseKey(lines[len(lines)-1])
	if code != 0 || err != nil || !strings.HasPrefix(lines[len(lines)-1], "whpk_") {
		t.Fatalf("add: %d\n%s", code, out)
	}
	made := r.MustCreate("ada", nil)
	var got received
	select {
	case got = <-events:
	case <-time.After(10 * time.Second):
		t.Fatal("no event came")
	}
	if err := webhook.Verify([]webhook.Key{key}, got.headers, got.body, time.Now()); err != nil {
		t.Errorf("the event does not verify: %v", err)
	}
	if text := string(got.body); !strings.Contains(text, string(made.Challenge.ID)) || !strings.Contains(text, string(r.device.ID)) || !strings.Contains(text, "push.requested") {
		t.Errorf("the event is %s", text)
	}
	for _, leak := range []string{"ada", "Example Bank", "Online banking", "203.0.113.7", "Porto"} { // T15
		if strings.Contains(string(got.body), leak) {
			t.Errorf("the event holds %q", leak)
		}
	}
	if _, err := r.Challenges.Cancel(context.Background(), r.Caller, made.Challenge.ID); err != nil {
		t.Fatal(err)
	}
	status.Store(http.StatusGone)
	r.MustCreate("ada", nil)
	<-events
	until(t, "the endpoint is disabled", func() bool {
		_, out := r.command("webhook", "list", tenantFlag)
		return strings.Contains(out, "disabled") && strings.Contains(out, "410")
	})
}

func TestT21_an_endpoint_inside_the_network_is_not_added(t *testing.T) {
	r := newRung(t)
	tenantFlag := "--tenant=" + string(r.Tenant.ID)
	for _, u := range []string{"https://10.0.0.1/", "http://example.com/", "https://localhost/", "https://u:p@example.com/", "https://example.com:22/"} {
		if code, out := r.command("webhook", "add", u, tenantFlag); code == 0 || !strings.Contains(out, "not allowed") {
			t.Errorf("%s: %d\n%s", u, code, out)
		}
	}
	if code, out := r.command("webhook", "rotate", "whe_none", tenantFlag); code == 0 || !strings.Contains(out, "no such endpoint") {
		t.Errorf("rotate: %d\n%s", code, out)
	}
}
