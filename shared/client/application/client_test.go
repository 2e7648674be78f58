package application_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

const challengeID protocol.ChallengeID = "chl_Yb0k4mP2rT6vXz8AcEgIkA"

var request = application.ChallengeRequest{UserRef: user, Transaction: transaction, Action: protocol.Action{Kind: "sign_in"}}

// script answers requests to a path one after the other and records them; the last answer repeats.
type script struct {
	mu       sync.Mutex
	answers  []http.HandlerFunc
	requests []recorded
}

type recorded struct {
	method, uri, body string
	header            http.Header
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // a cut body shows in the comparison
	s.mu.Lock()
	s.requests = append(s.requests, recorded{r.Method, r.RequestURI, string(body), r.Header.Clone()})
	answer := s.answers[min(len(s.requests), len(s.answers))-1]
	s.mu.Unlock()
	answer(w, r)
}

func (s *script) seen() []recorded {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]recorded(nil), s.requests...)
}

func scripted(t *testing.T, answers ...http.HandlerFunc) (*server, *script) {
	t.Helper()
	srv, sc := newServer(t), &script{answers: answers}
	srv.mux.Handle("/", sc)
	return srv, sc
}

func answer(status int, body any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { reply(w, status, body) }
}

func answerProblem(code problem.Code, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { refuse(w, code, retryAfter) }
}

func answerRaw(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the client may be gone
	}
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func status(s protocol.Status) map[string]any {
	return map[string]any{"id": challengeID, "status": s, "user_ref": user, "transaction": transaction,
		"created_at": "2026-11-23T10:00:00Z", "expires_at": "2026-11-23T10:01:30Z", "member_of_a_newer_server": 1}
}

func created() map[string]any {
	c := status(protocol.StatusPending)
	c["match"], c["browser_token"] = map[string]any{"mode": "enter", "digits": 2, "number": "07"}, "nod_bt_x"
	return c
}

