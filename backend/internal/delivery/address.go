package delivery

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/nod-auth/nod/shared/protocol"
)

// Channel names a way to reach a device.
type Channel string

// The channels that go through the outbox. The open event stream is not one of them.
const (
	APNs    Channel = "apns"    // Apple Push Notification service
	FCM     Channel = "fcm"     // Firebase Cloud Messaging, HTTP v1
	WebPush Channel = "webpush" // RFC 8030, also UnifiedPush and nod-relay
	Webhook Channel = "webhook" // a signed push.requested event; the integrator sends the push
)

// Channels lists every channel that goes through the outbox.
func Channels() []Channel { return []Channel{APNs, FCM, WebPush, Webhook} }

// The kinds of address (protocol.PushAddress). FCM is replacing registration tokens by installation ids, and a token of
// Apple's sandbox means nothing in production, so a channel alone does not say how to read the value.
const (
	KindProduction = "production" // apns: token of an app from TestFlight or the store
	KindSandbox    = "sandbox"    // apns: token of a development build
	KindToken      = "token"      // fcm: registration token
	KindFID        = "fid"        // fcm: Firebase installation id
)

// Limits of an address. They bound what one device can make the server store and send.
const (
	maxValue     = 2048
	maxApp       = 255
	p256dhLength = 65 // uncompressed P-256 point, RFC 8291 section 3.1
	authLength   = 16 // RFC 8291 section 3.2
)

// ErrAddress says that an address can't be used on its channel. The text around it is safe to show.
var ErrAddress = errors.New("push address is not usable")

// Address is where one device is reached. It is a capability: never log it, never put it into an error.
type Address struct {
	Channel Channel
	Kind    string // one of the kinds; empty for webpush and webhook
	// Value is a device token (apns: hexadecimal), a registration, an endpoint URL, or for webhook the device's id.
	Value string
	// App chooses the credentials: the bundle id or package name of the brand's app, or the webhook endpoint's id.
	App    string
	P256DH []byte // webpush only: the receiver's public key, uncompressed
	Auth   []byte // webpush only: the authentication secret
}

// FromProtocol reads the address that a device sent. The error wraps [ErrAddress].
func FromProtocol(p protocol.PushAddress) (Address, error) {
	a := Address{Channel: Channel(p.Channel), Kind: p.Kind, Value: p.Address, App: p.App}
	switch {
	case a.Kind == "" && a.Channel == APNs:
		a.Kind = KindProduction
	case a.Kind == "" && a.Channel == FCM:
		a.Kind = KindToken
	}
	var err1, err2 error
	a.P256DH, err1 = base64.RawURLEncoding.DecodeString(strings.TrimRight(p.P256DH, "="))
	a.Auth, err2 = base64.RawURLEncoding.DecodeString(strings.TrimRight(p.Auth, "="))
	if err1 != nil || err2 != nil {
		return Address{}, fmt.Errorf("%w: keys are base64url", ErrAddress)
	}
	if err := a.Check(); err != nil {
		return Address{}, err
	}
	return a, nil
}

// String hides the value, so that an address in a log or an error gives nothing away.
func (a Address) String() string { return string(a.Channel) + " [redacted]" }

// GoString hides the value for %#v.
func (a Address) GoString() string { return a.String() }

// Check tells whether the address has the form that its channel needs. It makes no request. Errors wrap
// [ErrAddress] and do not repeat the value.
func (a Address) Check() error {
	if len(a.Value) == 0 || len(a.Value) > maxValue || len(a.App) > maxApp {
		return fmt.Errorf("%w: length", ErrAddress)
	}
	if !isPlain(a.Value) || !isPlain(a.App) {
		return fmt.Errorf("%w: characters", ErrAddress)
	}
	switch {
	case a.Channel == APNs && (a.Kind == KindProduction || a.Kind == KindSandbox):
		return a.checkAPNs()
	case a.Channel == FCM && (a.Kind == KindToken || a.Kind == KindFID):
		return nil
	case a.Channel == WebPush && a.Kind == "":
		return a.checkWebPush()
	case a.Channel == Webhook && a.Kind == "" && a.App != "":
		return nil
	}
	return fmt.Errorf("%w: unknown channel and kind", ErrAddress)
}

func (a Address) checkAPNs() error {
	if _, err := hex.DecodeString(a.Value); err != nil {
		return fmt.Errorf("%w: a device token is hexadecimal", ErrAddress)
	}
	if a.App == "" {
		return fmt.Errorf("%w: a device token needs the app's bundle id", ErrAddress)
	}
	return nil
}

func (a Address) checkWebPush() error {
	u, err := url.Parse(a.Value)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return fmt.Errorf("%w: an endpoint is an https URL", ErrAddress)
	}
	if len(a.P256DH) != p256dhLength || len(a.Auth) != authLength {
		return fmt.Errorf("%w: a subscription needs p256dh (65 bytes) and auth (16 bytes)", ErrAddress)
	}
	return nil
}

// isPlain accepts printable ASCII without space, which is all that tokens, URLs and bundle ids are made of.
func isPlain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// host is the part of an address that fails on its own: the push service's host for webpush, nothing for channels
// with one service.
func (a Address) host() string {
	if a.Channel != WebPush {
		return ""
	}
	u, err := url.Parse(a.Value)
	if err != nil {
		return ""
	}
	return u.Host
}
