package device

import (
	"context"
	"net/http"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
)

// remote is the device API of one server, seen by one device. Errors are
// problems (package problem) or what the network said.
type remote interface {
	// Enroll sends an enrollment and returns the signed reply and the signed keys.
	Enroll(ctx context.Context, jws string) (enrolled, keys string, err error)
	// Keys fetches the tenant's newest nod-keys+jwt.
	Keys(ctx context.Context, tenant protocol.TenantID) (string, error)
	// Inbox reads the device's state and its pending challenges.
	Inbox(ctx context.Context) (inbox, error)
	// Stream opens the event stream and hands each event to on, until the stream
	// ends (nil), on returns an error (that error), or ctx ends. opened is
	// called once, when the server has accepted.
	Stream(ctx context.Context, opened func(), on func(streamEvent) error) error
	// Decide sends a decision.
	Decide(ctx context.Context, id protocol.ChallengeID, jws string) (protocol.Status, error)
	// Update asks sign for an update that carries the server's nonce and sends it; at most twice, the second time
	// with the nonce that the first answer named.
	Update(ctx context.Context, sign func(updateTarget) (string, error)) error
	// SendUpdate sends an update that was signed before.
	SendUpdate(ctx context.Context, jws string) error
}

// updateTarget is what an update is bound to.
type updateTarget struct{ Method, URL, Nonce string }

// inbox is the answer of GET /device/v1/challenges.
type inbox struct {
	Status       string // unconfirmed, active, revoked
	KeysSequence uint64
	Challenges   []string
}

// streamEvent is one event of the stream; the member that Type names is set.
type streamEvent struct {
	Type      string // device, challenge, closed, keys, bye
	Status    string // device; closed: the challenge's
	Challenge string // challenge
	ID        protocol.ChallengeID
	Sequence  uint64
	Reason    string
}

// The device's states as the server names them.
const (
	serverUnconfirmed = "unconfirmed"
	serverActive      = "active"
	serverRevoked     = "revoked"
)

// watcher sees each answer of a server: its clock, and that it can be reached.
type watcher struct {
	base http.RoundTripper
	now  func() time.Time
	seen func(serverTime time.Time, local time.Time)
}

// RoundTrip implements http.RoundTripper.
func (w *watcher) RoundTrip(r *http.Request) (*http.Response, error) {
	start := w.now()
	resp, err := w.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	date, dateErr := http.ParseTime(resp.Header.Get("Date"))
	if dateErr != nil {
		date = time.Time{}
	}
	end := w.now()
	w.seen(date, start.Add(end.Sub(start)/2))
	return resp, nil
}

// newRemote connects a session to its server.
func (c *Core) newRemote(s *session, server string) remote {
	return c.remoteFor(s, server, func(ctx context.Context, p *protocol.Proof) (string, error) {
		_, a, err := c.read(s.id)
		if err != nil {
			return "", err
		}
		signer, err := c.deviceSigner(ctx, s, a.DeviceKey)
		if err != nil {
			return "", err
		}
		p.Issuer = a.Device
		return protocol.Sign(signer, p)
	})
}

func (c *Core) remoteFor(s *session, server string, sign func(context.Context, *protocol.Proof) (string, error)) remote {
	seen := func(serverTime, local time.Time) { c.observe(s, serverTime, local) }
	return &httpRemote{
		base: server, now: c.now, sign: sign,
		client: &http.Client{
			Transport:     &watcher{base: c.params.Transport, now: c.now, seen: seen},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}
