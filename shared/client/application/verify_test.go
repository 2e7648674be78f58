package application_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

var expected = application.Expect{Subject: user, Transaction: transaction}

func TestAnApprovalIsVerified(t *testing.T) {
	s := newServer(t)
	r, err := s.client(t).Verify(t.Context(), s.mint(t, approved()), expected)
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != protocol.StatusApproved || r.Subject != user || r.ACR != protocol.ACRNumber {
		t.Errorf("got %+v", r)
	}
}

// T25: a signed result is bound to the transaction it was asked for, and is used once.
func TestT25_AResultForOneTransactionIsRefusedForAnother(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	result := s.mint(t, approved())
	for name, e := range map[string]application.Expect{
		"another transaction": {Subject: user, Transaction: "login-other"},
		"another user":        {Subject: "u-other", Transaction: transaction},
	} {
		if r, err := c.Verify(t.Context(), result, e); r != nil || !errors.Is(err, &protocol.Error{Code: protocol.CodeMismatch}) {
			t.Errorf("%s: got %v, %v", name, r, err)
		}
	}
	for name, e := range map[string]application.Expect{"no transaction": {Subject: user}, "no user": {Transaction: transaction}, "nothing": {}} {
		if r, err := c.Verify(t.Context(), result, e); r != nil || err == nil {
			t.Errorf("%s: got %v, %v", name, r, err)
		}
	}
	if _, err := c.Verify(t.Context(), result, expected); err != nil {
		t.Errorf("the refused attempts used the result up: %v", err)
	}
}

// T25: the back button, a second tab, or a new read of the same challenge does not start a second session.
func TestT25_AnApprovalIsUsedOnce(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	challenge := protocol.NewID[protocol.ChallengeID]()
	fixed := approved()
	fixed.challenge = func(c *protocol.Challenge) { c.ID, c.Match = challenge, protocol.Match{Mode: protocol.MatchNone} }
	fixed.decision = func(d *protocol.Decision) { d.Number = "" }
	fixed.result = func(r *protocol.Result) { r.ACR = protocol.ACRPresence }
	result := s.mint(t, fixed)
	var wins atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			r, err := c.Verify(context.Background(), result, expected)
			switch {
			case err == nil:
				wins.Add(1)
			case r != nil || !errors.Is(err, application.ErrUsed):
				t.Errorf("got %v, %v", r, err)
			}
		})
	}
	wg.Wait()
	if wins.Load() != 1 {
		t.Errorf("used %d times", wins.Load())
	}
	again := s.mint(t, fixed) // the same challenge in a fresh result with another jti
	if _, err := c.Verify(t.Context(), again, expected); !errors.Is(err, application.ErrUsed) {
		t.Errorf("a newly minted result: %v", err)
	}
	for _, later := range []time.Duration{time.Minute, time.Minute, time.Minute, 30 * time.Second, time.Minute, time.Hour} {
		s.clock.Advance(later)
		late := fixed
		late.challenge = func(c *protocol.Challenge) {
			fixed.challenge(c)
			c.IssuedAt, c.ExpiresAt = protocol.At(newClock().Now()), protocol.At(newClock().Now().Add(protocol.ChallengeLifetime))
		}
		if r, err := c.Verify(t.Context(), s.mint(t, late), expected); err == nil {
			t.Errorf("used again %s later: %v", s.clock.Now().Sub(newClock().Now()), r)
		}
	}
}

func TestGenuineResultsThatAreNotApprovalsAreErrors(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	for _, o := range []outcome{
		{transaction: transaction, answer: protocol.Deny, status: protocol.StatusDenied},
		{transaction: transaction, answer: protocol.Report, status: protocol.StatusReported},
		{transaction: transaction, answer: protocol.Approve, status: protocol.StatusFailed, decision: func(d *protocol.Decision) { d.Number = "74" }},
		{transaction: transaction, answer: protocol.Deny, status: protocol.StatusExpired, result: func(r *protocol.Result) {
			r.Confirmation, r.Device, r.Evidence.Decision, r.Evidence.Salt, r.ACR, r.Level = nil, nil, "", "", "", ""
		}},
	} {
		r, err := c.Verify(t.Context(), s.mint(t, o), expected)
		var not *application.NotApprovedError
		if r != nil || !errors.As(err, &not) || not.Result.Status != o.status {
			t.Errorf("%s: got %v, %v", o.status, r, err)
		}
	}
}