func TestCreateChallengeSendsWhatTheContractSays(t *testing.T) {
	s, sc := scripted(t, answer(http.StatusCreated, created()))
	got, err := s.client(t).CreateChallenge(t.Context(), application.ChallengeRequest{
		UserRef: user, Transaction: transaction, Action: protocol.Action{Kind: "sign_in"}, Context: application.Context{IP: "203.0.113.7"},
		Match: application.MatchRequest{Digits: 6}, Requirements: protocol.Requirements{UserVerification: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != challengeID || got.Match.Number != "07" || got.BrowserToken != "nod_bt_x" || got.ExpiresAt.IsZero() {
		t.Errorf("got %+v", got)
	}
	r := sc.seen()[0]
	want := `{"user_ref":"u-1842","transaction":"login-7f3a","action":{"kind":"sign_in"},"context":{"ip":"203.0.113.7"},"match":{"digits":6},"requirements":{"user_verification":true}}`
	if r.method != http.MethodPost || r.uri != "/v1/challenges" || r.body != want {
		t.Errorf("sent %s %s %s", r.method, r.uri, r.body)
	}
	if r.header.Get("Authorization") != "Bearer "+apiKey || r.header.Get("Content-Type") != "application/json" || r.header.Get("Idempotency-Key") == "" {
		t.Errorf("sent %v", r.header)
	}
}

func TestACreateIsRepeatedUnderOneIdempotencyKey(t *testing.T) {
	for name, failure := range map[string]http.HandlerFunc{
		"a lost answer":    hangUp,
		"a busy database":  answerProblem(problem.DatabaseBusy, "1"),
		"shutting down":    answerProblem(problem.ServerShuttingDown, ""),
		"a limit":          answerProblem(problem.RateLimited, "2"),
		"a fault":          answerProblem(problem.Internal, ""),
		"in progress":      answerProblem(problem.IdempotencyInProgress, ""),
		"a proxy's page":   answerRaw(http.StatusBadGateway, "text/html", "<html>"),
		"a proxy's limit":  answerRaw(http.StatusTooManyRequests, "text/plain", "slow down"),
		"an empty failure": answerRaw(http.StatusServiceUnavailable, "", ""),
	} {
		s, sc := scripted(t, failure, failure, answer(http.StatusCreated, created()))
		if _, err := s.client(t).CreateChallenge(t.Context(), request); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		keys := map[string]bool{}
		for _, r := range sc.seen() {
			keys[r.header.Get("Idempotency-Key")+r.body] = true
		}
		if len(sc.seen()) < 3 || len(keys) != 1 {
			t.Errorf("%s: %d requests with %d keys", name, len(sc.seen()), len(keys))
		}
	}
}

func TestRefusalsAreNotRepeated(t *testing.T) {
	for _, code := range []problem.Code{problem.Unauthorized, problem.ValidationFailed, problem.DeniedRecently, problem.UserLocked,
		problem.TooManyPending, problem.IdempotencyKeyReused, problem.StorageFull, "code_of_a_newer_server"} {
		p := problem.New(problem.TransactionInUse)
		p.Code = code
		s, sc := scripted(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(p.Status)
			_ = json.NewEncoder(w).Encode(p)
		})
		_, err := s.client(t).CreateChallenge(t.Context(), request)
		var got *problem.Problem
		if !errors.As(err, &got) || got.Code != code || got.RetryAfter != time.Minute {
			t.Errorf("%s: got %v", code, err)
		}
		if n := len(sc.seen()); n != 1 {
			t.Errorf("%s: sent %d times", code, n)
		}
	}
}

func TestRepeatingEnds(t *testing.T) {
	s, sc := scripted(t, answerProblem(problem.Internal, ""))
	if _, err := s.client(t).CreateChallenge(t.Context(), request); problem.CodeOf(err) != problem.Internal {
		t.Errorf("got %v", err)
	}
	if n := len(sc.seen()); n < 3 || n > 30 {
		t.Errorf("sent %d times", n)
	}
	s, sc = scripted(t, answerProblem(problem.RateLimited, "3600"))
	if _, err := s.client(t).CreateChallenge(t.Context(), request); problem.CodeOf(err) != problem.RateLimited || len(sc.seen()) != 1 {
		t.Errorf("an hour's limit: got %v after %d requests", err, len(sc.seen()))
	}
}

// A confirm code has one try, so a lost answer must not become a second one.
func TestConfirmIsSentOnce(t *testing.T) {
	s, sc := scripted(t, answerProblem(problem.DatabaseBusy, "1"))
	_, err := s.client(t).Confirm(t.Context(), "enr_6Yk1sXw0Qm2b9t3vZc8dEg", "204816")
	if problem.CodeOf(err) != problem.DatabaseBusy || len(sc.seen()) != 1 {
		t.Errorf("got %v after %d requests", err, len(sc.seen()))
	}
	if r := sc.seen()[0]; r.uri != "/v1/enrollments/enr_6Yk1sXw0Qm2b9t3vZc8dEg/confirm" || r.body != `{"code":"204816"}` {
		t.Errorf("sent %s %s", r.uri, r.body)
	}
}

func TestWaitAsksUntilTheStatusIsFinal(t *testing.T) {
	final := status(protocol.StatusApproved)
	final["result"], final["decided_at"] = "a.b.c", "2026-11-23T10:00:09Z"
	s, sc := scripted(t, answer(http.StatusOK, status(protocol.StatusPending)), hangUp, answerRaw(http.StatusBadGateway, "text/html", ""),
		answer(http.StatusOK, status(protocol.StatusPending)), answer(http.StatusOK, final))
	got, err := s.client(t).Wait(t.Context(), challengeID)
	if err != nil || got.Status != protocol.StatusApproved || got.Result != "a.b.c" || got.DecidedAt.IsZero() {
		t.Fatalf("got %+v, %v", got, err)
	}
	if r := sc.seen()[0]; r.uri != "/v1/challenges/"+string(challengeID)+"?wait=30" {
		t.Errorf("asked %s", r.uri)
	}
}

func TestWaitHonorsTheContext(t *testing.T) {
	asked := make(chan struct{}, 1)
	s, _ := scripted(t, func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := s.client(t).Wait(ctx, challengeID); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWaitGivesUpOnAChallengeThatIsGone(t *testing.T) {
	s, sc := scripted(t, answerProblem(problem.NotFound, ""))
	if _, err := s.client(t).Wait(t.Context(), challengeID); problem.CodeOf(err) != problem.NotFound || len(sc.seen()) != 1 {
		t.Errorf("got %v after %d requests", err, len(sc.seen()))
	}
}

func TestWaitEnrollmentReturnsWhatIsNew(t *testing.T) {
	at := func(s application.EnrollmentStatus) http.HandlerFunc {
		return answer(http.StatusOK, map[string]any{"id": "enr_6Yk1sXw0Qm2b9t3vZc8dEg", "status": s, "user_ref": user, "expires_at": "2026-11-23T10:05:00Z"})
	}
	s, sc := scripted(t, at("invited"), at("invited"), at("registered"))
	got, err := s.client(t).WaitEnrollment(t.Context(), "enr_6Yk1sXw0Qm2b9t3vZc8dEg", application.EnrollmentInvited)
	if err != nil || got.Status != application.EnrollmentRegistered || len(sc.seen()) != 3 {
		t.Fatalf("got %+v, %v after %d requests", got, err, len(sc.seen()))
	}
	if r := sc.seen()[0]; r.uri != "/v1/enrollments/enr_6Yk1sXw0Qm2b9t3vZc8dEg?status=invited&wait=30" {
		t.Errorf("asked %s", r.uri)
	}
	s, _ = scripted(t, at("failed"))
	if got, err := s.client(t).WaitEnrollment(t.Context(), "enr_x", application.EnrollmentFailed); err != nil || got.Status != application.EnrollmentFailed {
		t.Errorf("a final status: got %+v, %v", got, err)
	}
}

func TestTheOtherCalls(t *testing.T) {
	ctx := t.Context()
	const dev protocol.DeviceID = "dev_Yb0k4mP2rT6vXz8AcEgIkA"
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		call   func(*application.Client) (any, error)
		uri    string
		want   any
	}{
		"create enrollment": {
			answer(http.StatusCreated, map[string]any{"id": "enr_x", "status": "invited", "invitation_uri": "nod://enroll?x#t=y"}),
			func(c *application.Client) (any, error) {
				e, err := c.CreateEnrollment(ctx, application.EnrollmentRequest{UserRef: user})
				return e.InvitationURI, err
			}, "POST /v1/enrollments", "nod://enroll?x#t=y",
		},
		"challenge": {
			answer(http.StatusOK, status(protocol.StatusPending)),
			func(c *application.Client) (any, error) {
				ch, err := c.Challenge(ctx, challengeID)
				return ch.Status, err
			},
			"GET /v1/challenges/" + string(challengeID), protocol.StatusPending,
		},
		"cancel": {
			answer(http.StatusOK, status(protocol.StatusCanceled)),
			func(c *application.Client) (any, error) { ch, err := c.Cancel(ctx, challengeID); return ch.Status, err },
			"POST /v1/challenges/" + string(challengeID) + "/cancel", protocol.StatusCanceled,
		},
		"devices of an odd user_ref": {
			answer(http.StatusOK, map[string]any{"devices": []any{map[string]any{"id": dev, "levels": map[string]any{"approval": map[string]any{"level": "tee", "proven": true}}}}}),
			func(c *application.Client) (any, error) {
				d, err := c.Devices(ctx, "a/b?c#d%e")
				if err != nil || len(d) != 1 {
					return nil, err
				}
				return d[0].Levels.Approval, nil
			}, "GET /v1/users/a%2Fb%3Fc%23d%25e/devices", application.Level{Level: protocol.LevelTEE, Proven: true},
		},
		"remove device": {
			answerRaw(http.StatusNoContent, "", ""),
			func(c *application.Client) (any, error) { return nil, c.RemoveDevice(ctx, user, dev) },
			"DELETE /v1/users/u-1842/devices/" + string(dev), nil,
		},
		"audit events": {
			answer(http.StatusOK, map[string]any{"events": []any{map[string]any{"seq": 8, "type": "challenge.approved", "data": map[string]string{"a": "b"}}}}),
			func(c *application.Client) (any, error) {
				e, err := c.AuditEvents(ctx, 7, 50)
				if err != nil || len(e) != 1 {
					return nil, err
				}
				return e[0].Seq, nil
			}, "GET /v1/audit-events?after=7&limit=50", int64(8),
		},
	} {
		s, sc := scripted(t, c.answer)
		got, err := c.call(s.client(t))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
		if r := sc.seen()[0]; r.method+" "+r.uri != c.uri {
			t.Errorf("%s: sent %s %s", name, r.method, r.uri)
		}
	}
}

func TestAnswersThatAreNotNodsAreErrors(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirect was followed, with %q", r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	for name, handler := range map[string]http.HandlerFunc{
		"another media type": answerRaw(http.StatusOK, "text/html", `{"status":"approved"}`),
		"no media type": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			w.WriteHeader(http.StatusOK)
		},
		"not JSON":                           answerRaw(http.StatusOK, "application/json", `approved`),
		"no content":                         answerRaw(http.StatusNoContent, "application/json", ``),
		"a huge body":                        answerRaw(http.StatusOK, "application/json", `{"status":"approved","x":"`+strings.Repeat("x", 2<<20)+`"}`),
		"a problem that is not sound":        answerRaw(http.StatusNotFound, problem.ContentType, `{"code":"not_found","status":200}`),
		"a problem of another status":        answerRaw(http.StatusNotFound, problem.ContentType, `{"code":"unauthorized","status":401}`),
		"a huge problem":                     answerRaw(http.StatusNotFound, problem.ContentType, `{"code":"not_found","status":404,"detail":"`+strings.Repeat("x", 1<<20)+`"}`),
		"a problem without its content type": answerRaw(http.StatusNotFound, "application/json", `{"code":"not_found","status":404}`),
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		},
	} {
		s, _ := scripted(t, handler)
		got, err := s.client(t).Challenge(t.Context(), challengeID)
		var unexpected *application.UnexpectedAnswer
		if got.Status == protocol.StatusApproved && err == nil || !errors.As(err, &unexpected) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestACutAnswerIsAnError(t *testing.T) {
	s, _ := scripted(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"status":"approved"}`)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	if got, err := s.client(t).Challenge(t.Context(), challengeID); err == nil {
		t.Errorf("got %+v", got)
	}
}

func TestNoErrorHoldsTheKeyOrTheUser(t *testing.T) {
	s, _ := scripted(t, hangUp)
	c := s.client(t)
	_, listed := c.Devices(t.Context(), "canary-user")
	_, confirmed := c.Confirm(t.Context(), "enr_x", "canary-code")
	s.Close()
	_, gone := c.CreateChallenge(t.Context(), application.ChallengeRequest{UserRef: "canary-user"})
	for _, err := range []error{listed, confirmed, gone} {
		if err == nil || strings.Contains(err.Error(), "canary-code") || strings.Contains(err.Error(), "canary-key") {
			t.Errorf("got %v", err)
		}
	}
}

// T12: the API key and the result never travel in the clear.
func TestT12_OnlySafeAddressesAreTaken(t *testing.T) {
	for url, good := range map[string]bool{
		"https://nod.example.com":        true,
		"https://nod.example.com/":       true,
		"http://127.0.0.1:8080":          true,
		"http://[::1]:8080":              true,
		"http://localhost:8080":          true,
		"http://nod.example.com":         false,
		"http://127.0.0.1.example.com":   false,
		"http://localhost.example.com":   false,
		"https://user@nod.example.com":   false,
		"https://nod.example.com/v1":     false,
		"https://nod.example.com?x=1":    false,
		"https://nod.example.com#x":      false,
		"ftp://nod.example.com":          false,
		"nod.example.com":                false,
		"//nod.example.com":              false,
		"https://":                       false,
		"":                               false,
		"https://nod.example.com\r\nx:1": false,
	} {
		_, err := application.New(application.Params{URL: url, Key: apiKey, Tenant: protocol.NewID[protocol.TenantID](), Application: protocol.NewID[protocol.ApplicationID]()})
		if (err == nil) != good {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestMissingParametersAreNamed(t *testing.T) {
	full := application.Params{URL: "https://nod.example.com", Key: apiKey, Tenant: protocol.NewID[protocol.TenantID](), Application: protocol.NewID[protocol.ApplicationID]()}
	for name, change := range map[string]func(*application.Params){
		"API key": func(p *application.Params) { p.Key = "" }, "tenant": func(p *application.Params) { p.Tenant = "default" },
		"application": func(p *application.Params) { p.Application = "" }, "issuer": func(p *application.Params) { p.Issuer = "http://x.example.com" },
	} {
		p := full
		change(&p)
		if _, err := application.New(p); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
