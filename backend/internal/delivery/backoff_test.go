package delivery_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nod-auth/nod/backend/internal/delivery"
)

func TestNextAttemptIsLaterAndWithinTheChallenge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_800_000_000, 0)
		number := rapid.IntRange(-5, 100).Draw(t, "number")
		asked := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "asked"))
		life := time.Duration(rapid.Int64Range(-int64(time.Minute), int64(2*time.Hour)).Draw(t, "life"))
		next, ok := delivery.NextAttempt(now, number, asked, now.Add(life), rapid.Float64Range(0, 0.999).Draw(t, "random"))
		if wait := next.Sub(now); wait < 500*time.Millisecond || wait < asked || wait > max(15*time.Second, asked*5/4) {
			t.Fatalf("waits %v", wait)
		}
		if ok != next.Before(now.Add(life)) {
			t.Fatalf("plans %v of a life of %v: %v", next.Sub(now), life, ok)
		}
	})
}

func TestRetryAfterIsReadAsSecondsOrDate(t *testing.T) {
	now := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, " 7 ": 7 * time.Second, "-1": 0, "x": 0, "1.5": 0, "99999999999999": 0,
		"999999": time.Hour, "Tue, 03 Nov 2026 09:00:30 GMT": 30 * time.Second, "Tue, 03 Nov 2026 08:00:30 GMT": 0,
	} {
		if got := delivery.ParseRetryAfter(value, now); got != want {
			t.Errorf("%q gives %v, want %v", value, got, want)
		}
	}
}

func TestBreakerStates(t *testing.T) {
	var b delivery.Breaker
	now := time.Unix(1_800_000_000, 0)
	fault := delivery.Result{Outcome: delivery.OutcomeRetry, ServiceFault: true}
	try := func(want bool, r delivery.Result) {
		t.Helper()
		_, ok := b.Allow(now)
		if ok != want {
			t.Fatalf("at %v allowed %v, want %v", now.Unix(), ok, want)
		}
		if ok {
			b.Done(now, r)
		}
	}
	for range 4 {
		try(true, fault)
	}
	try(true, delivery.Result{Outcome: delivery.OutcomeAddressDead}) // an answer: the service works
	for range 5 {
		try(true, fault)
	}
	try(false, fault)
	if !b.Open(now) {
		t.Fatal("the breaker says it is closed")
	}
	now = now.Add(4 * time.Second)
	if _, ok := b.Allow(now); !ok {
		t.Fatal("no probe after the pause")
	}
	try(false, fault) // one probe at a time
	b.Done(now, fault)
	now = now.Add(4 * time.Second)
	try(false, fault) // the pause has doubled
	now = now.Add(4 * time.Second)
	try(true, delivery.Result{Outcome: delivery.OutcomeSent})
	try(true, delivery.Result{Outcome: delivery.OutcomeRetry, ServiceFault: true, RetryAfter: time.Hour}) // one fault opens nothing
	for range 4 {
		try(true, delivery.Result{Outcome: delivery.OutcomeRetry, ServiceFault: true, RetryAfter: 40 * time.Second})
	}
	now = now.Add(39 * time.Second)
	try(false, fault)
	now = now.Add(time.Second)
	try(true, delivery.Result{Outcome: delivery.OutcomeSent})
}
