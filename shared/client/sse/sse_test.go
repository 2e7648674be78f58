package sse_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/nod-auth/nod/shared/client/sse"
)

const limit = 64

func readAll(r io.Reader) (events []sse.Event, err error) {
	reader := sse.NewReader(r, limit)
	for {
		e, err := reader.Next()
		if err != nil {
			return events, err
		}
		events = append(events, e)
	}
}

func TestReader(t *testing.T) {
	one := func(typ, data string) []sse.Event { return []sse.Event{{Type: typ, Data: []byte(data)}} }
	for name, c := range map[string]struct {
		stream string
		want   []sse.Event
		err    error
	}{
		"an event":                             {"event: status\ndata: {}\n\n", one("status", "{}"), io.EOF},
		"a type is message when none is given": {"data: x\n\n", one("message", "x"), io.EOF},
		"an empty type is message":             {"event:\ndata: x\n\n", one("message", "x"), io.EOF},
		"only one space is taken off":          {"data:  x\n\n", one("message", " x"), io.EOF},
		"no space is needed":                   {"data:x\n\n", one("message", "x"), io.EOF},
		"data lines are joined":                {"data: a\ndata: b\n\n", one("message", "a\nb"), io.EOF},
		"a data line may be empty":             {"data\ndata\n\n", one("message", "\n"), io.EOF},
		"comments are skipped":                 {": ping\n\n: ping\n\ndata: x\n\n", one("message", "x"), io.EOF},
		"id, retry and unknown are skipped":    {"id: 1\nretry: 5\nodd: x\ndata: x\n\n", one("message", "x"), io.EOF},
		"a type without data is no event":      {"event: status\n\ndata: x\n\n", one("message", "x"), io.EOF},
		"lines may end in CR LF":               {"event: a\r\ndata: x\r\n\r\n", one("a", "x"), io.EOF},
		"lines may end in CR":                  {"event: a\rdata: x\r\r", one("a", "x"), io.EOF},
		"a byte order mark is skipped":         {"\xEF\xBB\xBFdata: x\n\n", one("message", "x"), io.EOF},
		"an empty stream":                      {"", nil, io.EOF},
		"cut before the blank line":            {"data: x\n", nil, io.ErrUnexpectedEOF},
		"cut inside a line":                    {"data: x\n\ndata: {\"a", one("message", "x"), io.ErrUnexpectedEOF},
		"cut after the type":                   {"event: status\n", nil, io.ErrUnexpectedEOF},
		"data at the limit":                    {"data: " + strings.Repeat("x", limit) + "\n\n", one("message", strings.Repeat("x", limit)), io.EOF},
		"data over the limit":                  {"data: " + strings.Repeat("x", limit+1) + "\n\n", nil, sse.ErrTooLarge},
		"many data lines over the limit":       {strings.Repeat("data: xxxxxxxx\n", 100) + "\n", nil, sse.ErrTooLarge},
		"many empty data lines over the limit": {strings.Repeat("data\n", limit+2) + "\n", nil, sse.ErrTooLarge},
		"a comment over the limit":             {": " + strings.Repeat("x", 100*limit), nil, sse.ErrTooLarge},
		"a line that never ends":               {strings.Repeat("x", 1<<20), nil, sse.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readAll(strings.NewReader(c.stream))
			if !errors.Is(err, c.err) || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %q, %v; want %q, %v", got, err, c.want, c.err)
			}
		})
	}
}

func TestAnErrorOfTheStreamIsReturned(t *testing.T) {
	broken := errors.New("broken")
	_, err := readAll(io.MultiReader(strings.NewReader("data: x\n"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestAReaderThatFailedStaysFailed(t *testing.T) {
	r := sse.NewReader(strings.NewReader(strings.Repeat("x", 1000)+"\n\ndata: smuggled\n\n"), limit)
	for range 3 {
		if e, err := r.Next(); !errors.Is(err, sse.ErrTooLarge) {
			t.Fatalf("got %q, %v", e, err)
		}
	}
}

func TestAnEventIsReturnedAsSoonAsItIsComplete(t *testing.T) {
	in, out := io.Pipe()
	defer in.Close()
	go func() { _, _ = io.WriteString(out, "data: x\n\n") }() // and the stream stays open
	if e, err := sse.NewReader(in, limit).Next(); err != nil || string(e.Data) != "x" {
		t.Fatalf("got %q, %v", e, err)
	}
}

// Events, and the way a stream ends, do not depend on how the bytes are cut into packets, and no event is over the limit.
func FuzzReader(f *testing.F) {
	f.Add([]byte("event: status\ndata: {\"id\":1}\n\n: ping\n\ndata: a\r\ndata: b\r\r\n"))
	f.Add([]byte("\xEF\xBB\xBFdata\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, err := readAll(bytes.NewReader(b))
		if err == nil {
			t.Fatal("no end")
		}
		single, err2 := readAll(iotest.OneByteReader(bytes.NewReader(b)))
		if !reflect.DeepEqual(whole, single) || err.Error() != err2.Error() {
			t.Errorf("whole: %q, %v; by byte: %q, %v", whole, err, single, err2)
		}
		for _, e := range whole {
			if len(e.Data) > limit {
				t.Errorf("%d bytes of data", len(e.Data))
			}
		}
	})
}
