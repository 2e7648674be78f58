package delivery

import (
	"context"
	"time"
)

// Outcome says what an attempt means for the job.
type Outcome string

// The outcomes. Only OutcomeRetry leaves the job open.
const (
	OutcomeSent        Outcome = "sent"         // the service accepted the wake-up; that is not proof that the device got it
	OutcomeRetry       Outcome = "retry"        // try again, not before RetryAfter
	OutcomeAddressDead Outcome = "address_dead" // the service says that this address is gone
	OutcomeConfigError Outcome = "config_error" // our credentials or our request are wrong; the address may be fine
	OutcomeExpired     Outcome = "expired"      // the challenge's life ended before an attempt worked
)

// Result is what one attempt gave. It never holds an address, a credential or a payload.
type Result struct {
	Outcome Outcome
	// Code is the service's own word, such as "BadDeviceToken", or one of the Code constants. See [Explain].
	Code string
	// RetryAfter is how long the service asked us to wait. Zero: it did not say.
	RetryAfter time.Duration
	// DeadSince is when the service saw the address die. An address that was registered later is alive and must
	// stay. Zero: the service did not say, and the address as it was when the attempt began is meant.
	DeadSince time.Time
	// ServiceFault says that the service, not this address, is in trouble. It counts for the [Breaker].
	ServiceFault bool
	// MessageID is the service's name for the accepted wake-up, for its support desk.
	MessageID string
}

// Codes of our own, beside those of the services.
const (
	CodeTimeout       = "timeout"
	CodeUnreachable   = "unreachable"
	CodeRefused       = "destination_refused"
	CodeNoCredentials = "no_credentials"
	CodeBadAddress    = "bad_address"
	CodeBadWakeup     = "bad_wakeup"
	CodeBreakerOpen   = "breaker_open"
	CodeExpired       = "challenge_over"
	CodePanic         = "panic"
)

// Sender sends wake-ups over one channel with one set of credentials. It makes one attempt, honors the context, keeps
// no state about devices, and is safe for concurrent use. It never returns a Result that holds a secret.
type Sender interface {
	Send(ctx context.Context, to Address, w Wakeup) Result
}

// Senders finds the credentials for an address by channel and brand. Fill it before use; it is not changed later.
type Senders struct {
	byApp    map[senderKey]Sender
	fallback map[Channel]Sender
}

type senderKey struct {
	channel Channel
	app     string
}

// Add registers a sender for a channel and an app (bundle id or package name). An empty app makes it the one for
// every address that names no app. APNs and FCM credentials belong to one app, so an address that names another app
// finds nothing there; that is a configuration error which must be seen, not a reason to send with a wrong key.
func (s *Senders) Add(channel Channel, app string, sender Sender) {
	if app == "" {
		if s.fallback == nil {
			s.fallback = map[Channel]Sender{}
		}
		s.fallback[channel] = sender
		return
	}
	if s.byApp == nil {
		s.byApp = map[senderKey]Sender{}
	}
	s.byApp[senderKey{channel, app}] = sender
}

// Find returns the sender for an address. WebPush and webhooks use one identity for every brand. An APNs sender is of
// one environment as well, so Add takes [APNsApp] for it.
func (s *Senders) Find(to Address) (Sender, bool) {
	app := to.App
	if to.Channel == APNs {
		app = APNsApp(to.App, to.Kind)
	}
	if sender, ok := s.byApp[senderKey{to.Channel, app}]; ok {
		return sender, true
	}
	if to.Channel == APNs || to.Channel == FCM && to.App != "" {
		return nil, false
	}
	sender, ok := s.fallback[to.Channel]
	return sender, ok
}

// APNsApp is the name under which the sender of a bundle id and an environment is registered.
func APNsApp(bundle, environment string) string { return environment + ":" + bundle }
