package httpapi_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/bus"
	"github.com/nod-auth/nod/backend/internal/httpapi"
	"github.com/nod-auth/nod/shared/protocol"
)

// line is how long a test waits for something that must come.
const patience = 10 * time.Second

type event struct{ name, data string }

// feed reads a stream in the background.
type feed struct {
	t      testing.TB
	res    *http.Response
	events chan event // closed at the stream's end; a comment is an event named ":"
	cancel context.CancelFunc
}

func (w *world) follow(path string, header map[string]string) *feed {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", w.URL+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	f := &feed{t: w.t, res: res, events: make(chan event, 1000), cancel: cancel}
	w.t.Cleanup(f.close)
	if res.StatusCode != 200 {
		text, _ := io.ReadAll(res.Body)
		w.t.Fatalf("stream %s: %d %s", path, res.StatusCode, text)
	}
	go f.read()
	return f
}

func (f *feed) close() {
	f.cancel()
	_ = f.res.Body.Close()
}

func (f *feed) read() {
	defer close(f.events)
	lines := bufio.NewScanner(f.res.Body)
	lines.Buffer(nil, 1<<20)
	var e event
	for lines.Scan() {
		switch text := lines.Text(); {
		case strings.HasPrefix(text, ":"):
			f.events <- event{name: ":"}
		case strings.HasPrefix(text, "event: "):
			e.name = text[7:]
		case strings.HasPrefix(text, "data: "):
			e.data = text[6:]
		case text == "" && e.name != "":
			f.events <- e
			e = event{}
		}
	}
}

// next returns the next event that is not a comment; ok is false at the end of the stream.
func (f *feed) next() (e event, ok bool) {
	f.t.Helper()
	late := time.After(patience)
	for {
		select {
		case e, ok := <-f.events:
			if e.name != ":" {
				return e, ok
			}
		case <-late:
			f.t.Fatal("no event came")
		}
	}
}

func (f *feed) want(name, data string) {
	f.t.Helper()
	e, ok := f.next()
	if !ok || e.name != name || !strings.Contains(e.data, data) {
		f.t.Fatalf("got event %+v (open: %v), want %s with %s", e, ok, name, data)
	}
}

func (f *feed) wantEnd() {
	f.t.Helper()
	if e, ok := f.next(); ok {
		f.t.Fatalf("got event %+v, want the end of the stream", e)
	}
}

func (p *phone) follow() *feed {
	p.w.t.Helper()
	f := p.w.follow("/device/v1/events", map[string]string{"DPoP": p.proof("GET", "/device/v1/events")})
	p.nonce = f.res.Header.Get("DPoP-Nonce")
	return f
}

func quick(p *httpapi.Params) { p.Limits = httpapi.Limits{Ping: 20 * time.Millisecond} }

func TestADevicesStreamBringsEverything(t *testing.T) {
	w := newWorld(t)
	p := w.enroll("ada")
	before := w.challenge("ada", "login-0")
	f := p.follow()
	if ct := f.res.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Errorf("content type is %q", ct)
	}
	f.want("device", `"status":"active"`)
	e, _ := f.next()
	if e.name != "challenge" {
		t.Fatalf("got %+v, want the pending challenge", e)
	}
	if a := w.appCall("POST", "/v1/challenges/"+before.ID+"/cancel", ""); a.Status != 200 {
		t.Fatalf("cancel: %d %s", a.Status, a.Body)
	}
	f.want("closed", before.ID)
	c := w.challenge("ada", "login-1")
	e, _ = f.next()
	raw := strings.TrimSuffix(strings.TrimPrefix(e.data, `{"challenge":"`), `"}`)
	if got, err := protocol.VerifyChallenge(raw, p.Keys, p.ID); err != nil || string(got.ID) != c.ID {
		t.Fatalf("the stream brought %q: %v", e.data, err)
	}
	if strings.Contains(e.data, c.Browser) {
		t.Error("the stream holds the browser token")
	}
	if a := p.decide(raw, protocol.Approve, c.Number); a.Status != 200 {
		t.Fatalf("decide: %d %s", a.Status, a.Body)
	}
	f.want("closed", `"status":"approved"`)
}

func TestADevicesStreamPingsAndFindsWhatNoEventTold(t *testing.T) {
	w := newWorld(t, quick)
	p := w.enroll("ada")
	f := p.follow()
	f.want("device", "active")
	for range 2 {
		if e := <-f.events; e.name != ":" {
			t.Fatalf("got %+v, want a ping", e)
		}
	}
	if _, err := w.tenants.RotateSigningKey(t.Context(), w.tenant.ID, "operator"); err != nil {
		t.Fatal(err)
	}
	f.want("keys", `"seq":2`)
}

