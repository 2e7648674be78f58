package delivery

import (
	"sync"
	"time"
)

// Settings of the breaker. A probe every few seconds finds a service that is back long before a challenge ends.
const (
	breakerThreshold = 5 // faults in a row
	breakerPause     = 4 * time.Second
	breakerPauseMax  = 30 * time.Second
	breakerProbe     = time.Second // others wait so long while one attempt probes
)

// Breaker keeps attempts away from a service that fails for everybody. After five faults in a row it opens; after a
// pause, or the longer time that the service named, one attempt probes, and its success closes the breaker. The pause
// doubles with each failed probe. One fault never opens it, so one odd device can't hold back the others. It is safe
// for concurrent use. The zero value is closed.
type Breaker struct {
	mu      sync.Mutex
	faults  int
	until   time.Time
	probing bool
	pause   time.Duration
}

// Allow tells whether an attempt may start now. If not, it returns how long to wait. Every allowed attempt must be
// followed by Done.
func (b *Breaker) Allow(now time.Time) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.faults < breakerThreshold:
		return 0, true
	case now.Before(b.until):
		return min(b.until.Sub(now), maxRetryAfter), false
	case b.probing:
		return breakerProbe, false
	}
	b.probing = true
	return 0, true
}

// Done records how an allowed attempt ended.
func (b *Breaker) Done(now time.Time, r Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !r.ServiceFault {
		b.faults, b.pause, b.probing = 0, 0, false
		return
	}
	if b.faults++; b.faults < breakerThreshold {
		return
	}
	if b.probing || b.pause == 0 {
		b.pause = min(max(breakerPause, 2*b.pause), breakerPauseMax)
	}
	b.probing = false
	b.until = now.Add(max(b.pause, r.RetryAfter))
}

// Open tells whether the breaker holds attempts back.
func (b *Breaker) Open(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.faults >= breakerThreshold && (b.probing || now.Before(b.until))
}

// maxBreakers bounds the map: WebPush hosts come from devices.
const maxBreakers = 4096

// breakers holds one breaker for each service: a channel with one brand's credentials, or one WebPush host.
type breakers struct {
	mu  sync.Mutex
	all map[breakerKey]*Breaker
}

type breakerKey struct {
	channel         Channel
	kind, app, host string
}

func (b *breakers) of(to Address) *Breaker {
	key := breakerKey{channel: to.Channel, app: to.App, host: to.host()}
	if to.Channel == APNs {
		key.kind = to.Kind // the sandbox is another service
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if found, ok := b.all[key]; ok {
		return found
	}
	if b.all == nil || len(b.all) >= maxBreakers {
		b.all = map[breakerKey]*Breaker{} // forgetting costs a few more failed attempts, nothing else
	}
	fresh := &Breaker{}
	b.all[key] = fresh
	return fresh
}
