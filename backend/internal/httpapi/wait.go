package httpapi

import (
	"context"
	"time"

	"github.com/nod-auth/nod/backend/internal/bus"
)

// settleDelay is how long after its announced end an object is read again, should its owner not have settled it by then.
const settleDelay = time.Second

// waited is what a long poll reads: whether the caller should have it now, and when it may change by itself.
type waited[T any] struct {
	value T
	done  bool
	ends  time.Time // zero: it changes only when told
}

// poll reads until the answer is due: at once when seconds is 0, else when read says done, when the time is over, or when
// the server stops (then with server_shutting_down, since the caller asked to be told of a change). The subscription is
// older than the first read, so no change falls between.
func poll[T any](ctx context.Context, a *API, topic string, seconds int, read func() (waited[T], error)) (T, error) {
	if seconds == 0 {
		v, err := read()
		return v.value, err
	}
	release, err := a.open.take(ctx, a.Limits)
	if err != nil {
		var none T
		return none, err
	}
	defer release()
	sub := a.Bus.Subscribe(topic)
	defer sub.Close()
	a.Metrics.waits.Inc()
	defer a.Metrics.waits.Dec()
	deadline := a.Now().Add(time.Duration(seconds) * time.Second)
	for {
		v, err := read()
		if err != nil || v.done || !a.Now().Before(deadline) {
			return v.value, err
		}
		if err := a.hold(ctx, sub, nextLook(a.Now(), deadline, v.ends)); err != nil {
			return v.value, err
		}
	}
}

// nextLook is the earlier of the deadline and the object's own end, and never in the past.
func nextLook(now, deadline, ends time.Time) time.Time {
	if ends.IsZero() || deadline.Before(ends) {
		return deadline
	}
	if !ends.After(now) {
		return now.Add(settleDelay)
	}
	return ends
}

// hold waits for the first of: an event, the time, the caller's leaving, the server's stop.
func (a *API) hold(ctx context.Context, sub *bus.Subscription, until time.Time) error {
	t := time.NewTimer(until.Sub(a.Now()))
	defer t.Stop()
	select {
	case _, open := <-sub.C:
		if !open {
			return shuttingDown()
		}
		return nil
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-a.closing:
		return shuttingDown()
	}
}
