package device_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/shared/client/device"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// streaming serves h as the event stream, with the proof checked before and without the server's lock held.
func streaming(t *testing.T, h http.HandlerFunc) (*server, *device.Client) {
	t.Helper()
	s := newServer(t)
	s.mux.HandleFunc("GET /device/v1/challenges", s.proven(answer(200, "application/json", inboxAnswer)))
	s.mux.HandleFunc("GET /device/v1/events", func(w http.ResponseWriter, r *http.Request) {
		good := false
		s.proven(func(http.ResponseWriter, *http.Request) { good = true })(w, r)
		if good {
			w.Header().Set("Content-Type", "text/event-stream")
			h(w, r)
		}
	})
	return s, s.client(t)
}

func write(w http.ResponseWriter, text string) {
	_, _ = io.WriteString(w, text) // the client may be gone
	w.(http.Flusher).Flush()
}

func readEvents(t *testing.T, s *server, c *device.Client) ([]device.Event, error) {
	t.Helper()
	stream, err := c.Events(t.Context(), s.prove(c))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var events []device.Event
	for {
		e, err := stream.Next()
		if err != nil {
			return events, err
		}
		events = append(events, e)
	}
}

func TestTheStreamGivesTypedEvents(t *testing.T) {
	s, c := streaming(t, func(w http.ResponseWriter, _ *http.Request) {
		write(w, "event: device\ndata: {\"status\":\"active\"}\n\n: ping\n\nevent: challenge\ndata: {\"challenge\":\"a.b.c\"}\n\n")
		write(w, "event: of_a_newer_server\ndata: ?\n\nevent: closed\ndata: {\"id\":\""+string(challengeID)+"\",\"status\":\"expired\"}\n\n")
		write(w, "event: keys\ndata: {\"seq\":4}\n\nevent: bye\ndata: {\"reason\":\"shutdown\"}\n\n")
	})
	got, err := readEvents(t, s, c)
	want := []device.Event{
		{Type: device.EventDevice, Status: device.Active},
		{Type: device.EventChallenge, Challenge: "a.b.c"},
		{Type: device.EventClosed, ID: challengeID, Outcome: protocol.StatusExpired},
		{Type: device.EventKeys, KeysSequence: 4},
		{Type: device.EventBye, Reason: "shutdown"},
	}
	if !errors.Is(err, io.EOF) || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAnEventArrivesWhileTheStreamIsOpen(t *testing.T) {
	release := make(chan struct{})
	s, c := streaming(t, func(w http.ResponseWriter, _ *http.Request) {
		write(w, "event: keys\ndata: {\"seq\":4}\n\n")
		<-release
	})
	defer close(release)
	stream, err := c.Events(t.Context(), s.prove(c))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if e, err := stream.Next(); err != nil || e.KeysSequence != 4 {
		t.Errorf("got %+v, %v", e, err)
	}
}

func TestUnsoundEventsEndTheStream(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON":                   "event: device\ndata: active\n\n",
		"a state of nothing":         "event: device\ndata: {}\n\n",
		"a challenge of nothing":     "event: challenge\ndata: {}\n\n",
		"a challenge over its cap":   "event: challenge\ndata: {\"challenge\":\"" + strings.Repeat("a", 8<<10+1) + "\"}\n\n",
		"closed and still pending":   "event: closed\ndata: {\"id\":\"" + string(challengeID) + "\",\"status\":\"pending\"}\n\n",
		"closed with an odd id":      "event: closed\ndata: {\"id\":\"../x\",\"status\":\"expired\"}\n\n",
		"keys without a number":      "event: keys\ndata: {\"seq\":\"4\"}\n\n",
		"keys with a lower number":   "event: keys\ndata: {\"seq\":-1}\n\n",
		"an event over the limit":    "event: keys\ndata: " + strings.Repeat("x", 1<<20) + "\n\n",
		"a line that never ends":     strings.Repeat("x", 1<<20),
		"cut inside an event":        "event: device\ndata: {\"status\":\"active\"}\n",
		"cut inside a line":          "event: devi",
		"data lines without any end": strings.Repeat("data: x\n", 1<<17),
	} {
		s, c := streaming(t, func(w http.ResponseWriter, _ *http.Request) { write(w, text) })
		if got, err := readEvents(t, s, c); len(got) != 0 || err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestABrokenConnectionIsNotAnOrderlyEnd(t *testing.T) {
	s, c := streaming(t, func(w http.ResponseWriter, _ *http.Request) {
		write(w, "event: device\ndata: {\"status\":\"active\"}\n\n")
		panic(http.ErrAbortHandler)
	})
	got, err := readEvents(t, s, c)
	if len(got) != 1 || err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestASilentStreamEnds(t *testing.T) {
	s, c := streaming(t, func(w http.ResponseWriter, r *http.Request) {
		write(w, "event: device\ndata: {\"status\":\"active\"}\n\n")
		<-r.Context().Done()
	})
	c.SetIdle(50 * time.Millisecond)
	if got, err := readEvents(t, s, c); len(got) != 1 || !errors.Is(err, device.ErrSilent) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestCommentsKeepAStreamAlive(t *testing.T) {
	const idle = 300 * time.Millisecond
	s, c := streaming(t, func(w http.ResponseWriter, r *http.Request) {
		ping := time.NewTicker(idle / 10)
		defer ping.Stop()
		for range 20 { // twice the idle time in all
			<-ping.C
			write(w, ":\n\n")
		}
		write(w, "event: keys\ndata: {\"seq\":4}\n\n")
	})
	c.SetIdle(idle)
	if got, err := readEvents(t, s, c); len(got) != 1 || !errors.Is(err, io.EOF) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAStreamEndsWithItsContextAndWhenClosed(t *testing.T) {
	s, c := streaming(t, func(w http.ResponseWriter, r *http.Request) {
		write(w, ":\n\n")
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := c.Events(ctx, s.prove(c))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	cancel()
	if _, err := stream.Next(); !errors.Is(err, context.Canceled) {
		t.Errorf("after the context: %v", err)
	}
	stream, err = c.Events(t.Context(), s.prove(c))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { _, err := stream.Next(); ended <- err }()
	if err := stream.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("after Close: %v", err)
	}
}

func TestAStreamThatIsRefusedOrNotOneIsNotOpened(t *testing.T) {
	s, c := streaming(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, problem.RateLimited) })
	if stream, err := c.Events(t.Context(), s.prove(c)); stream != nil || problem.CodeOf(err) != problem.RateLimited {
		t.Errorf("got %v, %v", stream, err)
	}
	s, c = streaming(t, func(w http.ResponseWriter, r *http.Request) { answer(200, "application/json", "{}")(w, r) })
	var unexpected *device.UnexpectedAnswer
	if stream, err := c.Events(t.Context(), s.prove(c)); stream != nil || !errors.As(err, &unexpected) {
		t.Errorf("got %v, %v", stream, err)
	}
}