func TestARevokedDevicesStreamEnds(t *testing.T) {
	w := newWorld(t)
	p := w.enroll("ada")
	f := p.follow()
	f.want("device", "active")
	w.challenge("ada", "login-1")
	f.want("challenge", "")
	if a := w.appCall("DELETE", "/v1/users/ada/devices/"+string(p.ID), ""); a.Status != 204 {
		t.Fatalf("revoke: %d %s", a.Status, a.Body)
	}
	f.want("bye", "revoked")
	f.wantEnd()
}

// A stream that lasted its time says so and ends.
func TestAStreamEndsAfterItsTime(t *testing.T) {
	w := newWorld(t, func(p *httpapi.Params) { p.Limits = httpapi.Limits{Stream: 30 * time.Millisecond} })
	f := w.enroll("ada").follow()
	f.want("device", "active")
	f.want("bye", "stream_end")
	f.wantEnd()
}

func TestAConfirmedDeviceHearsItOnItsStream(t *testing.T) {
	w := newWorld(t)
	id, inv := w.invite("ada")
	p, _ := w.register(inv, nil)
	f := p.follow()
	f.want("device", "unconfirmed")
	if a := w.appCall("POST", "/v1/enrollments/"+id+"/confirm", `{"code":"`+p.Code+`"}`); a.Status != 200 {
		t.Fatalf("confirm: %d %s", a.Status, a.Body)
	}
	f.want("device", "active")
}

// When more events came than the stream could take, it sends what stands instead.
func TestASlowStreamIsMadeWhole(t *testing.T) {
	w := newWorld(t)
	p := w.enroll("ada")
	f := p.follow()
	f.want("device", "active")
	c := w.challenge("ada", "login-1")
	f.want("challenge", "")
	for range 1000 {
		w.bus.Publish(bus.Device(string(p.ID)), bus.Event{Kind: "closed", ID: "x", Status: "canceled"})
	}
	for {
		e, ok := f.next()
		if !ok {
			t.Fatal("the stream ended")
		}
		if e.name == "challenge" {
			break // made whole: the pending challenge came again
		}
	}
	_ = c
}

// A device that opens one stream too many loses its oldest: most likely a connection that it lost before.
func TestADeviceMayNotOpenStreamsWithoutEnd(t *testing.T) {
	w := newWorld(t, func(p *httpapi.Params) { p.Limits = httpapi.Limits{PerDevice: 2} })
	p := w.enroll("ada")
	first, second := p.follow(), p.follow()
	first.want("device", "active")
	second.want("device", "active")
	third := p.follow()
	third.want("device", "active")
	first.want("bye", "replaced")
	first.wantEnd()
	w.challenge("ada", "login-1")
	second.want("challenge", "")
	third.want("challenge", "")
}

func TestStreamsOfAllDevicesAreBounded(t *testing.T) {
	w := newWorld(t, func(p *httpapi.Params) { p.Limits = httpapi.Limits{StreamsAll: 1, Ping: 5 * time.Millisecond} })
	ada, bob := w.enroll("ada"), w.enroll("bob")
	f := ada.follow()
	f.want("device", "active")
	if a := bob.get("/device/v1/events"); a.Status != 429 || a.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %d %s", a.Status, a.Body)
	}
	f.close() // a ping finds out, and the place is free again
	until(t, func() bool { return w.bus.Listeners() == 0 })
	bob.follow().want("device", "active")
}

// until polls a condition.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("the condition did not come true")
		}
	}
}

func TestAnApplicationFollowsAChallenge(t *testing.T) {
	w := newWorld(t)
	p := w.enroll("ada")
	c := w.challenge("ada", "login-1")
	f := w.follow("/v1/challenges/"+c.ID+"/events", map[string]string{"Authorization": "Bearer " + w.key})
	b := w.follow("/browser/v1/challenges/"+c.ID+"/events", map[string]string{"Authorization": "Bearer " + c.Browser})
	f.want("status", `"status":"pending"`)
	b.want("status", `"status":"pending"`)
	p.decide(p.pending()[0], protocol.Approve, c.Number)
	f.want("status", `"result":"ey`)
	f.wantEnd()
	e, _ := b.next()
	if !strings.Contains(e.data, `"status":"approved"`) || strings.Contains(e.data, "result") || strings.Contains(e.data, "ada") || strings.Contains(e.data, "login-1") {
		t.Errorf("the browser sees %q", e.data)
	}
	b.wantEnd()
}

