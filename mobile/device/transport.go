package device

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	client "github.com/nod-auth/nod/shared/client/device"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// remote is one account's way to its server.
type remote struct {
	*client.Client
	// prove signs proofs with the account's device key.
	prove client.SignFunc
}

// newRemote connects a session to its server.
func (c *Core) newRemote(s *session, server string) (remote, error) {
	seen := func(serverTime, local time.Time) { c.observe(s, serverTime, local) }
	cl, err := client.New(client.Params{
		Server: server, Now: c.now,
		HTTP: &http.Client{Transport: &watcher{base: c.params.Transport, now: c.now, seen: seen}},
	})
	if err != nil {
		return remote{}, err
	}
	prove := func(ctx context.Context, t client.Target) (string, error) {
		_, a, err := c.read(s.id)
		if err != nil {
			return "", err
		}
		signer, err := c.deviceSigner(ctx, s, a.DeviceKey)
		if err != nil {
			return "", err
		}
		return client.Prove(signer, a.Device, func() time.Time { return c.serverNow(s) })(ctx, t)
	}
	return remote{Client: cl, prove: prove}, nil
}

// stream opens the event stream and hands each event to on, until the stream
// ends (nil), on returns an error (that error), or ctx ends. opened is called
// once, when the server has accepted.
func (r remote) stream(ctx context.Context, opened func(), on func(client.Event) error) error {
	st, err := r.Events(ctx, r.prove)
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }() // it is of no more use
	opened()
	for {
		e, err := st.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := on(e); err != nil {
			return err
		}
	}
}

// decide sends a decision and returns the challenge's status. When the server
// has another decision already, it finds out whether that is an earlier answer
// from here, and returns that one's.
func (r remote) decide(ctx context.Context, d *storedDecision) (protocol.Status, error) {
	out, err := r.Decide(ctx, d.Challenge, d.JWS)
	if problem.CodeOf(err) != problem.ChallengeAlreadyDecided {
		return out.Status, err
	}
	for _, e := range d.Earlier {
		earlier, earlierErr := r.Decide(ctx, d.Challenge, e.JWS)
		if problem.CodeOf(earlierErr) != problem.ChallengeAlreadyDecided {
			d.Answer = e.Answer
			return earlier.Status, earlierErr
		}
	}
	return out.Status, err
}

// watcher sees each answer of a server: its clock, and that it can be reached.
type watcher struct {
	base http.RoundTripper
	now  func() time.Time
	seen func(serverTime, local time.Time)
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
