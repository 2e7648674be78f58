package application

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/nod-auth/nod/shared/client/internal/rest"
	"github.com/nod-auth/nod/shared/problem"
)

const (
	firstPause   = 250 * time.Millisecond
	longestPause = 5 * time.Second
	patience     = 10 * time.Second // how long a call that keeps failing is repeated
	waitPatience = time.Minute      // the same inside a wait: a server may restart meanwhile
)

// retry calls f until it succeeds, fails in a way that repeating cannot help, or has failed for longer than limit. Only
// calls that may be repeated without harm come here. It never waits longer than ctx's deadline allows.
func retry[T any](ctx context.Context, c *Client, limit time.Duration, f func() (T, error)) (T, error) {
	started := c.now()
	for next := firstPause; ; next = min(2*next, longestPause) {
		v, err := f()
		if err == nil || ctx.Err() != nil {
			return v, err
		}
		after, again := repeatable(err)
		if !again {
			return v, err
		}
		delay := max(after, next/2+rand.N(next/2+1)) //nolint:forbidigo,gosec // jitter: clients must not come back in step
		if c.now().Add(delay).Sub(started) > limit {
			return v, err
		}
		if c.pause(ctx, delay) != nil {
			return v, err // the server's answer says more than the end of the wait
		}
	}
}

// passing are the problems that go away by themselves, and at which nothing was changed or the idempotency key protects.
var passing = []problem.Code{problem.RateLimited, problem.ServerShuttingDown, problem.DatabaseBusy, problem.IdempotencyInProgress, problem.Internal}

// repeatable tells whether sending the same request again can help, and how long the server asked to wait.
func repeatable(err error) (after time.Duration, again bool) {
	var p *problem.Problem
	if errors.As(err, &p) {
		return p.RetryAfter, slices.Contains(passing, p.Code)
	}
	var u *rest.UnexpectedError
	if errors.As(err, &u) {
		return u.RetryAfter, u.Status == 429 || u.Status == 500 || u.Status >= 502 && u.Status <= 504
	}
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return 0, false
	}
	return 0, true // no answer: the network, or a server that is not there
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
