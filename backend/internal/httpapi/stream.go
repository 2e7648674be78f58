package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/nod-auth/nod/shared/problem"
)

// events writes server-sent events (WHATWG HTML, section 9.2). Each write has a deadline, so that a reader that stopped
// reading costs a connection for seconds only.
type events struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	write time.Duration
}

// openStream answers 200 and sends the headers at once.
func (a *API) openStream(w http.ResponseWriter) (*events, error) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // a buffering proxy would hold every event back
	e := &events{w: w, rc: http.NewResponseController(w), write: a.Limits.Write}
	if err := e.rc.SetReadDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("open a stream: %w", err)
	}
	w.WriteHeader(http.StatusOK)
	return e, e.flush()
}

// send writes one event. data is JSON, so it holds no line break.
func (e *events) send(name string, data []byte) error {
	_, err := fmt.Fprintf(e.w, "event: %s\ndata: %s\n\n", name, data)
	if err != nil {
		return err
	}
	return e.flush()
}

func (e *events) sendJSON(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	return e.send(name, data)
}

func (e *events) ping() error {
	if _, err := e.w.Write([]byte(":\n\n")); err != nil {
		return err
	}
	return e.flush()
}

func (e *events) flush() error {
	if err := e.rc.SetWriteDeadline(time.Now().Add(e.write)); err != nil {
		return err
	}
	return e.rc.Flush()
}

// clock is what ends and keeps a stream: its pings, its longest life, the server's stop and the caller's leaving.
type clock struct {
	ping *time.Ticker
	end  *time.Timer
}

func (a *API) newClock() clock {
	return clock{time.NewTicker(a.Limits.Ping), time.NewTimer(a.Limits.Stream)}
}

func (c clock) stop() {
	c.ping.Stop()
	c.end.Stop()
}

// bye is the last event of a device's stream.
type bye struct {
	Reason string `json:"reason"`
}

// The reasons of bye.
const (
	byeStopping = "server_shutting_down"
	byeEnd      = "stream_end"
	byeRevoked  = "revoked"
)

// errStreamOver ends a stream that has come to its end.
var errStreamOver = errors.New("the stream is over")

// streamFailed notes why a stream broke off. A reader that has gone or stopped reading is no fault of the server, and
// the status is sent already, so nothing is answered.
func (a *API) streamFailed(ctx context.Context, err error) error {
	if err != nil {
		info := from(ctx)
		a.Log.DebugContext(ctx, "stream broke off", "request_id", info.id, "operation", info.operation, "cause", err.Error(), "actor", info.actor)
	}
	return nil
}

// streamCount bounds the open streams of devices.
type streamCount struct {
	mu   sync.Mutex
	open map[string]int
	all  int
}

// take reserves a stream and returns its release.
func (s *streamCount) take(device string, l Limits) (release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[device] >= l.PerDevice || s.all >= l.StreamsAll {
		return nil, problem.New(problem.RateLimited).WithRetryAfter(5 * time.Second)
	}
	s.open[device]++
	s.all++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.open[device]--; s.open[device] == 0 {
			delete(s.open, device)
		}
	}, nil
}
