package delivery_test

import (
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/delivery"
)

func TestT01_fifty_challenges_in_a_minute_ring_three_times(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var h delivery.History
	rings := 0
	for range 50 {
		if h.Suppressed(now) == "" {
			rings++
			h.Wakeups = append(h.Wakeups, now)
		}
		now = now.Add(1200 * time.Millisecond)
	}
	if rings != 3 {
		t.Fatalf("rang %d times", rings)
	}
}

func TestT01_ten_wakeups_without_an_approval_are_the_end(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var h delivery.History
	for range 100 {
		if h.Suppressed(now) == "" {
			h.Wakeups = append(h.Wakeups, now)
		}
		now = now.Add(10 * time.Minute)
	}
	if len(h.Wakeups) != 10 || h.Suppressed(now) != "total" {
		t.Fatalf("rang %d times, then %q", len(h.Wakeups), h.Suppressed(now))
	}
	h.Wakeups = nil // an approval
	if why := h.Suppressed(now); why != "" {
		t.Fatalf("suppressed by %q after an approval", why)
	}
}

func TestT01_a_deny_and_a_report_bring_quiet(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	for _, c := range []struct {
		h     delivery.History
		after time.Duration
		want  string
	}{
		{delivery.History{Denied: at}, 29 * time.Second, "denied"},
		{delivery.History{Denied: at}, 30 * time.Second, ""},
		{delivery.History{Reported: at}, 15*time.Minute - time.Second, "reported"},
		{delivery.History{Reported: at}, 15 * time.Minute, ""},
	} {
		if got := c.h.Suppressed(at.Add(c.after)); got != c.want {
			t.Errorf("%+v after %v: %q, want %q", c.h, c.after, got, c.want)
		}
	}
}
