package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// events writes server-sent events (WHATWG HTML, section 9.2). Each write has a deadline, so that a reader that stopped
// reading costs a connection for seconds only.
type events struct{ write func([]byte) error }

// openStream answers 200 and sends the headers at once.
func (a *API) openStream(w http.ResponseWriter) (*events, error) {
	rc := http.NewResponseController(w)
	if err := rc.SetReadDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("open a stream: %w", err)
	}
	streamHeader(w.Header())
	w.WriteHeader(http.StatusOK)
	e := &events{func(b []byte) error {
		if err := rc.SetWriteDeadline(time.Now().Add(a.Limits.Write)); err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		return rc.Flush()
	}}
	return e, e.write(nil)
}

func streamHeader(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // a buffering proxy would hold every event back
}

// detach takes the connection away from net/http, which keeps two buffers and a deep stack for each: an idle stream costs
// an eighth of it then. The answer has no length and ends with the connection (RFC 9112 section 6.3). ok is false where
// that cannot be, as on HTTP/2.
func (a *API) detach(w http.ResponseWriter) (e *events, conn net.Conn, ok bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, false
	}
	h := w.Header()
	streamHeader(h)
	h.Set("Connection", "close")
	h.Set("Date", a.Now().UTC().Format(http.TimeFormat))
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	_ = h.Write(&head) // a buffer takes everything
	head.WriteString("\r\n")
	limit := a.Limits.Write
	e = &events{func(b []byte) error {
		if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
			return err
		}
		_, err := conn.Write(b)
		return err
	}}
	if err := e.write(head.Bytes()); err != nil {
		_ = conn.Close()
	}
	return e, conn, true
}

// send writes one event. data is JSON, so it holds no line break.
func (e *events) send(name string, data []byte) error {
	b := make([]byte, 0, len(name)+len(data)+16)
	b = append(append(b, "event: "...), name...)
	b = append(append(b, "\ndata: "...), data...)
	return e.write(append(b, "\n\n"...))
}

func (e *events) sendJSON(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	return e.send(name, data)
}

func (e *events) ping() error { return e.write([]byte(":\n\n")) }

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
	byeReplaced = "replaced"
)

// errStreamOver ends a stream that has come to its end.
var errStreamOver = errors.New("the stream is over")

// streamFailed notes why a stream broke off. A reader that has gone or stopped reading is no fault of the server, and
// the status is sent already, so nothing is answered.
func (a *API) streamFailed(ctx context.Context, err error) error {
	if err != nil {
		info := from(ctx)
		a.Log.DebugContext(ctx, "stream broke off", "request_id", info.id, "operation", info.operation, "error", err.Error(), "actor", info.actor)
	}
	return nil
}

// streamCount bounds the open streams of devices.
type streamCount struct {
	mu   sync.Mutex
	open map[protocol.DeviceID][]chan struct{} // oldest first
	all  int
}

// take reserves a stream. A device that has as many as it may loses its oldest, which most likely is a connection that it
// lost without our knowing: replaced is closed then.
func (s *streamCount) take(id protocol.DeviceID, l Limits) (replaced chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= l.StreamsAll {
		return nil, problem.New(problem.RateLimited).WithRetryAfter(5 * time.Second)
	}
	if mine := s.open[id]; len(mine) >= l.PerDevice {
		close(mine[0])
		s.open[id] = slices.Clone(mine[1:])
	}
	replaced = make(chan struct{})
	s.open[id] = append(s.open[id], replaced)
	s.all++
	return replaced, nil
}

// release gives a stream back.
func (s *streamCount) release(id protocol.DeviceID, mine chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	left := slices.DeleteFunc(s.open[id], func(c chan struct{}) bool { return c == mine })
	if s.open[id] = left; len(left) == 0 {
		delete(s.open, id)
	}
}

func (s *streamCount) none() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all == 0
}

// Drain waits, after Close, until the streams that left net/http have ended.
func (a *API) Drain(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !a.streams.none() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for open streams: %w", ctx.Err())
		}
	}
	return nil
}