func TestAChallengesStreamTellsItsExpiry(t *testing.T) {
	w := newWorld(t)
	w.enroll("ada")
	c := w.challenge("ada", "login-1")
	w.advance(89 * time.Second)
	f := w.follow("/v1/challenges/"+c.ID+"/events", map[string]string{"Authorization": "Bearer " + w.key})
	f.want("status", `"status":"pending"`)
	f.want("status", `"status":"expired"`)
	f.wantEnd()
}

func TestAWaitEndsWithTheDecision(t *testing.T) {
	w := newWorld(t)
	p := w.enroll("ada")
	c := w.challenge("ada", "login-1")
	got := make(chan answer, 2)
	var started sync.WaitGroup
	for _, path := range []string{"/v1/challenges/" + c.ID + "?wait=30", "/browser/v1/challenges/" + c.ID + "?wait=30"} {
		secret := w.key
		if strings.HasPrefix(path, "/browser") {
			secret = c.Browser
		}
		started.Add(1)
		go func() {
			started.Done()
			got <- w.call("GET", path, "", map[string]string{"Authorization": "Bearer " + secret})
		}()
	}
	started.Wait()
	until(t, func() bool { return w.bus.Listeners() == 2 })
	p.decide(p.pending()[0], protocol.Deny, "")
	for range 2 {
		select {
		case a := <-got:
			if !strings.Contains(a.Body, `"denied"`) && !strings.Contains(a.Body, `"closed"`) {
				t.Errorf("wait: %d %s", a.Status, a.Body)
			}
		case <-time.After(patience):
			t.Fatal("the wait did not end")
		}
	}
	if a := w.appCall("GET", "/v1/challenges/"+c.ID, ""); a.json(t)["reason"] != "wrong_request" {
		t.Errorf("the reason is lost: %s", a.Body)
	}
}

func TestAWaitForAnEnrollmentKnowsWhatTheCallerSaw(t *testing.T) {
	w := newWorld(t)
	id, inv := w.invite("ada")
	p, _ := w.register(inv, nil)
	// The caller has seen "invited": it is told at once what came since.
	if a := w.appCall("GET", "/v1/enrollments/"+id+"?wait=30&status=invited", ""); a.json(t)["status"] != "registered" {
		t.Errorf("wait: %s", a.Body)
	}
	got := make(chan answer, 1)
	go func() { got <- w.appCall("GET", "/v1/enrollments/"+id+"?wait=30&status=registered", "") }()
	until(t, func() bool { return w.bus.Listeners() == 1 })
	w.appCall("POST", "/v1/enrollments/"+id+"/confirm", `{"code":"`+p.Code+`"}`)
	select {
	case a := <-got:
		if m := a.json(t); m["status"] != "active" || m["device"].(map[string]any)["id"] != string(p.ID) {
			t.Errorf("wait: %s", a.Body)
		}
	case <-time.After(patience):
		t.Fatal("the wait did not end")
	}
}

// A stopping server tells every open wait and stream at once.
func TestAStoppingServerEndsWaitsAndStreams(t *testing.T) {
	w := newWorld(t)
	p := w.enroll("ada")
	c := w.challenge("ada", "login-1")
	f := p.follow()
	f.want("device", "active")
	f.want("challenge", "")
	s := w.follow("/v1/challenges/"+c.ID+"/events", map[string]string{"Authorization": "Bearer " + w.key})
	s.want("status", "pending")
	got := make(chan answer, 1)
	go func() { got <- w.appCall("GET", "/v1/challenges/"+c.ID+"?wait=30", "") }()
	until(t, func() bool { return w.bus.Listeners() == 3 })
	w.api.Close()
	f.want("bye", "server_shutting_down")
	f.wantEnd()
	s.wantEnd()
	select {
	case a := <-got:
		if a.Status != 503 || a.code() != "server_shutting_down" || a.Header.Get("Retry-After") == "" {
			t.Errorf("wait: %d %s %v", a.Status, a.Body, a.Header)
		}
	case <-time.After(patience):
		t.Fatal("the wait did not end")
	}
	if a := w.call("GET", "/readyz", "", nil); a.Status != 503 {
		t.Errorf("ready while stopping: %d %s", a.Status, a.Body)
	}
	if a := w.call("GET", "/healthz", "", nil); a.Status != 200 {
		t.Errorf("alive while stopping: %d %s", a.Status, a.Body)
	}
	if err := w.api.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if a := p.get("/device/v1/events"); a.Status != 503 {
		t.Errorf("a stream while stopping: %d %s", a.Status, a.Body)
	}
}
