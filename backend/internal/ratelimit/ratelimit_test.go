package ratelimit_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/ratelimit"
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestT19_ABurstAndThenOneAfterEachPause(t *testing.T) {
	l := ratelimit.New[string](3, 2*time.Second)
	took := func(now time.Time) (n int) {
		for range 100 {
			if _, ok := l.Spend("ada", now); ok {
				n++
			}
		}
		return n
	}
	if n := took(start); n != 3 {
		t.Errorf("%d at once, want 3", n)
	}
	if wait, ok := l.Spend("ada", start); ok || wait != 2*time.Second {
		t.Errorf("the next after %v", wait)
	}
	if _, ok := l.Spend("bob", start); !ok {
		t.Error("another key is held up")
	}
	if n := took(start.Add(5 * time.Second)); n != 2 {
		t.Errorf("%d after five seconds, want 2", n)
	}
	if n := took(start.Add(time.Hour)); n != 3 {
		t.Errorf("%d after an hour, want 3", n)
	}
	if n := took(start); n != 0 { // the clock was set back
		t.Errorf("%d by a clock that was set back", n)
	}
	l.Forget("ada")
	if n := took(start); n != 3 {
		t.Errorf("%d after a success, want 3", n)
	}
}

func TestT19_ManyKeysTakeNoMemoryWithoutEnd(t *testing.T) {
	l := ratelimit.New[int](1, time.Second)
	var held atomic.Int32
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 10000 {
				if _, ok := l.Spend(worker*10000+i, start); !ok {
					held.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if held.Load() != 0 {
		t.Errorf("%d fresh keys were held up", held.Load())
	}
}
