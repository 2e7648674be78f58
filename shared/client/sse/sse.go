// Package sse reads server-sent events (WHATWG HTML, section 9.2 "Server-sent events").
//
// It owns: the event stream format, and limits on what a server can make a client hold. It leaves to others: opening
// the stream, opening it again, and what the events mean. The fields "id" and "retry" are read and ignored: Nod's
// streams begin with the present state, so there is nothing to resume.
//
// Invariants: memory stays under the limit whatever arrives; an event whose end did not arrive is never returned.
package sse

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Event is one event of a stream.
type Event struct {
	Type string // the field "event"; "message" when there is none
	Data []byte // the fields "data", joined by line feeds; the caller's own
}

// ErrTooLarge means that a line, or one event's data, was over the reader's limit.
var ErrTooLarge = errors.New("event is too large")

// Reader reads events from a stream. It is not safe for concurrent use.
type Reader struct {
	in    *bufio.Reader
	limit int
	line  []byte
	begun bool // the byte order mark has been looked for
	cr    bool // the last line ended in a carriage return: a line feed right after it belongs to it
}

// NewReader returns a reader that refuses a line or an event's data over limit bytes.
func NewReader(r io.Reader, limit int) *Reader {
	return &Reader{in: bufio.NewReaderSize(r, 4096), limit: limit}
}

// Next returns the next event that has data. At the end of the stream it returns io.EOF, or io.ErrUnexpectedEOF when the
// stream was cut inside an event. After an error every call returns an error.
func (r *Reader) Next() (Event, error) {
	event := Event{Type: "message"}
	var data []byte
	started := false // any field of this event has been read
	for {
		line, err := r.readLine()
		if errors.Is(err, io.EOF) && (started || len(line) > 0) {
			return Event{}, io.ErrUnexpectedEOF
		}
		if err != nil {
			return Event{}, err
		}
		if len(line) == 0 {
			if data == nil { // without data there is no event
				event.Type, started = "message", false
				continue
			}
			event.Data = data[:len(data)-1] // the line feed after the last data line is not part of it
			return event, nil
		}
		name, value := field(line)
		switch name {
		case "event":
			event.Type, started = string(value), true
			if len(value) == 0 {
				event.Type = "message"
			}
		case "data":
			if len(data)+len(value)+1 > r.limit+1 {
				return Event{}, r.tooLarge()
			}
			data, started = append(append(data, value...), '\n'), true
		}
	}
}

// field splits a line. A comment, which starts with a colon, has the empty name.
func field(line []byte) (string, []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	return string(name), bytes.TrimPrefix(value, []byte(" "))
}

// readLine returns the next line without its end. The slice is valid until the next call. With io.EOF it holds what came
// after the last line end.
func (r *Reader) readLine() ([]byte, error) {
	if !r.begun {
		r.begun = true
		if mark, err := r.in.Peek(3); err == nil && string(mark) == "\xEF\xBB\xBF" {
			_, _ = r.in.Discard(3) // was peeked
		}
	}
	r.line = r.line[:0]
	for {
		b, err := r.in.ReadByte()
		if err != nil {
			return r.line, err
		}
		if r.cr {
			r.cr = false
			if b == '\n' {
				continue
			}
		}
		switch b {
		case '\r':
			r.cr = true
			return r.line, nil
		case '\n':
			return r.line, nil
		}
		if len(r.line) >= r.limit+len("event: ") {
			return nil, r.tooLarge()
		}
		r.line = append(r.line, b)
	}
}

// tooLarge makes every later call fail too: the reader stands somewhere inside the event.
func (r *Reader) tooLarge() error {
	err := fmt.Errorf("read event: %w: over %d bytes", ErrTooLarge, r.limit)
	r.in = bufio.NewReader(failing{err})
	return err
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
