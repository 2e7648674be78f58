package device_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nod-auth/nod/shared/client/device"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

const challengeID protocol.ChallengeID = "chl_Yb0k4mP2rT6vXz8AcEgIkA"

// server is a Nod as far as the device client sees it: it asks for nonces and checks proofs.
type server struct {
	*httptest.Server
	mux    *http.ServeMux
	key    *protocol.Signer // the device's
	device protocol.DeviceID

	mu       sync.Mutex
	now      time.Time
	nonce    int // the current one; older ones are stale
	rotating bool
	unproven int // reads without a proof
	proofs   int // proofs that were looked at
}

func newServer(t *testing.T) *server {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := protocol.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{mux: http.NewServeMux(), key: key, device: protocol.NewID[protocol.DeviceID](), now: time.Now(), nonce: 1}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		w.Header().Set("Date", s.now.UTC().Format(http.TimeFormat))
		if strings.HasPrefix(r.URL.Path, "/device/") {
			w.Header().Set("DPoP-Nonce", fmt.Sprint("nonce-", s.nonce))
		}
		s.mu.Unlock()
		s.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) client(t *testing.T) *device.Client {
	t.Helper()
	c, err := device.New(device.Params{Server: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *server) prove(c *device.Client) device.SignFunc { return device.Prove(s.key, s.device, c.Now) }

func (s *server) nextNonce() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nonce++
}

// proven wraps a read: it answers use_dpop_nonce or device_unauthorized unless the proof is good and fresh.
func (s *server) proven(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		raw := r.Header.Get("DPoP")
		if raw == "" {
			s.unproven++
			refuse(w, problem.UseDPoPNonce)
			return
		}
		s.proofs++
		p, err := protocol.VerifyProof(raw, protocol.One(s.key.Public()))
		switch {
		case err != nil || p.Method != r.Method || p.URL != s.URL+r.URL.Path || p.Issuer != s.device:
			refuse(w, problem.DeviceUnauthorized)
		case s.rotating || p.Nonce != fmt.Sprint("nonce-", s.nonce):
			if s.rotating {
				s.nonce++
				w.Header().Set("DPoP-Nonce", fmt.Sprint("nonce-", s.nonce))
			}
			refuse(w, problem.UseDPoPNonce)
		default:
			h(w, r)
		}
	}
}

func refuse(w http.ResponseWriter, code problem.Code) {
	p := problem.New(code)
	w.Header().Set("Content-Type", problem.ContentType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client may be gone
}

func answer(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the client may be gone
	}
}

const inboxAnswer = `{"device":{"status":"active"},"keys_seq":3,"challenges":["a.b.c"],"of_a_newer_server":1}`

