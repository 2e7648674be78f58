package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/nod-auth/nod/backend/internal/bus"
	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/replay"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// CreateChallenge implements StrictServerInterface.
func (a *API) CreateChallenge(ctx context.Context, r CreateChallengeRequestObject) (CreateChallengeResponseObject, error) {
	caller, b := from(ctx).caller, r.Body
	scope, hash, err := idempotency(ctx, "/v1/challenges", r.Params.IdempotencyKey, b)
	if err != nil {
		return nil, err
	}
	shown, err := shownContext(b.Context)
	if err != nil {
		return nil, err
	}
	made, err := a.Challenges.Create(ctx, challenge.Request{
		Application: caller.Application, Actor: caller.Key.ID, UserRef: b.UserRef, Transaction: b.Transaction, Session: b.Session,
		Action: b.Action, Context: shown, Details: b.Details, Mode: b.Match.Mode, Digits: b.Match.Digits, Requirements: b.Requirements,
		Lifetime: time.Duration(b.TTLSeconds) * time.Second, Idempotency: replay.Key{Scope: scope, Body: hash},
	})
	if err != nil {
		return nil, err
	}
	c := made.Challenge
	return CreateChallenge201JSONResponse{ID: c.ID, Status: c.Status, UserRef: c.UserRef, Transaction: c.Transaction,
		Match:     Match{Mode: c.Match.Mode, Digits: c.Match.Digits, Number: made.Number, Code: c.Match.Code},
		CreatedAt: c.CreatedAt.UTC(), ExpiresAt: c.ExpiresAt.UTC(), BrowserToken: string(made.Browser)}, nil
}

// shownContext turns what the application knows about the browser into what the person is shown.
func shownContext(c Context) (protocol.Context, error) {
	out := protocol.Context{IP: c.IP, Location: c.Location, Browser: describeAgent(c.UserAgent)}
	if c.IP == "" {
		return out, nil
	}
	addr, err := netip.ParseAddr(c.IP)
	if err != nil || addr.Zone() != "" {
		return out, problem.Invalid("#/context/ip", "is not an IP address")
	}
	out.IP = addr.Unmap().String()
	return out, nil
}

// GetChallenge implements StrictServerInterface.
func (a *API) GetChallenge(ctx context.Context, r GetChallengeRequestObject) (GetChallengeResponseObject, error) {
	app := from(ctx).caller.Application
	c, err := poll(ctx, a, bus.Challenge(string(r.ChallengeID)), r.Params.Wait, func() (waited[challenge.Challenge], error) {
		c, err := a.Challenges.Get(ctx, app, r.ChallengeID)
		return waited[challenge.Challenge]{c, c.Status.Final(), c.ExpiresAt}, err
	})
	if err != nil {
		return nil, err
	}
	out, err := a.describeChallenge(ctx, c)
	return GetChallenge200JSONResponse(out), err
}

// CancelChallenge implements StrictServerInterface.
func (a *API) CancelChallenge(ctx context.Context, r CancelChallengeRequestObject) (CancelChallengeResponseObject, error) {
	c, err := a.Challenges.Cancel(ctx, from(ctx).caller, r.ChallengeID)
	switch {
	case err != nil:
		return nil, err
	case c.Status == protocol.StatusExpired:
		return nil, problem.New(problem.ChallengeExpired)
	case c.Status != protocol.StatusCanceled:
		return nil, problem.New(problem.ChallengeAlreadyDecided)
	}
	out, err := a.describeChallenge(ctx, c)
	return CancelChallenge200JSONResponse(out), err
}

// describeChallenge adds the result, minted now. A withheld result is left out, and nothing else says why: the
// application must treat it as refused whatever the reason.
func (a *API) describeChallenge(ctx context.Context, c challenge.Challenge) (Challenge, error) {
	out := Challenge{ID: c.ID, Status: c.Status, UserRef: c.UserRef, Transaction: c.Transaction, CreatedAt: c.CreatedAt.UTC(),
		ExpiresAt: c.ExpiresAt.UTC(), Reason: c.Reason, Reported: c.Reported()}
	if !c.Status.Final() {
		return out, nil
	}
	out.DecidedAt = c.DecidedAt.UTC()
	result, err := a.Challenges.Result(ctx, c)
	if err != nil && fault.CodeOf(err) != fault.ResultWithheld {
		return out, err
	}
	out.Result = result
	return out, nil
}