func TestDishonestResultsAreRefused(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	other := newServer(t)
	change := func(f func(*protocol.Result)) string { o := approved(); o.result = f; return s.mint(t, o) }
	denied := approved()
	denied.answer = protocol.Deny
	genuine := s.mint(t, approved())
	challenge, _ := s.challenge(approved())
	for name, result := range map[string]string{
		"signed by another server":          other.mint(t, approved()),
		"for another application":           change(func(r *protocol.Result) { r.Audience = protocol.NewID[protocol.ApplicationID]() }),
		"of another tenant":                 change(func(r *protocol.Result) { r.Tenant = protocol.NewID[protocol.TenantID]() }),
		"of another issuer":                 change(func(r *protocol.Result) { r.Issuer = "https://other.example.com" }),
		"expired":                           change(func(r *protocol.Result) { r.IssuedAt, r.ExpiresAt = r.IssuedAt-200, r.ExpiresAt-200 }),
		"of the future":                     change(func(r *protocol.Result) { r.IssuedAt, r.ExpiresAt = r.IssuedAt+200, r.ExpiresAt+200 }),
		"approved with a signed deny":       s.mint(t, denied),
		"without the number's salt":         change(func(r *protocol.Result) { r.Evidence.Salt = "" }),
		"with another device's key":         change(func(r *protocol.Result) { r.Confirmation.JWK = newSigner().Public() }),
		"with a higher class than was met":  change(func(r *protocol.Result) { r.ACR = protocol.ACRNumberUser }),
		"with the challenge of another one": change(func(r *protocol.Result) { r.Challenge = protocol.NewID[protocol.ChallengeID]() }),
		"a cut one":                         genuine[:len(genuine)-1],
		"with another signature":            genuine[:len(genuine)-86] + strings.Repeat("A", 86),
		"not a JWS":                         "hello",
		"many dots":                         strings.Repeat(".", 1<<20),
		"a challenge in its place":          signed(t)(protocol.Sign(s.signer, challenge)),
	} {
		if r, err := c.Verify(t.Context(), result, expected); r != nil || err == nil {
			t.Errorf("%s: got %v, %v", name, r, err)
		}
	}
	if _, err := c.Verify(t.Context(), "", expected); problem.CodeOf(err) != problem.ResultWithheld {
		t.Errorf("withheld: %v", err)
	}
}

func TestKeysAreFetchedOnceAndAgainAfterARotation(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	verify := func() error { _, err := c.Verify(t.Context(), s.mint(t, approved()), expected); return err }
	for range 5 {
		if err := verify(); err != nil {
			t.Fatal(err)
		}
	}
	if s.fetched() != 1 {
		t.Errorf("fetched %d times for one key", s.fetched())
	}
	s.clock.Advance(11 * time.Second)
	s.rotate()
	if err := verify(); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
	if s.fetched() != 2 {
		t.Errorf("fetched %d times", s.fetched())
	}
	s.clock.Advance(6 * time.Minute) // the set is old
	if err := verify(); err != nil || s.fetched() != 3 {
		t.Errorf("%v, fetched %d times", err, s.fetched())
	}
}

func TestARetiredKeySignsNothingNew(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	before := s.mint(t, approved())
	s.clock.Advance(time.Second)
	old := s.rotate()
	if _, err := c.Verify(t.Context(), before, expected); err != nil {
		t.Errorf("signed before the rotation: %v", err)
	}
	s.signer = old // a stolen one
	s.clock.Advance(time.Second)
	if r, err := c.Verify(t.Context(), s.mint(t, approved()), expected); r != nil || err == nil {
		t.Errorf("signed after the rotation: %v, %v", r, err)
	}
}

