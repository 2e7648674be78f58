// Package apns sends wake-ups through Apple's push service with a provider token (.p8 key).
//
// It owns the request headers, the cached connection and token of one key, and the reading of Apple's answers. It
// leaves retries to the outbox and the payload to package delivery. Sources: "Sending notification requests to APNs",
// "Handling notification responses from APNs", "Establishing a token-based connection to APNs" in Apple's
// documentation.
//
// Invariants: one [Client] a key, because Apple limits how often a key's token is renewed; production unless the
// caller says sandbox; no address or token in any result.
package apns

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sideshow/apns2"
	"github.com/sideshow/apns2/token"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/delivery/once"
)

// Connection settings.
const (
	pingAfter   = 15 * time.Second // a connection that is silent so long is checked before it is trusted
	pingTimeout = 5 * time.Second
	// minTokenAge is how old a token must be before Apple's "expired" is believed. A younger one means that our clock
	// is wrong, and Apple punishes tokens that are renewed more than once in 20 minutes.
	minTokenAge = 20 * time.Minute
)

// Params are the credentials of one key. KeyP8, KeyID and TeamID are required.
type Params struct {
	KeyP8   []byte // content of the AuthKey_*.p8 file that Apple gave
	KeyID   string // 10 characters, in the name of that file
	TeamID  string // 10 characters, from the membership page
	Sandbox bool   // development builds only
	// Host overrides Apple's, for a fake: "https://127.0.0.1:1234".
	Host string
	// Roots are the system's when nil.
	Roots *x509.CertPool
}

// Client is the cached connection and token of one key. It is safe for concurrent use.
type Client struct {
	client *apns2.Client
	token  *token.Token
}

// New reads the key and returns a client. It makes no connection. The error never repeats the key.
func New(p Params) (*Client, error) {
	key, err := token.AuthKeyFromBytes(p.KeyP8)
	if err != nil {
		return nil, errors.New("the APNs key is not a .p8 file from Apple")
	}
	if p.KeyID == "" || p.TeamID == "" {
		return nil, errors.New("APNs needs a key id and a team id")
	}
	host := p.Host
	switch {
	case host != "":
	case p.Sandbox:
		host = apns2.HostDevelopment
	default:
		host = apns2.HostProduction // the library's default is the sandbox
	}
	provider := &token.Token{AuthKey: key, KeyID: p.KeyID, TeamID: p.TeamID}
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true) // Apple speaks nothing else
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, Protocols: protocols, TLSHandshakeTimeout: pingTimeout,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: p.Roots},
		HTTP2:           &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	}
	return &Client{
		token:  provider,
		client: &apns2.Client{Host: host, Token: provider, HTTPClient: &http.Client{Transport: once.Transport{Base: transport}}},
	}, nil
}

// App returns the sender for one app.
func (c *Client) App(bundleID string) delivery.Sender { return &sender{c, bundleID} }

type sender struct {
	client *Client
	topic  string
}

// Send makes one attempt. See [delivery.Sender].
func (s *sender) Send(ctx context.Context, to delivery.Address, w delivery.Wakeup) delivery.Result {
	return s.client.Push(ctx, Push{
		Token: to.Value, Topic: s.topic, CollapseID: w.CollapseID(), Expires: w.ExpiresAt, Payload: delivery.APNsPayload(w),
	})
}

// Push is one notification with its headers.
type Push struct {
	Token      string    // hexadecimal
	Topic      string    // bundle id
	CollapseID string    // at most 64 bytes
	Expires    time.Time // Apple keeps the push no longer
	Payload    []byte    // at most 4096 bytes
}

// Push sends one notification that the user sees at once.
func (c *Client) Push(ctx context.Context, p Push) delivery.Result {
	ctx, call, done := once.Start(ctx)
	defer done()
	response, err := c.client.PushWithContext(ctx, &apns2.Notification{
		DeviceToken: p.Token, Topic: p.Topic, CollapseID: p.CollapseID, Expiration: p.Expires, Payload: p.Payload,
		Priority: apns2.PriorityHigh, PushType: apns2.PushTypeAlert,
	})
	if err != nil && call.Status == 0 {
		return unanswered(ctx, call)
	}
	if call.Status == http.StatusOK {
		return delivery.Result{Outcome: delivery.OutcomeSent, MessageID: call.Header.Get("apns-id")}
	}
	reason := ""
	if response != nil {
		reason = response.Reason
	}
	return c.classify(call, reason)
}

func unanswered(ctx context.Context, call *once.Call) delivery.Result {
	result := delivery.Result{Outcome: delivery.OutcomeRetry, Code: delivery.CodeUnreachable, ServiceFault: true}
	switch {
	case !call.Sent: // the library refused to build a request from what is stored
		return delivery.Result{Outcome: delivery.OutcomeConfigError, Code: delivery.CodeBadAddress}
	case errors.Is(call.Err, context.DeadlineExceeded), errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		result.Code = delivery.CodeTimeout
	}
	return result
}

// classify reads an answer other than 200.
func (c *Client) classify(call *once.Call, reason string) delivery.Result {
	result := delivery.Result{
		Outcome: delivery.OutcomeConfigError, Code: reason,
		RetryAfter: delivery.ParseRetryAfter(call.Header.Get("Retry-After"), time.Now()),
	}
	if reason == "" {
		result.Code = fmt.Sprintf("status_%d", call.Status)
	}
	switch {
	case call.Status == http.StatusGone:
		result.Outcome, result.DeadSince = delivery.OutcomeAddressDead, deadSince(call.Body)
	case call.Status == http.StatusTooManyRequests:
		result.Outcome, result.ServiceFault = delivery.OutcomeRetry, reason != apns2.ReasonTooManyRequests
	case call.Status >= http.StatusInternalServerError:
		result.Outcome, result.ServiceFault = delivery.OutcomeRetry, true
	case reason == apns2.ReasonExpiredProviderToken && c.renew():
		result.Outcome = delivery.OutcomeRetry
	case call.Status == http.StatusForbidden:
		result.ServiceFault = true // the key is wrong for every device
	}
	return result
}

// deadSince reads the time, in milliseconds, at which Apple saw the token die.
func deadSince(body []byte) time.Time {
	var answer struct {
		Timestamp int64 `json:"timestamp"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Timestamp <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(answer.Timestamp).UTC()
}

// renew drops the cached token if it is old enough to have expired, or if the clock went back since it was made.
func (c *Client) renew() bool {
	c.token.Lock()
	defer c.token.Unlock()
	age := time.Since(time.Unix(c.token.IssuedAt, 0))
	if age >= 0 && age < minTokenAge {
		return false
	}
	c.token.IssuedAt = 0
	return true
}
