// Package fcm sends wake-ups through Firebase Cloud Messaging, HTTP v1, with Google's own library.
//
// It owns the shape of the message (data only, high priority, time to live), the access token of one service account,
// and the reading of Google's answers. It leaves retries to the outbox and the content to package delivery. Sources:
// the "FCM v1 HTTP API" reference and "FCM error codes" in Google's documentation.
//
// The library and what it needs make a binary some 20 MB larger, so nothing but a build with the tag fcm imports this
// package.
//
// Invariants: one exchange for each call (the library's own retries are cut off); no address in any result.
package fcm

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	firebase "firebase.google.com/go/v4"
	"firebase.google.com/go/v4/messaging"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"google.golang.org/api/option"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/delivery/once"
)

const (
	scope = "https://www.googleapis.com/auth/firebase.messaging"
	// quotaPause is what Google asks for when a 429 names no time ("FCM error codes", QUOTA_EXCEEDED).
	quotaPause   = time.Minute
	tokenTimeout = 10 * time.Second
)

// Params are the credentials of one Firebase project.
type Params struct {
	// ServiceAccount is the content of the JSON key file of an account that may send messages.
	ServiceAccount []byte
	// Endpoint overrides Google's, for a fake: "https://127.0.0.1:1234/v1".
	Endpoint string
	// Roots are the system's when nil.
	Roots *x509.CertPool
}

// Client sends messages of one project. It is safe for concurrent use.
type Client struct{ messages *messaging.Client }

// New reads the credentials and returns a client. It makes no connection. The error never repeats the key.
func New(p Params) (*Client, error) {
	var account struct {
		ProjectID string `json:"project_id"`
	}
	config, err := google.JWTConfigFromJSON(p.ServiceAccount, scope)
	if err != nil || json.Unmarshal(p.ServiceAccount, &account) != nil || account.ProjectID == "" {
		return nil, errors.New("the FCM credentials are not the JSON key of a service account")
	}
	base := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, IdleConnTimeout: 90 * time.Second, MaxIdleConnsPerHost: 16,
		TLSHandshakeTimeout: tokenTimeout, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: p.Roots},
	}
	background := context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Transport: base, Timeout: tokenTimeout})
	client := &http.Client{Transport: once.Transport{Base: &oauth2.Transport{Source: config.TokenSource(background), Base: base}}}
	options := []option.ClientOption{option.WithHTTPClient(client)}
	if p.Endpoint != "" {
		options = append(options, option.WithEndpoint(p.Endpoint))
	}
	app, err := firebase.NewApp(background, &firebase.Config{ProjectID: account.ProjectID}, options...)
	if err != nil {
		return nil, errors.New("the Firebase library refuses the configuration")
	}
	messages, err := app.Messaging(background)
	if err != nil {
		return nil, errors.New("the Firebase library refuses the configuration")
	}
	return &Client{messages}, nil
}

// Send makes one attempt. See [delivery.Sender].
func (c *Client) Send(ctx context.Context, to delivery.Address, w delivery.Wakeup) delivery.Result {
	return c.Push(ctx, Push{Kind: to.Kind, Value: to.Value, TTL: w.TTL(time.Now()), Data: delivery.FCMData(w)})
}

// Push is one data message.
type Push struct {
	Kind  string // delivery.KindFID or delivery.KindToken
	Value string
	TTL   time.Duration // Google keeps the message no longer
	Data  map[string]string
}

// Push sends one data message with high priority, which wakes a dozing phone.
func (c *Client) Push(ctx context.Context, p Push) delivery.Result {
	message := &messaging.Message{
		Data:    p.Data,
		Android: &messaging.AndroidConfig{Priority: "high", TTL: &p.TTL},
	}
	if p.Kind == delivery.KindFID {
		message.Fid = p.Value
	} else {
		message.Token = p.Value //nolint:staticcheck // addresses of older apps are tokens; Google still takes them
	}
	ctx, call, done := once.Start(ctx)
	defer done()
	id, _ := c.messages.Send(ctx, message) // the raw answer says more than the library's error
	switch {
	case !call.Sent:
		return delivery.Result{Outcome: delivery.OutcomeConfigError, Code: delivery.CodeBadAddress}
	case call.Status == 0:
		return unanswered(call.Err)
	case call.Status == http.StatusOK:
		return delivery.Result{Outcome: delivery.OutcomeSent, MessageID: id}
	}
	return classify(call)
}

func unanswered(err error) delivery.Result {
	var token *oauth2.RetrieveError
	if errors.As(err, &token) {
		return tokenRefused(token)
	}
	result := delivery.Result{Outcome: delivery.OutcomeRetry, Code: delivery.CodeUnreachable, ServiceFault: true}
	var timeout interface{ Timeout() bool }
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		result.Code = delivery.CodeTimeout
	}
	return result
}

// tokenRefused reads the answer of Google's token address (RFC 6749 section 5.2).
func tokenRefused(err *oauth2.RetrieveError) delivery.Result {
	result := delivery.Result{Outcome: delivery.OutcomeConfigError, Code: "oauth_failed", ServiceFault: true}
	var document struct {
		Error string `json:"error"`
	}
	// The library fills ErrorCode for other grants only; the body is there for all.
	if json.Unmarshal(err.Body, &document) == nil && document.Error == "invalid_grant" {
		result.Code = "oauth_invalid_grant"
	}
	if err.Response == nil || err.Response.StatusCode >= http.StatusInternalServerError || err.Response.StatusCode == http.StatusTooManyRequests {
		result.Outcome = delivery.OutcomeRetry
	}
	return result
}

// answer is Google's error document.
type answer struct {
	Error struct {
		Status  string `json:"status"`
		Details []struct {
			Type string `json:"@type"`
			Code string `json:"errorCode"`
		} `json:"details"`
	} `json:"error"`
}

// code is FCM's own word where there is one, else the word of Google's platform.
func code(body []byte) (word string, specific bool) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return "", false
	}
	for _, detail := range a.Error.Details {
		if detail.Type == "type.googleapis.com/google.firebase.fcm.v1.FcmError" && detail.Code != "" {
			return detail.Code, true
		}
	}
	return a.Error.Status, false
}

func classify(call *once.Call) delivery.Result {
	word, specific := code(call.Body)
	result := delivery.Result{
		Outcome: delivery.OutcomeConfigError, Code: word,
		RetryAfter: delivery.ParseRetryAfter(call.Header.Get("Retry-After"), time.Now()),
	}
	if word == "" {
		result.Code = fmt.Sprintf("status_%d", call.Status)
	}
	switch {
	case specific && word == "UNREGISTERED":
		result.Outcome = delivery.OutcomeAddressDead
	case call.Status == http.StatusTooManyRequests:
		result.Outcome, result.ServiceFault = delivery.OutcomeRetry, true
		if result.RetryAfter == 0 {
			result.RetryAfter = quotaPause
		}
	case call.Status >= http.StatusInternalServerError:
		result.Outcome, result.ServiceFault = delivery.OutcomeRetry, true
	case call.Status == http.StatusUnauthorized, call.Status == http.StatusForbidden, call.Status == http.StatusNotFound:
		result.ServiceFault = !specific // the account or the project is wrong for every device
	}
	return result
}
