package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/nod-auth/nod/backend/internal/guard"
)

// Outcome says what an attempt means.
type Outcome string

// The outcomes of an attempt.
const (
	Delivered Outcome = "delivered" // any 2xx
	Retry     Outcome = "retry"     // try again by NextAttempt
	Disabled  Outcome = "disabled"  // 410: the endpoint wants no more; stop and tell the operator
	Refused   Outcome = "refused"   // the URL may not be called (T21): a configuration error
)

// Result is what one attempt gave. It holds neither the URL nor a key.
type Result struct {
	Outcome    Outcome
	Code       string // "status_503", "timeout", "unreachable", "destination_refused"
	RetryAfter time.Duration
}

// maxRetryAfter bounds what an endpoint may ask for.
const maxRetryAfter = 24 * time.Hour

// Endpoint is where an integrator receives events.
type Endpoint struct {
	URL  string
	Keys Keyring
}

// Event is what is sent: the id that stays the same over all attempts, and the JSON body.
type Event struct {
	ID   string
	Body []byte
}

// Doer sends a request to a URL that a customer supplied. Give it [guard.Client]; a bare http.Client opens T21.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Sender makes attempts. It is safe for concurrent use.
type Sender struct {
	client Doer
	agent  string
	now    func() time.Time
}

// NewSender returns a sender. The agent names the software in User-Agent.
func NewSender(client Doer, agent string, now func() time.Time) *Sender {
	return &Sender{client, agent, now}
}

// Send makes one attempt.
func (s *Sender) Send(ctx context.Context, to Endpoint, event Event) Result {
	now := s.now()
	headers, err := Sign(to.Keys.Valid(now), event.ID, now, event.Body)
	if err != nil {
		return Result{Outcome: Refused, Code: "no_key"}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(event.Body))
	if err != nil {
		return Result{Outcome: Refused, Code: "destination_refused"}
	}
	request.Header = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {s.agent}, "Webhook-Id": {headers.ID},
		"Webhook-Timestamp": {headers.Timestamp}, "Webhook-Signature": {headers.Signature},
	}
	response, err := s.client.Do(request)
	switch {
	case errors.Is(err, guard.ErrRefused):
		return Result{Outcome: Refused, Code: "destination_refused"}
	case errors.Is(err, guard.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return Result{Outcome: Retry, Code: "timeout"}
	case err != nil:
		return Result{Outcome: Retry, Code: "unreachable"}
	}
	_, _ = io.Copy(io.Discard, response.Body) // lets the connection be used again; the client caps it
	_ = response.Body.Close()
	return classify(response)
}

func classify(response *http.Response) Result {
	result := Result{Outcome: Retry, Code: fmt.Sprintf("status_%d", response.StatusCode)}
	switch status := response.StatusCode; {
	case status >= 200 && status < 300:
		return Result{Outcome: Delivered}
	case status == http.StatusGone:
		result.Outcome = Disabled
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable, status == http.StatusBadGateway, status == http.StatusGatewayTimeout:
		// Seconds only: a date would trust the endpoint's clock.
		if seconds, err := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 32); err == nil {
			result.RetryAfter = min(time.Duration(seconds)*time.Second, maxRetryAfter)
		}
	}
	return result
}
