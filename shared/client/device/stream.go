package device

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/nod-auth/nod/shared/client/sse"
	"github.com/nod-auth/nod/shared/protocol"
)

const (
	eventsPath = "/device/v1/events"
	// maxEvent holds the largest event: a challenge of at most 8 KiB in JSON.
	maxEvent = 16 << 10
	// silence ends a stream: the server sends a comment every 25 seconds, so two were lost.
	silence = 65 * time.Second
	// opening bounds the time until the server has accepted a stream.
	opening = 15 * time.Second
)

// ErrSilent means that a stream was ended because nothing came for over a minute.
var ErrSilent = errors.New("the event stream went silent")

var errSlow = errors.New("the server did not open the event stream in time")

// EventType names an event of the stream.
type EventType string

// The events. Others are passed over: a server may be newer.
const (
	EventDevice    EventType = "device"    // Status
	EventChallenge EventType = "challenge" // Challenge
	EventClosed    EventType = "closed"    // ID, Outcome
	EventKeys      EventType = "keys"      // KeysSequence
	EventBye       EventType = "bye"       // Reason; the stream ends
)

// Event is one event of the stream. The members that its type names are set.
type Event struct {
	Type         EventType
	Status       Status               // of the device
	Challenge    string               // nod-challenge+jwt, not verified
	ID           protocol.ChallengeID // of a challenge that is over
	Outcome      protocol.Status      // its final status
	KeysSequence uint64               // of the tenant's current nod-keys
	Reason       string               // why the server ends the stream; not for end users
}

// Stream is an open event stream. Next is not safe for concurrent use; Close is.
type Stream struct {
	body   io.ReadCloser
	events *sse.Reader
	ctx    context.Context // the stream's own: ended by Close, by silence and by the caller's
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

// Events opens the stream. It stays open until the server ends it (after 15 minutes at most), it goes silent, ctx ends or
// it is closed. The caller must close it.
func (c *Client) Events(ctx context.Context, prove SignFunc) (*Stream, error) {
	return withNonce(ctx, c, http.MethodGet, eventsPath, prove, func(proof string) (*Stream, error) { return c.open(ctx, proof) })
}

func (c *Client) open(ctx context.Context, proof string) (*Stream, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(opening, func() { cancel(errSlow) })
	r := c.read(eventsPath, proof)
	r.Accept = "text/event-stream"
	resp, err := c.rest.Open(ctx, r, c.learn)
	if !timer.Stop() && err == nil {
		_ = resp.Body.Close() // it opened too late
		err = context.Cause(ctx)
	}
	if err != nil {
		cause := context.Cause(ctx)
		cancel(nil)
		if errors.Is(cause, errSlow) {
			return nil, errSlow
		}
		return nil, err
	}
	s := &Stream{body: resp.Body, ctx: ctx, cancel: cancel, timer: time.AfterFunc(c.idle, func() { cancel(ErrSilent) })}
	s.events = sse.NewReader(&awake{in: resp.Body, timer: s.timer, idle: c.idle}, maxEvent)
	return s, nil
}

// awake puts off the end by silence whenever something arrives.
type awake struct {
	in    io.Reader
	timer *time.Timer
	idle  time.Duration
}

func (a *awake) Read(b []byte) (int, error) {
	n, err := a.in.Read(b)
	if n > 0 {
		a.timer.Reset(a.idle)
	}
	return n, err
}

// Next returns the next event. It returns io.EOF when the server ended the stream in order, and [ErrSilent] when the stream
// went silent; after an error the stream is of no more use.
func (s *Stream) Next() (Event, error) {
	for {
		raw, err := s.events.Next()
		if err != nil {
			if cause := context.Cause(s.ctx); cause != nil {
				err = cause
			}
			return Event{}, err
		}
		event, known, err := parse(raw)
		if err != nil || known {
			return event, err
		}
	}
}

// Close ends the stream. Further calls do nothing.
func (s *Stream) Close() error {
	s.timer.Stop()
	s.cancel(context.Canceled)
	return s.body.Close()
}

// parse reads an event's data. A known event that does not hold what it must is an error: the stream is not sound.
func parse(raw sse.Event) (event Event, known bool, err error) {
	e := Event{Type: EventType(raw.Type)}
	var data struct {
		Status    string               `json:"status"`
		Challenge string               `json:"challenge"`
		ID        protocol.ChallengeID `json:"id"`
		Seq       uint64               `json:"seq"`
		Reason    string               `json:"reason"`
	}
	switch e.Type {
	case EventDevice, EventChallenge, EventClosed, EventKeys, EventBye:
	default:
		return Event{}, false, nil
	}
	bad := fmt.Errorf("read event: a %q is not sound", e.Type)
	if json.Unmarshal(raw.Data, &data) != nil {
		return Event{}, false, bad
	}
	sound := true
	switch e.Type {
	case EventDevice:
		e.Status = Status(data.Status)
		sound = e.Status != ""
	case EventChallenge:
		e.Challenge = data.Challenge
		sound = data.Challenge != "" && len(data.Challenge) <= protocol.MaxSize(protocol.TypeChallenge)
	case EventClosed:
		e.ID, e.Outcome = data.ID, protocol.Status(data.Status)
		_, idErr := protocol.ParseID[protocol.ChallengeID](string(data.ID))
		sound = idErr == nil && e.Outcome != "" && e.Outcome != protocol.StatusPending
	case EventKeys:
		e.KeysSequence = data.Seq
		sound = data.Seq > 0
	case EventBye:
		e.Reason = data.Reason
	}
	if !sound {
		return Event{}, false, bad
	}
	return e, true, nil
}
