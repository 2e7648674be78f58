package main

import (
	"sync"
	"time"
)

// limiter is a set of token buckets by name. It forgets full buckets, so it needs memory only for who is active. Safe
// for concurrent use.
type limiter struct {
	mu      sync.Mutex
	buckets map[string]bucket
	burst   float64
	refill  time.Duration // for one token
	swept   time.Time
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newLimiter(burst int, refill time.Duration) *limiter {
	return &limiter{buckets: map[string]bucket{}, burst: float64(burst), refill: refill}
}

// take uses one token of a bucket. If there is none, it returns how long until there is.
func (l *limiter) take(name string, now time.Time) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep(now)
	b, known := l.buckets[name]
	if !known {
		b = bucket{tokens: l.burst, at: now}
	}
	b.tokens = min(l.burst, b.tokens+max(0, now.Sub(b.at)).Seconds()/l.refill.Seconds())
	b.at = now
	if b.tokens >= 1 {
		b.tokens--
		l.buckets[name] = b
		return 0, true
	}
	l.buckets[name] = b
	return time.Duration((1 - b.tokens) * float64(l.refill)), false
}

// sweep drops buckets that are full again.
func (l *limiter) sweep(now time.Time) {
	full := time.Duration(l.burst) * l.refill
	if now.Sub(l.swept) < full {
		return
	}
	l.swept = now
	for name, b := range l.buckets {
		if now.Sub(b.at) >= full {
			delete(l.buckets, name)
		}
	}
}