func TestTheInboxIsReadWithAProof(t *testing.T) {
	s := newServer(t)
	s.mux.HandleFunc("GET /device/v1/challenges", s.proven(answer(200, "application/json", inboxAnswer)))
	c := s.client(t)
	for range 3 {
		got, err := c.Challenges(t.Context(), s.prove(c))
		if err != nil || got.Status != device.Active || got.KeysSequence != 3 || len(got.Challenges) != 1 || got.Challenges[0] != "a.b.c" {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	if s.unproven != 1 || s.proofs != 3 {
		t.Errorf("%d reads for a nonce, %d proofs", s.unproven, s.proofs)
	}
}

func TestAStaleNonceIsReplacedOnce(t *testing.T) {
	s := newServer(t)
	s.mux.HandleFunc("GET /device/v1/challenges", s.proven(answer(200, "application/json", inboxAnswer)))
	c := s.client(t)
	if _, err := c.Challenges(t.Context(), s.prove(c)); err != nil {
		t.Fatal(err)
	}
	s.nextNonce()
	if _, err := c.Challenges(t.Context(), s.prove(c)); err != nil {
		t.Errorf("after a new nonce: %v", err)
	}
	if s.proofs != 3 {
		t.Errorf("%d proofs", s.proofs)
	}
	s.rotating, s.proofs = true, 0 // a server that never takes a nonce
	if _, err := c.Challenges(t.Context(), s.prove(c)); problem.CodeOf(err) != problem.UseDPoPNonce {
		t.Errorf("got %v", err)
	}
	if s.proofs != 2 {
		t.Errorf("%d proofs to a server that takes none", s.proofs)
	}
}

func TestAnOldNonceCostsNoSignature(t *testing.T) {
	s := newServer(t)
	s.mux.HandleFunc("GET /device/v1/challenges", s.proven(answer(200, "application/json", inboxAnswer)))
	now := time.Now()
	c, err := device.New(device.Params{Server: s.URL, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.Challenges(t.Context(), s.prove(c)); err != nil {
			t.Fatal(err)
		}
		now = now.Add(10 * time.Minute)
		s.nextNonce()
	}
	if s.unproven != 2 || s.proofs != 2 {
		t.Errorf("%d reads for a nonce, %d proofs", s.unproven, s.proofs)
	}
}

func TestARevokedDeviceIsToldOnce(t *testing.T) {
	s := newServer(t)
	s.mux.HandleFunc("GET /device/v1/challenges", s.proven(answer(200, "application/json", inboxAnswer)))
	c := s.client(t)
	other := device.Prove(s.key, protocol.NewID[protocol.DeviceID](), c.Now)
	if _, err := c.Challenges(t.Context(), other); problem.CodeOf(err) != problem.DeviceUnauthorized || s.proofs != 1 {
		t.Errorf("got %v after %d proofs", err, s.proofs)
	}
}

func TestAFailedSignatureIsReturned(t *testing.T) {
	s := newServer(t)
	s.mux.HandleFunc("GET /device/v1/challenges", s.proven(answer(200, "application/json", inboxAnswer)))
	locked := errors.New("key store is locked")
	_, err := s.client(t).Challenges(t.Context(), func(context.Context, device.Target) (string, error) { return "", locked })
	if !errors.Is(err, locked) {
		t.Errorf("got %v", err)
	}
}

// T42: the device's clock does not matter; the server's is known from its answers.
func TestT42_AClockOffByADayStillWorks(t *testing.T) {
	for _, off := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		s := newServer(t)
		s.mux.HandleFunc("GET /device/v1/challenges", s.proven(answer(200, "application/json", inboxAnswer)))
		c, err := device.New(device.Params{Server: s.URL, Now: func() time.Time { return time.Now().Add(off) }})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Challenges(t.Context(), s.prove(c)); err != nil {
			t.Errorf("%s: %v", off, err)
		}
		if d := c.Now().Sub(s.now).Abs(); d > 10*time.Second {
			t.Errorf("%s: the server's time is off by %s", off, d)
		}
	}
}

func TestPosts(t *testing.T) {
	s := newServer(t)
	var got []string
	record := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body) // a cut body shows in the comparison
			got = append(got, r.Header.Get("Content-Type")+" "+string(b))
			answer(status, "application/json", body)(w, r)
		}
	}
	s.mux.HandleFunc("POST /device/v1/enrollments", record(201, `{"enrolled":"e.e.e","keys":"k.k.k"}`))
	s.mux.HandleFunc("POST /device/v1/challenges/"+string(challengeID)+"/decision", record(200, `{"id":"`+string(challengeID)+`","status":"approved"}`))
	s.mux.HandleFunc("POST /device/v1/updates", record(200, `{"status":"active"}`))
	s.mux.HandleFunc("GET /.well-known/nod/ten_x/keys", answer(200, "application/jose", "k.k.k"))
	c, ctx := s.client(t), t.Context()
	if e, err := c.Enroll(ctx, "a.a.a"); err != nil || e.Enrolled != "e.e.e" || e.Keys != "k.k.k" {
		t.Errorf("enroll: %+v, %v", e, err)
	}
	if o, err := c.Decide(ctx, challengeID, "b.b.b"); err != nil || o.Status != protocol.StatusApproved {
		t.Errorf("decide: %+v, %v", o, err)
	}
	var target device.Target
	sign := func(_ context.Context, to device.Target) (string, error) { target = to; return "c.c.c", nil }
	if status, err := c.Update(ctx, sign); err != nil || status != device.Active {
		t.Errorf("update: %s, %v", status, err)
	}
	if want := (device.Target{Method: "POST", URL: s.URL + "/device/v1/updates", Nonce: "nonce-1"}); target != want {
		t.Errorf("signed for %+v", target)
	}
	if k, err := c.Keys(ctx, "ten_x"); err != nil || k != "k.k.k" {
		t.Errorf("keys: %s, %v", k, err)
	}
	if want := "application/jose a.a.a,application/jose b.b.b,application/jose c.c.c"; strings.Join(got, ",") != want {
		t.Errorf("sent %v", got)
	}
}

