package sqlstore_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/shared/protocol"
)

const lease = 30 * time.Second

// fcmAddress is what an Android app of today registers: no kind, so it means a token.
func fcmAddress(value string) *protocol.PushAddress {
	return &protocol.PushAddress{Channel: "fcm", Address: value}
}

// ringing is a user with one device that has a push address, and an outbox.
type ringing struct {
	*testkit.Kit
	device *testkit.Device
	outbox delivery.Store
}

func newRinging(t *testing.T) *ringing {
	t.Helper()
	k := testkit.New(t)
	r := &ringing{Kit: k, device: k.Enroll("ada"), outbox: k.DB.Outbox()}
	r.register(r.device.ID, fcmAddress("address"))
	return r
}

func (r *ringing) update(fn func(*sqlstore.Tx) error) {
	r.T.Helper()
	if err := r.DB.Update(context.Background(), fn); err != nil {
		r.T.Fatal(err)
	}
}

func (r *ringing) register(id protocol.DeviceID, address *protocol.PushAddress) {
	r.T.Helper()
	r.update(func(tx *sqlstore.Tx) error {
		d, err := tx.Device(r.Tenant.ID, id)
		if err != nil {
			return err
		}
		d.Push = address
		return tx.SaveDevice(d)
	})
}

func (r *ringing) address() *protocol.PushAddress {
	r.T.Helper()
	var p *protocol.PushAddress
	r.update(func(tx *sqlstore.Tx) error {
		d, err := tx.Device(r.Tenant.ID, r.device.ID)
		p = d.Push
		return err
	})
	return p
}

// ring creates a challenge, whose deliveries are then in the outbox.
func (r *ringing) ring() challenge.Challenge {
	r.T.Helper()
	return r.MustCreate("ada", nil).Challenge
}

func (r *ringing) claim(limit int) []delivery.Job {
	r.T.Helper()
	jobs, err := r.outbox.Claim(context.Background(), delivery.Claim{Channel: delivery.FCM, Limit: limit, Now: r.Clock.Now(), Lease: lease})
	if err != nil {
		r.T.Fatal(err)
	}
	return jobs
}

func (r *ringing) record(report delivery.Report) {
	r.T.Helper()
	if err := r.outbox.Record(context.Background(), report); err != nil {
		r.T.Fatal(err)
	}
}

func TestAQueuedWakeupIsClaimedWithEverythingItNeeds(t *testing.T) {
	r := newRinging(t)
	c := r.ring()
	jobs := r.claim(10)
	if len(jobs) != 1 {
		t.Fatalf("%d jobs", len(jobs))
	}
	j := jobs[0]
	if j.Lease.Number != 1 || j.Device != r.device.ID || j.Wakeup.ChallengeID != c.ID || !j.Wakeup.ExpiresAt.Equal(c.ExpiresAt) ||
		j.Address.Channel != delivery.FCM || j.Address.Kind != delivery.KindToken || j.Address.Value != "address" || j.Wakeup.Check() != nil {
		t.Fatalf("job %+v", j)
	}
	if other, err := r.outbox.Claim(t.Context(), delivery.Claim{Channel: delivery.APNs, Limit: 10, Now: r.Clock.Now(), Lease: lease}); err != nil || len(other) != 0 {
		t.Fatalf("another channel got %v, %v", other, err)
	}
}

func TestALeaseIsExclusiveUntilItEnds(t *testing.T) {
	r := newRinging(t)
	r.ring()
	first := r.claim(10)
	r.Clock.Advance(lease - time.Second)
	if again := r.claim(10); len(first) != 1 || len(again) != 0 {
		t.Fatalf("%d and %d jobs while the lease holds", len(first), len(again))
	}
	r.Clock.Advance(time.Second)
	second := r.claim(10)
	if len(second) != 1 || second[0].Lease.Number != 2 {
		t.Fatalf("after the lease: %+v", second)
	}
	if err := r.outbox.Record(t.Context(), delivery.Report{Lease: first[0].Lease, Outcome: delivery.OutcomeSent}); !errors.Is(err, delivery.ErrLeaseLost) {
		t.Fatalf("the node that was too slow records: %v", err)
	}
	r.record(delivery.Report{Lease: second[0].Lease, Outcome: delivery.OutcomeSent})
	r.Clock.Advance(lease)
	if left := r.claim(10); len(left) != 0 {
		t.Fatalf("a sent job was claimed again: %v", left)
	}
}

