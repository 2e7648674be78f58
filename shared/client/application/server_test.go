package application_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

const (
	apiKey      = "nod_sk_canary-key"
	user        = "u-1842"
	transaction = "login-7f3a"
)

func newSigner() *protocol.Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	s, err := protocol.NewSigner(key)
	if err != nil {
		panic(err)
	}
	return s
}

// clock is a time that a test moves.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.nanos.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.nanos.Add(int64(d)) }

// server is a Nod as far as the SDK sees it: real HTTP, real signatures, one approval.
type server struct {
	*httptest.Server
	mux         *http.ServeMux
	clock       *clock
	tenant      protocol.TenantID
	application protocol.ApplicationID
	device      protocol.DeviceID
	approval    *protocol.Signer // the device's

	mu      sync.Mutex
	signer  *protocol.Signer // the tenant's active key
	public  []map[string]any // what the JWKS has
	fetches int              // of the JWKS
}

func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{
		mux: http.NewServeMux(), clock: newClock(), signer: newSigner(), approval: newSigner(),
		tenant: protocol.NewID[protocol.TenantID](), application: protocol.NewID[protocol.ApplicationID](), device: protocol.NewID[protocol.DeviceID](),
	}
	s.publish()
	s.mux.HandleFunc("GET /.well-known/nod/"+string(s.tenant)+"/jwks.json", s.jwks)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", s.clock.Now().Format(http.TimeFormat))
		s.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) jwks(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetches++
	keys := []any{map[string]string{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}} // another kind is passed over
	for _, k := range s.public {
		keys = append(keys, k)
	}
	reply(w, http.StatusOK, map[string]any{"keys": keys})
}

// publish adds the signer's public half to the set.
func (s *server) publish() {
	raw, err := json.Marshal(s.signer.Public())
	if err != nil {
		panic(err)
	}
	var jwk map[string]any
	if err := json.Unmarshal(raw, &jwk); err != nil {
		panic(err)
	}
	s.public = append(s.public, jwk)
}

// rotate retires the signer, which is returned, and makes another.
func (s *server) rotate() *protocol.Signer {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.public[len(s.public)-1]
	last["status"], last["retired_at"] = "retired", s.clock.Now().Unix()
	old := s.signer
	s.signer = newSigner()
	s.publish()
	return old
}

func (s *server) fetched() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches
}

// client returns an SDK client whose pauses take no time but move the clock.
func (s *server) client(t testing.TB, change ...func(*application.Params)) *application.Client {
	t.Helper()
	p := application.Params{URL: s.URL, Key: apiKey, Tenant: s.tenant, Application: s.application, Now: s.clock.Now}
	for _, f := range change {
		f(&p)
	}
	c, err := application.New(p)
	if err != nil {
		t.Fatal(err)
	}
	c.SetPause(func(ctx context.Context, d time.Duration) error {
		s.clock.Advance(d)
		return ctx.Err()
	})
	return c
}

// outcome is what a result says; change makes a dishonest one.
type outcome struct {
	transaction string
	answer      protocol.Answer
	status      protocol.Status
	challenge   func(*protocol.Challenge)
	decision    func(*protocol.Decision)
	result      func(*protocol.Result)
}

func approved() outcome {
	return outcome{transaction: transaction, answer: protocol.Approve, status: protocol.StatusApproved}
}

// mint signs challenge, decision and result as the server and the device would.
func (s *server) mint(t testing.TB, o outcome) string {
	t.Helper()
	challenge, salt := s.challenge(o)
	issued := signed(t)(protocol.Sign(s.signer, challenge))
	decision := &protocol.Decision{
		Issuer: s.device, Audience: s.URL, Tenant: s.tenant, ID: protocol.RandomText(16), IssuedAt: challenge.IssuedAt, Challenge: challenge.ID,
		ChallengeHash: protocol.Hash(issued), Answer: o.answer, Counter: 1,
	}
	if o.answer == protocol.Approve {
		decision.Number = "47"
	}
	if o.decision != nil {
		o.decision(decision)
	}
	now := s.clock.Now()
	result := &protocol.Result{
		Issuer: s.URL, Tenant: s.tenant, Audience: s.application, Subject: user, ID: protocol.RandomText(16),
		IssuedAt: protocol.At(now), ExpiresAt: protocol.At(now.Add(protocol.ResultLifetime)), Challenge: challenge.ID, Status: o.status,
		Transaction: o.transaction, Device: &protocol.ResultDevice{ID: s.device}, Level: protocol.LevelSoftware,
		Confirmation: &protocol.Confirmation{JWK: s.approval.Public()},
		Evidence:     protocol.Evidence{Challenge: issued, Decision: signed(t)(protocol.Sign(s.approval, decision)), Salt: base64.RawURLEncoding.EncodeToString(salt)},
	}
	if o.status == protocol.StatusApproved {
		result.ACR = protocol.ACRNumber
	}
	if o.result != nil {
		o.result(result)
	}
	return signed(t)(protocol.Sign(s.signer, result))
}

func (s *server) challenge(o outcome) (*protocol.Challenge, []byte) {
	salt := make([]byte, 32)
	_, _ = rand.Read(salt) // never fails
	id, now := protocol.NewID[protocol.ChallengeID](), s.clock.Now()
	c := &protocol.Challenge{
		Issuer: s.URL, Tenant: s.tenant, Audience: []protocol.DeviceID{s.device}, ID: id, Nonce: protocol.RandomText(16),
		IssuedAt: protocol.At(now), ExpiresAt: protocol.At(now.Add(protocol.ChallengeLifetime)), User: protocol.ChallengeUser{Ref: user},
		Application: protocol.ChallengeApplication{ID: s.application, Name: "Example Bank"}, Action: protocol.Action{Kind: "sign_in"},
		Match:           protocol.Match{Mode: protocol.MatchEnter, Digits: 2, Commitment: protocol.Commitment(salt, id, "47")},
		TransactionHash: protocol.TokenHash(o.transaction),
	}
	if o.challenge != nil {
		o.challenge(c)
	}
	return c, salt
}

// signed unwraps protocol.Sign.
func signed(t testing.TB) func(string, error) string {
	return func(raw string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}

func refuse(w http.ResponseWriter, code problem.Code, retryAfter string) {
	p := problem.New(code)
	p.RequestID = "req-1"
	w.Header().Set("Content-Type", problem.ContentType)
	if retryAfter != "" {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client may be gone
}