func TestAnUpdateIsSignedAgainForAFreshNonce(t *testing.T) {
	s := newServer(t)
	s.mux.HandleFunc("GET /device/v1/challenges", s.proven(answer(200, "application/json", inboxAnswer)))
	s.mux.HandleFunc("POST /device/v1/updates", func(w http.ResponseWriter, r *http.Request) {
		if b, _ := io.ReadAll(r.Body); string(b) != "nonce-2" {
			s.nextNonce()
			w.Header().Set("DPoP-Nonce", "nonce-2")
			refuse(w, problem.UseDPoPNonce)
			return
		}
		answer(200, "application/json", `{"status":"active"}`)(w, r)
	})
	signed := 0
	_, err := s.client(t).Update(t.Context(), func(_ context.Context, to device.Target) (string, error) { signed++; return to.Nonce, nil })
	if err != nil || signed != 2 {
		t.Errorf("got %v after %d signatures", err, signed)
	}
}

func TestAnUpdateWithoutANonceIsNotSigned(t *testing.T) {
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { refuse(w, problem.DeviceUnauthorized) }))
	defer bare.Close()
	c, err := device.New(device.Params{Server: bare.URL})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Update(t.Context(), func(context.Context, device.Target) (string, error) { t.Error("signed"); return "", nil })
	if err == nil {
		t.Error("no error")
	}
}

func TestProblemsKeepTheirCode(t *testing.T) {
	s := newServer(t)
	s.mux.HandleFunc("POST /device/v1/challenges/{id}/decision", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1800")
		refuse(w, problem.LockedOut)
	})
	_, err := s.client(t).Decide(t.Context(), challengeID, "a.b.c")
	var p *problem.Problem
	if !errors.As(err, &p) || p.Code != problem.LockedOut || p.RetryAfter != 30*time.Minute {
		t.Errorf("got %v", err)
	}
}

func TestAnswersThatAreNotNodsAreErrors(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	for name, h := range map[string]http.HandlerFunc{
		"a captive portal":  answer(200, "text/html", "<html>sign in</html>"),
		"another challenge": answer(200, "application/json", `{"id":"chl_other","status":"approved"}`),
		"not JSON":          answer(200, "application/json", `{`),
		"a huge body":       answer(200, "application/json", `{"id":"`+string(challengeID)+`","status":"approved","x":"`+strings.Repeat("x", 1<<20)+`"}`),
		"a proxy's page":    answer(502, "text/html", "bad gateway"),
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		},
	} {
		s := newServer(t)
		s.mux.HandleFunc("/", h)
		got, err := s.client(t).Decide(t.Context(), challengeID, "a.b.c")
		var unexpected *device.UnexpectedAnswer
		if got.Status != "" && err == nil || !errors.As(err, &unexpected) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestAnOddNonceIsPassedOver(t *testing.T) {
	s := newServer(t)
	s.mux.HandleFunc("GET /device/v1/challenges", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("DPoP-Nonce", strings.Repeat("n", 4000))
		answer(200, "application/json", inboxAnswer)(w, r)
	})
	c := s.client(t)
	_, err := c.Challenges(t.Context(), func(_ context.Context, to device.Target) (string, error) {
		if to.Nonce != "" {
			t.Errorf("signed over %d characters", len(to.Nonce))
		}
		return "a.b.c", nil
	})
	if err != nil {
		t.Error(err)
	}
}

// T12: a device speaks https, except to its own machine.
func TestT12_OnlySafeServersAreCalled(t *testing.T) {
	for server, good := range map[string]bool{
		"https://nod.example.com":      true,
		"https://nod.example.com:8443": true,
		"http://127.0.0.1:8080":        true,
		"http://localhost:8080":        true,
		"http://nod.example.com":       false,
		"https://203.0.113.7":          false,
		"https://user@nod.example.com": false,
		"https://nod.example.com/":     false, // another spelling of the same server
		"https://NOD.example.com":      false,
		"https://nod.example.com:443":  false,
		"https://nod.example.com/a":    false,
		"ws://nod.example.com":         false,
		"":                             false,
	} {
		if _, err := device.New(device.Params{Server: server}); (err == nil) != good {
			t.Errorf("%q: %v", server, err)
		}
	}
}

// T12: a certificate that the system does not trust ends the call, before anything is sent.
func TestT12_AnUntrustedCertificateIsRefused(t *testing.T) {
	rogue := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") }))
	rogue.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // it would report the handshake
	defer rogue.Close()
	c, err := device.New(device.Params{Server: rogue.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Enroll(t.Context(), "a.b.c"); err == nil {
		t.Error("no error")
	}
}