func TestManyNodesClaimEachJobOnce(t *testing.T) {
	r := newRinging(t)
	for range 3 {
		r.ring()
	}
	var mu sync.Mutex
	seen := map[string]int{}
	var nodes sync.WaitGroup
	for range 8 {
		nodes.Go(func() {
			jobs, err := r.outbox.Claim(context.Background(), delivery.Claim{Channel: delivery.FCM, Limit: 2, Now: r.Clock.Now(), Lease: lease})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			for _, j := range jobs {
				seen[j.Lease.JobID]++
			}
		})
	}
	nodes.Wait()
	if len(seen) != 3 {
		t.Errorf("%d of 3 jobs claimed", len(seen))
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("job %s claimed %d times", id, n)
		}
	}
}

func TestNothingIsClaimedAfterTheChallengeOrTheDeviceIsOver(t *testing.T) {
	for name, end := range map[string]func(*ringing, challenge.Challenge){
		"canceled": func(r *ringing, c challenge.Challenge) {
			_, _ = r.Challenges.Cancel(context.Background(), r.Caller, c.ID)
		},
		"denied":             func(r *ringing, c challenge.Challenge) { _, _ = r.device.Decide(c, protocol.Deny, "") },
		"time over":          func(r *ringing, c challenge.Challenge) { r.Clock.Advance(c.ExpiresAt.Sub(r.Clock.Now())) },
		"address taken away": func(r *ringing, _ challenge.Challenge) { r.register(r.device.ID, nil) },
		"another channel now": func(r *ringing, _ challenge.Challenge) {
			r.register(r.device.ID, &protocol.PushAddress{Channel: "apns", Address: "a1", App: "x"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRinging(t)
			c := r.ring()
			end(r, c)
			if jobs := r.claim(10); len(jobs) != 0 {
				t.Fatalf("claimed %+v", jobs)
			}
		})
	}
}

func TestARetryWaitsAndAttemptsAreKept(t *testing.T) {
	r := newRinging(t)
	r.ring()
	job := r.claim(1)[0]
	next := r.Clock.Now().Add(5 * time.Second)
	attempt := delivery.Attempt{Channel: delivery.FCM, StartedAt: r.Clock.Now(), Latency: 42 * time.Millisecond, Outcome: delivery.OutcomeRetry, Code: "UNAVAILABLE"}
	r.record(delivery.Report{Lease: job.Lease, Attempt: &attempt, Next: next, Outcome: delivery.OutcomeRetry})
	if early := r.claim(1); len(early) != 0 {
		t.Fatal("claimed before it is due")
	}
	r.Clock.Advance(5 * time.Second)
	again := r.claim(1)
	if len(again) != 1 || again[0].Lease.Number != 2 {
		t.Fatalf("claimed %+v", again)
	}
	sent := delivery.Attempt{Channel: delivery.FCM, StartedAt: r.Clock.Now(), Outcome: delivery.OutcomeSent, MessageID: "m-1"}
	r.record(delivery.Report{Lease: again[0].Lease, Attempt: &sent, Outcome: delivery.OutcomeSent})
	r.update(func(tx *sqlstore.Tx) error {
		all, err := tx.Deliveries(false, 10)
		if err != nil {
			return err
		}
		if len(all) != 1 || !all[0].Finished || all[0].Outcome != delivery.OutcomeSent || len(all[0].Attempts) != 2 || all[0].Attempts[0] != attempt || all[0].Attempts[1] != sent {
			t.Errorf("deliveries %+v", all)
		}
		failed, err := tx.Deliveries(true, 10)
		if len(failed) != 0 {
			t.Errorf("a sent one is listed as failed: %+v", failed)
		}
		return err
	})
	r.update(func(tx *sqlstore.Tx) error {
		n, err := tx.SweepDeliveries(r.Clock.Now().Add(time.Second), 10)
		if n != 1 {
			t.Errorf("%d swept", n)
		}
		return err
	})
}

func TestADeadAddressIsDroppedUnlessRegisteredSince(t *testing.T) {
	for name, c := range map[string]struct {
		since   time.Time // by the database's clock, which is the system's
		replace *protocol.PushAddress
		gone    bool
	}{
		"dead since later":     {time.Now().Add(time.Hour), nil, true},
		"registered after":     {time.Now().Add(-time.Hour), nil, false},
		"replaced by another":  {time.Now().Add(time.Hour), fcmAddress("new"), false},
		"replaced by its kind": {time.Now().Add(time.Hour), &protocol.PushAddress{Channel: "fcm", Kind: "fid", Address: "address"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRinging(t)
			r.ring()
			job := r.claim(1)[0]
			if c.replace != nil {
				r.register(r.device.ID, c.replace)
			}
			r.record(delivery.Report{Lease: job.Lease, Outcome: delivery.OutcomeAddressDead, Drop: &delivery.Drop{Device: job.Device, Address: job.Address, RegisteredBefore: c.since}})
			if gone := r.address() == nil; gone != c.gone {
				t.Fatalf("dropped %v, want %v", gone, c.gone)
			}
		})
	}
}

func TestT04_a_dead_address_of_one_device_detaches_no_other(t *testing.T) {
	r := newRinging(t)
	other := r.Enroll("bob")
	r.register(other.ID, fcmAddress("address"))
	r.ring()
	job := r.claim(1)[0]
	r.record(delivery.Report{Lease: job.Lease, Outcome: delivery.OutcomeAddressDead, Drop: &delivery.Drop{Device: job.Device, Address: job.Address, RegisteredBefore: time.Now().Add(time.Hour)}})
	r.update(func(tx *sqlstore.Tx) error {
		d, err := tx.Device(r.Tenant.ID, other.ID)
		if d.Push == nil {
			t.Error("the other device lost its address")
		}
		return err
	})
}

func TestAttemptsHoldNoAddress(t *testing.T) {
	r := newRinging(t)
	r.register(r.device.ID, fcmAddress("canary-address"))
	r.ring()
	job := r.claim(1)[0]
	if strings.Contains(job.Address.String(), "canary") {
		t.Fatal("a job prints its address")
	}
	attempt := delivery.Attempt{Channel: delivery.FCM, StartedAt: r.Clock.Now(), Outcome: delivery.OutcomeConfigError, Code: "INVALID_ARGUMENT"}
	r.record(delivery.Report{Lease: job.Lease, Attempt: &attempt, Outcome: delivery.OutcomeConfigError})
	if r.address() == nil {
		t.Fatal("a configuration error dropped the address")
	}
}

func TestT01_fifty_challenges_in_a_minute_queue_three_wakeups(t *testing.T) {
	r := newRinging(t)
	made := 0
	for range 50 {
		if _, err := r.Create("ada", func(q *challenge.Request) { q.Session = "one" }); err == nil {
			made++
		}
		r.Clock.Advance(time.Second)
	}
	r.update(func(tx *sqlstore.Tx) error {
		queued, err := tx.Deliveries(false, 100)
		if len(queued) != 3 || made < 10 {
			t.Errorf("%d challenges queued %d wake-ups, want 3: the budget holds back wake-ups, not challenges", made, len(queued))
		}
		return err
	})
}

func TestT01_after_a_report_nothing_rings_for_fifteen_minutes(t *testing.T) {
	r := newRinging(t)
	count := func() (n int) {
		r.update(func(tx *sqlstore.Tx) error {
			queued, err := tx.Deliveries(false, 100)
			n = len(queued)
			return err
		})
		return n
	}
	c := r.ring()
	if _, err := r.device.Decide(c, protocol.Report, ""); err != nil {
		t.Fatal(err)
	}
	r.Clock.Advance(14 * time.Minute)
	r.ring()
	if n := count(); n != 1 {
		t.Fatalf("%d wake-ups 14 minutes after a report, want only the first", n)
	}
	r.Clock.Advance(2 * time.Minute)
	r.ring()
	if n := count(); n != 2 {
		t.Fatalf("%d wake-ups 16 minutes after a report, want a second", n)
	}
}

func TestADeviceWithoutAnAddressQueuesNothing(t *testing.T) {
	r := newRinging(t)
	r.register(r.device.ID, nil)
	r.ring()
	if jobs := r.claim(10); len(jobs) != 0 {
		t.Fatalf("queued %+v", jobs)
	}
}

func TestT01_the_wakeup_history_of_a_user(t *testing.T) {
	r := newRinging(t)
	history := func() (h delivery.History) {
		r.update(func(tx *sqlstore.Tx) (err error) {
			d, err := tx.Device(r.Tenant.ID, r.device.ID)
			if err != nil {
				return err
			}
			h, err = tx.WakeupHistory(r.Tenant.ID, d.User, r.Clock.Now())
			return err
		})
		return h
	}
	if h := history(); len(h.Wakeups) != 0 || !h.Denied.IsZero() || !h.Reported.IsZero() {
		t.Fatalf("a new user has %+v", h)
	}
	first := r.ring()
	r.Clock.Advance(time.Second)
	if _, err := r.device.Decide(first, protocol.Deny, ""); err != nil {
		t.Fatal(err)
	}
	denied := r.Clock.Now()
	r.Clock.Advance(time.Minute)
	second := r.ring()
	if h := history(); len(h.Wakeups) != 2 || !h.Denied.Equal(denied) {
		t.Fatalf("after a deny: %+v", h)
	}
	if _, err := r.device.Decide(second, protocol.Report, ""); err != nil {
		t.Fatal(err)
	}
	if h := history(); !h.Reported.Equal(r.Clock.Now()) || h.Suppressed(r.Clock.Now()) != "reported" {
		t.Fatalf("after a report: %+v", h)
	}
}

// A node commits a challenge and is killed before it sends: the next start sends it, once.
func TestAWakeupSurvivesACrashBetweenCommitAndSend(t *testing.T) {
	r := newRinging(t)
	r.ring() // committed; no runner was there
	sent := make(chan delivery.Wakeup, 10)
	var senders delivery.Senders
	senders.Add(delivery.FCM, "", sender(func(w delivery.Wakeup) delivery.Result {
		sent <- w
		return delivery.Result{Outcome: delivery.OutcomeSent}
	}))
	ctx, cancel := context.WithCancel(t.Context())
	var nodes sync.WaitGroup
	for range 3 {
		runner, err := delivery.NewRunner(delivery.RunnerParams{Store: r.outbox, Senders: &senders, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: r.Clock.Now, Poll: 5 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		nodes.Go(func() { runner.Run(ctx) })
	}
	select {
	case <-sent:
	case <-time.After(10 * time.Second):
		t.Fatal("never sent")
	}
	<-time.After(100 * time.Millisecond) // some twenty polls of each of three nodes
	cancel()
	nodes.Wait()
	if len(sent) != 0 {
		t.Fatalf("sent %d more times", len(sent))
	}
}

type sender func(delivery.Wakeup) delivery.Result

func (s sender) Send(_ context.Context, _ delivery.Address, w delivery.Wakeup) delivery.Result {
	return s(w)
}
