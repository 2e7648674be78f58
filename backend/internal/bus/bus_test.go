package bus_test

import (
	"fmt"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/nod-auth/nod/backend/internal/bus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAnEventReachesTheListenersOfItsTopicOnly(t *testing.T) {
	b := bus.New()
	one, two, other := b.Subscribe(bus.Device("a")), b.Subscribe(bus.Device("a")), b.Subscribe(bus.Challenge("a"))
	if n := b.Publish(bus.Device("a"), bus.Event{ID: "1"}); n != 2 {
		t.Errorf("%d listeners", n)
	}
	for _, s := range []*bus.Subscription{one, two} {
		if e := <-s.C; e.ID != "1" {
			t.Errorf("got %+v", e)
		}
	}
	select {
	case e := <-other.C:
		t.Errorf("another topic got %+v", e)
	default:
	}
	one.Close()
	one.Close()
	if n := b.Publish(bus.Device("a"), bus.Event{}); n != 1 || b.Listeners() != 2 {
		t.Errorf("%d listeners after one left, %d in all", n, b.Listeners())
	}
}

func TestASlowListenerBlocksNobodyAndIsToldOnce(t *testing.T) {
	b := bus.New()
	slow, quick := b.Subscribe("t"), b.Subscribe("t")
	if slow.Lagged() {
		t.Error("it lags before anything happened")
	}
	for i := range 100 {
		b.Publish("t", bus.Event{ID: fmt.Sprint(i)})
		if e := <-quick.C; e.ID != fmt.Sprint(i) {
			t.Fatalf("the quick one got %s, want %d", e.ID, i)
		}
	}
	if quick.Lagged() || !slow.Lagged() || slow.Lagged() {
		t.Error("who lagged is not told right, or not once")
	}
	for i := range len(slow.C) {
		if e := <-slow.C; e.ID != fmt.Sprint(i) {
			t.Errorf("event %d is %s", i, e.ID)
		}
	}
	b.Publish("t", bus.Event{ID: "fresh"})
	if e := <-slow.C; e.ID != "fresh" || slow.Lagged() {
		t.Errorf("after it has caught up: %+v", e)
	}
}

func TestACloseEndsEveryWait(t *testing.T) {
	b := bus.New()
	var wg sync.WaitGroup
	var started sync.WaitGroup
	for i := range 32 {
		started.Add(1)
		wg.Go(func() {
			s := b.Subscribe(fmt.Sprint(i % 4))
			defer s.Close()
			started.Done()
			for range s.C { //nolint:revive // until it is closed
			}
		})
	}
	started.Wait()
	b.Close()
	wg.Wait()
	b.Close()
	late := b.Subscribe("t")
	if _, open := <-late.C; open {
		t.Error("a later subscription is open")
	}
	late.Close()
	if n := b.Publish("t", bus.Event{}); n != 0 || b.Listeners() != 0 {
		t.Errorf("%d listeners, %d in all", n, b.Listeners())
	}
}

func TestEverythingAtOnce(t *testing.T) {
	b := bus.New()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				s := b.Subscribe("t")
				b.Publish("t", bus.Event{ID: fmt.Sprint(i)})
				if _, open := <-s.C; !open {
					return
				}
				s.Lagged()
				s.Close()
			}
		})
	}
	wg.Go(func() { b.Close() })
	wg.Wait()
}
