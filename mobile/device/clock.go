package device

import "time"

// clockNoise is how far apart two readings of a server's clock may be without
// meaning anything: the Date header counts whole seconds (RFC 9110 section 6.6.1).
const clockNoise = 2 * time.Second

// clock knows a server's clock by its Date headers.
type clock struct {
	offset time.Duration // server minus local
	known  bool
}

// read takes a Date header; it returns whether the offset changed by more than noise.
func (c *clock) read(server, local time.Time) bool {
	if server.IsZero() {
		return false
	}
	// Half a second is the middle of what a whole second hides.
	offset := server.Add(500 * time.Millisecond).Sub(local.Round(0))
	moved := (offset - c.offset).Abs() > clockNoise
	if moved || !c.known {
		c.offset = offset
	}
	c.known = true
	return moved
}

// server converts a local time to the server's.
func (c *clock) server(local time.Time) time.Time { return local.Round(0).Add(c.offset) }

// deadline says when, on the local clock, a message of the server is over. The
// result keeps now's monotonic reading, so that setting the clock changes nothing (T42).
// A server whose clock is unknown is taken at its word about the length only.
func (c *clock) deadline(now, issued, expires time.Time) time.Time {
	if !c.known {
		return now.Add(expires.Sub(issued))
	}
	return now.Add(expires.Sub(c.server(now)))
}
