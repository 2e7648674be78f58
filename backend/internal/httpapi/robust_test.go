package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/httpapi"
)

// A panic is one problem document and one line in the log; the server goes on.
func TestAPanicIsAnAnswer(t *testing.T) {
	const canary = "cAnArYcAnArY"
	w := newWorld(t, func(p *httpapi.Params) { p.Ready = func(context.Context) error { panic(canary) } })
	a := w.call("GET", "/readyz", "", nil)
	if a.Status != 500 || a.code() != "internal" || strings.Contains(a.Body, canary) {
		t.Errorf("answer: %d %s", a.Status, a.Body)
	}
	log := w.logs.String()
	if !strings.Contains(log, a.Header.Get("X-Request-Id")) || !strings.Contains(log, "robust_test.go") || strings.Contains(log, canary) {
		t.Errorf("log: %s", log)
	}
	if a := w.call("GET", "/healthz", "", nil); a.Status != 200 {
		t.Errorf("afterwards: %d", a.Status)
	}
}

// A fault of the server is logged with its cause, once; the answer has the request id and nothing of the cause.
func TestAFaultIsLoggedOnceWithItsCause(t *testing.T) {
	w := newWorld(t, func(p *httpapi.Params) {
		p.Ready = func(context.Context) error { return errors.New("the cause of it") }
	})
	a := w.call("GET", "/readyz", "", nil)
	if a.Status != 503 || a.Header.Get("Retry-After") == "" || strings.Contains(a.Body, "the cause") {
		t.Errorf("answer: %d %s", a.Status, a.Body)
	}
	if n := strings.Count(w.logs.String(), "the cause of it"); n != 1 {
		t.Errorf("the cause is logged %d times", n)
	}
}

// HTTP/2 gives no connection away; streams go the other way there and bring the same.
func TestStreamsOverHTTP2(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewUnstartedServer(w.api)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	p := w.enroll("ada")
	req, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/device/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("DPoP", p.proof("GET", "/device/v1/events"))
	res, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.ProtoMajor != 2 || res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("answer: %s %s %v", res.Proto, res.Status, res.Header)
	}
	lines := bufio.NewScanner(res.Body)
	expect := func(want string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), want) {
				return
			}
		}
		t.Fatalf("the stream ended without %q", want)
	}
	expect(`{"status":"active"}`)
	w.challenge("ada", "login-1")
	expect("event: challenge")
	w.api.Close()
	expect("server_shutting_down")
}

// A caller that leaves ends its wait and its stream; nothing stays behind.
func TestCallersThatLeaveAreForgotten(t *testing.T) {
	w := newWorld(t, quick)
	p := w.enroll("ada")
	c := w.challenge("ada", "login-1")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		req, _ := http.NewRequestWithContext(ctx, "GET", w.URL+"/v1/challenges/"+c.ID+"?wait=60", nil)
		req.Header.Set("Authorization", "Bearer "+w.key)
		if res, err := http.DefaultTransport.RoundTrip(req); err == nil {
			_ = res.Body.Close()
		}
	}()
	device := p.follow()
	app := w.follow("/v1/challenges/"+c.ID+"/events", map[string]string{"Authorization": "Bearer " + w.key})
	until(t, func() bool { return w.bus.Listeners() == 3 })
	cancel()
	device.close()
	app.close()
	<-done
	until(t, func() bool { return w.bus.Listeners() == 0 })
	if strings.Contains(w.logs.String(), `"level":"ERROR"`) {
		t.Errorf("a caller that leaves is no fault: %s", w.logs.String())
	}
}

// A body that trickles is not waited for; a wait is not cut by the limit on bodies.
func TestT19_ASlowBodyIsNotWaitedFor(t *testing.T) {
	w := newWorld(t, func(p *httpapi.Params) { p.Limits = httpapi.Limits{Body: 50 * time.Millisecond} })
	body, feed := io.Pipe()
	defer feed.Close()
	go func() { _, _ = feed.Write([]byte(`{"user_ref":`)) }()
	req, err := http.NewRequestWithContext(t.Context(), "POST", w.URL+"/v1/enrollments", body)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range w.appHeader("x") {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 400 {
		t.Errorf("status %d, want 400", res.StatusCode)
	}
	w.enroll("ada")
	c := w.challenge("ada", "login-1")
	if a := w.appCall("GET", "/v1/challenges/"+c.ID+"?wait=1", ""); a.Status != 200 || a.json(t)["status"] != "pending" {
		t.Errorf("a wait longer than the limit: %d %s", a.Status, a.Body)
	}
}
