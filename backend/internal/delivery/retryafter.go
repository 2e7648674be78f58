package delivery

import (
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds what a service may ask for. No challenge lives that long anyway.
const maxRetryAfter = time.Hour

// ParseRetryAfter reads a Retry-After header (RFC 9110 section 10.2.3): seconds, or a date that is compared with now.
// What can't be read, and what is past, gives zero.
func ParseRetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(0, wait), maxRetryAfter)
}
