package httpapi

import (
	"context"
	"sync"
	"time"

	"github.com/nod-auth/nod/shared/problem"
)

// openCount bounds the waits and streams of browsers and applications. Whoever starts a sign-in holds a browser token, so a stranger
// who knows a user's name could otherwise take every connection there is (T19).
type openCount struct {
	mu       sync.Mutex
	by       map[string]int // by challenge for a browser, by id for an application
	browsers int
}

// take reserves a place for the caller of a request. release gives it back; call it once.
func (o *openCount) take(ctx context.Context, l Limits) (release func(), err error) {
	info := from(ctx)
	key, most, browser := string(info.caller.Application.ID), l.PerApplication, 0
	if info.browser != "" {
		key, most, browser = info.browser, l.PerBrowser, 1
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.by[key] >= most || o.browsers+browser > l.BrowsersAll {
		return nil, problem.New(problem.RateLimited).WithRetryAfter(5 * time.Second)
	}
	o.by[key]++
	o.browsers += browser
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.browsers -= browser
		if o.by[key]--; o.by[key] == 0 {
			delete(o.by, key)
		}
	}, nil
}
