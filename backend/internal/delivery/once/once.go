// Package once makes one call of a push library exactly one HTTP exchange and keeps the raw answer.
//
// Libraries retry on their own, hide the Retry-After header, and put addresses into their errors. The outbox already
// retries, with leases and within a challenge's life, so a library's second try would be a second notification. The
// transport here sends the first request of a call, stores status, header and body for the caller to judge, and fails
// every further request of the same call without sending it.
package once

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
)

// maxBody bounds the answer of a push service; theirs are under 2 KiB.
const maxBody = 64 << 10

var errAgain = errors.New("once: a call is one exchange")

type key struct{}

// Call is one call of a library. Read its fields after the library has returned.
type Call struct {
	Sent   bool        // a request was handed to the network
	Status int         // zero when no answer came
	Header http.Header // of the answer
	Body   []byte      // of the answer, at most 64 KiB
	Err    error       // of the network, when no answer came. It may hold the URL: classify it, never show it

	cancel context.CancelFunc
}

// Start begins a call. Give the context to the library. The returned function releases it.
func Start(ctx context.Context) (context.Context, *Call, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	call := &Call{cancel: cancel}
	return context.WithValue(ctx, key{}, call), call, cancel
}

// Transport is the round tripper to build the library's HTTP client on. Requests whose context has no [Call], such as
// the fetching of an access token, pass through unchanged.
type Transport struct{ Base http.RoundTripper }

// RoundTrip sends the first request of a call. After a failure it cancels the call's context, which ends a library's
// wait before its next try.
func (t Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	call, ok := request.Context().Value(key{}).(*Call)
	if !ok {
		return t.Base.RoundTrip(request)
	}
	if call.Sent {
		return nil, errAgain
	}
	call.Sent = true
	response, err := t.Base.RoundTrip(request)
	if err != nil {
		call.Err = err
		call.cancel()
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	_ = response.Body.Close()
	if err != nil {
		call.Err = err
		call.cancel()
		return nil, err
	}
	call.Status, call.Header, call.Body = response.StatusCode, response.Header, body
	response.Body = io.NopCloser(bytes.NewReader(body))
	if response.StatusCode >= http.StatusInternalServerError || response.StatusCode == http.StatusTooManyRequests {
		call.cancel()
	}
	return response, nil
}