func TestUnknownKeyIDsDoNotBecomeRequests(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	if _, err := c.Verify(t.Context(), s.mint(t, approved()), expected); err != nil {
		t.Fatal(err)
	}
	s.signer = newSigner() // signs, and is not published
	for range 50 {
		if _, err := c.Verify(t.Context(), s.mint(t, approved()), expected); err == nil {
			t.Fatal("a key that is not published was accepted")
		}
	}
	if s.fetched() > 2 {
		t.Errorf("fetched %d times", s.fetched())
	}
}

func TestKeysSurviveAShortOutageAndNotALongOne(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	if _, err := c.Verify(t.Context(), s.mint(t, approved()), expected); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.clock.Advance(30 * time.Minute)
	if _, err := c.Verify(t.Context(), s.mint(t, approved()), expected); err != nil {
		t.Errorf("after 30 minutes: %v", err)
	}
	s.clock.Advance(31 * time.Minute)
	for range 2 { // also inside the pause between two fetches
		if _, err := c.Verify(t.Context(), s.mint(t, approved()), expected); err == nil {
			t.Error("keys of an hour ago were used")
		}
	}
}

func TestAKeySetThatIsNotOneIsRefused(t *testing.T) {
	for name, body := range map[string]string{
		"empty set": `{"keys":[]}`, "not JSON": `<html>`, "no P-256 key": `{"keys":[{"kty":"OKP"}]}`, "a key of an unknown status": `{"keys":[` + withStatus(t, "paused") + `]}`, "huge": `{"keys":[` + strings.Repeat(" ", 100<<10) + `]}`,
	} {
		s := newServer(t)
		s.mux = http.NewServeMux()
		s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, body)
		})
		r, err := s.client(t).Verify(t.Context(), s.mint(t, approved()), expected)
		if r != nil || err == nil || !strings.Contains(err.Error(), "fetch the tenant's keys") {
			t.Errorf("%s: got %v, %v", name, r, err)
		}
	}
}

func TestT42_AWrongClockIsNamedInTheError(t *testing.T) {
	s := newServer(t)
	wrong := func(p *application.Params) { p.Now = func() time.Time { return s.clock.Now().Add(-24 * time.Hour) } }
	_, err := s.client(t, wrong).Verify(t.Context(), s.mint(t, approved()), expected)
	if err == nil || !strings.Contains(err.Error(), "differ by 24h0m0s") {
		t.Errorf("got %v", err)
	}
}

func TestAFailingMemoryRefuses(t *testing.T) {
	s := newServer(t)
	broken := func(p *application.Params) { p.Replay = failing{} }
	if r, err := s.client(t, broken).Verify(t.Context(), s.mint(t, approved()), expected); r != nil || !errors.Is(err, errBroken) {
		t.Errorf("got %v, %v", r, err)
	}
}

var errBroken = errors.New("broken")

type failing struct{}

func (failing) Use(context.Context, string, time.Time) (bool, error) { return true, errBroken }

func TestMemoryIsBoundedAndForgetsOnlyWhatIsOver(t *testing.T) {
	clock := newClock()
	m := application.NewMemory(2, clock.Now)
	use := func(key string, life time.Duration) (bool, error) {
		return m.Use(context.Background(), key, clock.Now().Add(life))
	}
	for _, key := range []string{"a", "b"} {
		if first, err := use(key, time.Minute); !first || err != nil {
			t.Fatalf("%s: %v, %v", key, first, err)
		}
	}
	if _, err := use("c", time.Minute); !errors.Is(err, application.ErrMemoryFull) {
		t.Errorf("over the limit: %v", err)
	}
	if first, _ := use("a", time.Minute); first {
		t.Error("a was forgotten")
	}
	clock.Advance(time.Minute)
	if first, err := use("c", time.Minute); !first || err != nil {
		t.Errorf("after a minute: %v, %v", first, err)
	}
}

// withStatus is a good key of an odd status.
func withStatus(t *testing.T, status string) string {
	t.Helper()
	jwk, err := newSigner().Public().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(jwk), "}") + `,"status":"` + status + `"}`
}