// StreamChallenge implements StrictServerInterface.
func (a *API) StreamChallenge(ctx context.Context, r StreamChallengeRequestObject) (StreamChallengeResponseObject, error) {
	app := from(ctx).caller.Application
	read := func() (any, string, time.Time, error) {
		c, err := a.Challenges.Get(ctx, app, r.ChallengeID)
		if err != nil {
			return nil, "", time.Time{}, err
		}
		out, err := a.describeChallenge(ctx, c)
		return out, statusMark(c), c.ExpiresAt, err
	}
	return a.followChallenge(ctx, r.ChallengeID, read)
}

// statusMark tells one state from the next; final states but for a late report never change.
func statusMark(c challenge.Challenge) string {
	if c.Status == protocol.StatusPending {
		return pending
	}
	return string(c.Status)
}

const pending = "pending"

// reader reads what a challenge's stream shows: the JSON, a word that differs when it changed, and when it ends by itself.
type reader func() (any, string, time.Time, error)

// followed is the stream of one challenge, for an application or a browser.
type followed struct {
	a       *API
	ctx     context.Context
	sub     *bus.Subscription
	read    reader
	release func()
}

// followChallenge reads once, so that a refusal is still a problem document, and then streams.
func (a *API) followChallenge(ctx context.Context, id protocol.ChallengeID, read reader) (followed, error) {
	f := followed{a: a, ctx: ctx, read: read}
	if _, _, _, err := read(); err != nil {
		return f, err
	}
	var err error
	if f.release, err = a.open.take(ctx, a.Limits); err != nil {
		return f, err
	}
	f.sub = a.Bus.Subscribe(bus.Challenge(string(id)))
	return f, nil
}

// VisitStreamChallengeResponse implements StreamChallengeResponseObject.
func (f followed) VisitStreamChallengeResponse(w http.ResponseWriter) error {
	return f.run(w, "application")
}

// VisitStreamBrowserChallengeResponse implements StreamBrowserChallengeResponseObject.
func (f followed) VisitStreamBrowserChallengeResponse(w http.ResponseWriter) error {
	return f.run(w, "browser")
}

func (f followed) run(w http.ResponseWriter, kind string) error {
	defer f.release()
	defer f.sub.Close()
	gauge := f.a.Metrics.streams.WithLabelValues(kind)
	gauge.Inc()
	defer gauge.Dec()
	e, err := f.a.openStream(w)
	if err != nil {
		return err
	}
	err = f.loop(e)
	if errors.Is(err, errStreamOver) {
		return nil
	}
	return f.a.streamFailed(f.ctx, err)
}

func (f followed) loop(e *events) error {
	c := f.a.newClock()
	defer c.stop()
	last := ""
	for {
		v, mark, ends, err := f.read()
		if err != nil {
			return err
		}
		if mark != last {
			last = mark
			if err := e.sendJSON("status", v); err != nil {
				return err
			}
		}
		if mark != pending {
			return nil
		}
		if err := f.pause(e, c, ends); err != nil {
			return err
		}
	}
}

// pause waits until it is worth to read again.
func (f followed) pause(e *events, c clock, ends time.Time) error {
	over := time.NewTimer(max(settleDelay, ends.Sub(f.a.Now())))
	defer over.Stop()
	for {
		select {
		case _, open := <-f.sub.C:
			if !open {
				return errStreamOver
			}
			return nil
		case <-over.C:
			return nil
		case <-c.ping.C:
			if err := e.ping(); err != nil {
				return err
			}
		case <-c.end.C:
			return errStreamOver
		case <-f.ctx.Done():
			return errStreamOver
		case <-f.a.closing:
			return errStreamOver
		}
	}
}
