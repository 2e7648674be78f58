// Package webpush sends wake-ups to WebPush subscriptions: UnifiedPush distributors, browsers' push services, and
// nod-relay. It needs no account anywhere.
//
// It owns the request (RFC 8030), the encryption to the receiver's key (RFC 8291 over RFC 8188), the signature of the
// server (VAPID, RFC 8292), and the reading of the answer. It leaves the check of where an endpoint leads to the
// guarded client it is given (T21), retries to the outbox and the content to package delivery.
//
// Invariants: the push service sees the collapse id, the time to live and the origin of this server's contact, and
// nothing of the content; every body has the same size.
package webpush

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/guard"
)

// tokenLife is how long a VAPID token is valid. RFC 8292 section 2 allows 24 hours at most.
const tokenLife = 12 * time.Hour

// Doer sends a request to a URL that a device supplied. Give it [guard.Client]; a bare http.Client opens T21.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Params configures the sender. All are required except Now.
type Params struct {
	// Key is the VAPID key, P-256. Subscriptions are bound to it: losing it ends them all.
	Key *ecdsa.PrivateKey
	// Contact is a mailto: or https: URI, where a push service reaches the operator (RFC 8292 section 2.1).
	Contact string
	Client  Doer
	Now     func() time.Time
}

// Sender sends wake-ups. It is safe for concurrent use.
type Sender struct {
	p         Params
	signer    jose.Signer
	publicKey string
}

// New checks the parameters and returns a sender.
func New(p Params) (*Sender, error) {
	if p.Client == nil || p.Key == nil {
		return nil, errors.New("webpush needs a client and a VAPID key")
	}
	if !strings.HasPrefix(p.Contact, "mailto:") && !strings.HasPrefix(p.Contact, "https://") {
		return nil, errors.New("the VAPID contact is a mailto: or https: URI")
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	public, err := p.Key.PublicKey.ECDH()
	if err != nil || len(public.Bytes()) != pointSize {
		return nil, errors.New("the VAPID key is not a P-256 key")
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.Key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, errors.New("the VAPID key is not a P-256 key")
	}
	return &Sender{p: p, signer: signer, publicKey: base64.RawURLEncoding.EncodeToString(public.Bytes())}, nil
}

// PublicKey is the VAPID public key in base64url, which an app needs to subscribe ("applicationServerKey").
func (s *Sender) PublicKey() string { return s.publicKey }

// Send makes one attempt. See [delivery.Sender].
func (s *Sender) Send(ctx context.Context, to delivery.Address, w delivery.Wakeup) delivery.Result {
	request, err := s.request(ctx, to, w)
	if err != nil {
		return delivery.Result{Outcome: delivery.OutcomeConfigError, Code: delivery.CodeBadAddress}
	}
	response, err := s.p.Client.Do(request)
	switch {
	case errors.Is(err, guard.ErrRefused):
		return delivery.Result{Outcome: delivery.OutcomeConfigError, Code: delivery.CodeRefused}
	case errors.Is(err, guard.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return delivery.Result{Outcome: delivery.OutcomeRetry, Code: delivery.CodeTimeout, ServiceFault: true}
	case err != nil:
		return delivery.Result{Outcome: delivery.OutcomeRetry, Code: delivery.CodeUnreachable, ServiceFault: true}
	}
	// The body is of no use, but reading it lets the connection be used again. The client caps it.
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return s.classify(response)
}

func (s *Sender) request(ctx context.Context, to delivery.Address, w delivery.Wakeup) (*http.Request, error) {
	body, err := seal(delivery.WebPushPayload(w), to.P256DH, to.Auth, paddedSize)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.Value, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("endpoint is not a URL") // the cause repeats it
	}
	token, err := s.token(request.URL)
	if err != nil {
		return nil, err
	}
	request.Header = http.Header{
		"Authorization":    {"vapid t=" + token + ", k=" + s.publicKey}, // RFC 8292 section 3
		"Content-Encoding": {"aes128gcm"},
		"Content-Type":     {"application/octet-stream"},
		"Ttl":              {strconv.Itoa(int(w.TTL(s.p.Now()).Seconds()))}, // RFC 8030 section 5.2
		"Urgency":          {"high"},                                        // section 5.3
		"Topic":            {w.CollapseID()},                                // section 5.4
	}
	return request, nil
}

func (s *Sender) token(endpoint *url.URL) (string, error) {
	return jwt.Signed(s.signer).Claims(jwt.Claims{
		Audience: jwt.Audience{endpoint.Scheme + "://" + endpoint.Host},
		Expiry:   jwt.NewNumericDate(s.p.Now().Add(tokenLife)),
		Subject:  s.p.Contact,
	}).Serialize()
}

// classify reads an answer (RFC 8030 sections 5 and 7.3).
func (s *Sender) classify(response *http.Response) delivery.Result {
	result := delivery.Result{
		Outcome: delivery.OutcomeConfigError, Code: fmt.Sprintf("status_%d", response.StatusCode),
		RetryAfter: delivery.ParseRetryAfter(response.Header.Get("Retry-After"), s.p.Now()),
	}
	switch status := response.StatusCode; {
	case status >= 200 && status < 300:
		return delivery.Result{Outcome: delivery.OutcomeSent}
	case status >= 300 && status < 400:
		result.Code = delivery.CodeRefused
	case status == http.StatusNotFound, status == http.StatusGone:
		result.Outcome = delivery.OutcomeAddressDead
	case status == http.StatusTooManyRequests:
		result.Outcome = delivery.OutcomeRetry // a push service limits each subscription by itself
	case status >= 500, status == http.StatusRequestTimeout:
		result.Outcome, result.ServiceFault = delivery.OutcomeRetry, true
	}
	return result
}
