package delivery_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/shared/protocol"
)

// scripted is a sender whose answers a test chooses. It records when it was asked and for which address.
type scripted struct {
	mu     sync.Mutex
	calls  []call
	answer func(ctx context.Context, to delivery.Address, number int) delivery.Result
}

type call struct {
	at time.Time
	to string
	id protocol.ChallengeID
}

func (s *scripted) Send(ctx context.Context, to delivery.Address, w delivery.Wakeup) delivery.Result {
	s.mu.Lock()
	s.calls = append(s.calls, call{time.Now(), to.Value, w.ChallengeID})
	number := 0
	for _, c := range s.calls {
		if c.to == to.Value {
			number++
		}
	}
	s.mu.Unlock()
	if s.answer == nil {
		return delivery.Result{Outcome: delivery.OutcomeSent, MessageID: "m"}
	}
	return s.answer(ctx, to, number)
}

func (s *scripted) all() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]call(nil), s.calls...)
}

func (s *scripted) of(value string) (times []time.Time) {
	for _, c := range s.all() {
		if c.to == value {
			times = append(times, c.at)
		}
	}
	return times
}

func job(name string, life time.Duration) delivery.Job {
	now := time.Now()
	return delivery.Job{
		Lease: delivery.Lease{JobID: name}, Device: protocol.NewID[protocol.DeviceID](),
		Address: delivery.Address{Channel: delivery.FCM, Kind: delivery.KindFID, Value: name},
		Wakeup: delivery.Wakeup{
			Handle: protocol.RandomText(16), ChallengeID: protocol.NewID[protocol.ChallengeID](), ExpiresAt: now.Add(life), Language: "en",
		},
		CreatedAt: now,
	}
}

func senders(list map[delivery.Channel]delivery.Sender) *delivery.Senders {
	var s delivery.Senders
	for channel, sender := range list {
		s.Add(channel, "", sender)
	}
	return &s
}

// advance lets the bubble's time pass, with everything that is due in it.
func advance(d time.Duration) { <-time.After(d) }

// startRunner starts a node and returns how to stop it.
func startRunner(t *testing.T, p delivery.RunnerParams) (*delivery.Runner, func()) {
	t.Helper()
	if p.Logger == nil {
		p.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	r, err := delivery.NewRunner(p)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		r.Run(ctx)
		close(ended)
	}()
	return r, func() {
		cancel()
		<-ended
	}
}

func TestAPokeSendsAtOnceAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, sender := &memory{}, &scripted{}
		r, stop := startRunner(t, delivery.RunnerParams{Store: store, Senders: senders(map[delivery.Channel]delivery.Sender{delivery.FCM: sender})})
		defer stop()
		synctest.Wait()
		began := time.Now()
		store.add(job("phone", time.Minute))
		r.Poke()
		synctest.Wait()
		if times := sender.of("phone"); len(times) != 1 || !times[0].Equal(began) {
			t.Fatalf("sent at %v, want once at %v", times, began)
		}
		advance(2 * time.Minute)
		if row := store.rows()[0]; len(sender.all()) != 1 || row.outcome != delivery.OutcomeSent || len(row.attempts) != 1 || row.attempts[0].MessageID != "m" {
			t.Fatalf("%d calls, row %+v", len(sender.all()), row)
		}
	})
}

func TestFailedAttemptsAreRepeatedWithinTheChallengeAndNeverAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		sender := &scripted{answer: func(context.Context, delivery.Address, int) delivery.Result {
			return delivery.Result{Outcome: delivery.OutcomeRetry, Code: "TooManyRequests"}
		}}
		_, stop := startRunner(t, delivery.RunnerParams{Store: store, Senders: senders(map[delivery.Channel]delivery.Sender{delivery.FCM: sender})})
		defer stop()
		j := job("phone", 90*time.Second)
		store.add(j)
		advance(10 * time.Minute)
		times := sender.of("phone")
		if len(times) < 6 || len(times) > 16 {
			t.Errorf("%d attempts in 90 s", len(times))
		}
		for i, at := range times {
			if !at.Before(j.Wakeup.ExpiresAt) {
				t.Errorf("attempt %d at %v is after the expiry", i, at.Sub(j.CreatedAt))
			}
			if i > 0 && at.Sub(times[i-1]) < 500*time.Millisecond {
				t.Errorf("attempt %d comes %v after the one before", i, at.Sub(times[i-1]))
			}
		}
		if row := store.rows()[0]; row.outcome != delivery.OutcomeExpired || len(row.attempts) != len(times) {
			t.Errorf("the job ended as %q with %d attempts recorded of %d", row.outcome, len(row.attempts), len(times))
		}
	})
}

func TestNothingIsSentAfterAFinalStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		sender := &scripted{answer: func(context.Context, delivery.Address, int) delivery.Result {
			return delivery.Result{Outcome: delivery.OutcomeRetry}
		}}
		_, stop := startRunner(t, delivery.RunnerParams{Store: store, Senders: senders(map[delivery.Channel]delivery.Sender{delivery.FCM: sender})})
		defer stop()
		j := job("phone", 90*time.Second)
		store.add(j)
		advance(5 * time.Second)
		store.settle(j.Wakeup.ChallengeID)
		before := len(sender.all())
		advance(5 * time.Minute)
		if after := len(sender.all()); before == 0 || after != before {
			t.Fatalf("%d attempts before the decision, %d after", before, after-before)
		}
	})
}

func TestRetryAfterIsHonored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		sender := &scripted{answer: func(_ context.Context, _ delivery.Address, number int) delivery.Result {
			if number == 1 {
				return delivery.Result{Outcome: delivery.OutcomeRetry, RetryAfter: 20 * time.Second}
			}
			return delivery.Result{Outcome: delivery.OutcomeSent}
		}}
		_, stop := startRunner(t, delivery.RunnerParams{Store: store, Senders: senders(map[delivery.Channel]delivery.Sender{delivery.FCM: sender})})
		defer stop()
		store.add(job("long", 90*time.Second), job("short", 15*time.Second))
		advance(3 * time.Minute)
		times := sender.of("long")
		if len(times) != 2 || times[1].Sub(times[0]) < 20*time.Second || times[1].Sub(times[0]) > 26*time.Second {
			t.Errorf("attempts at %v, want the second 20 to 25 s later", times)
		}
		if n := len(sender.of("short")); n != 1 {
			t.Errorf("%d attempts of a challenge that ends before the service wants to be asked again", n)
		}
	})
}

func TestTwoNodesNeverSendTheSameJobWhileALeaseHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		sender := &scripted{answer: func(ctx context.Context, _ delivery.Address, _ int) delivery.Result {
			select { // slow, but within the time of an attempt
			case <-time.After(9 * time.Second):
				return delivery.Result{Outcome: delivery.OutcomeSent}
			case <-ctx.Done():
				return delivery.Result{Outcome: delivery.OutcomeRetry, Code: delivery.CodeTimeout, ServiceFault: true}
			}
		}}
		p := delivery.RunnerParams{Store: store, Senders: senders(map[delivery.Channel]delivery.Sender{delivery.FCM: sender})}
		a, stopA := startRunner(t, p)
		defer stopA()
		b, stopB := startRunner(t, p)
		defer stopB()
		for i := range 50 {
			store.add(job(fmt.Sprint("phone", i), 90*time.Second))
		}
		a.Poke()
		b.Poke()
		advance(3 * time.Minute)
		for i := range 50 {
			if n := len(sender.of(fmt.Sprint("phone", i))); n != 1 {
				t.Errorf("phone%d was sent %d times", i, n)
			}
		}
	})
}

func TestAKilledNodesJobIsSentByAnotherWhenItsLeaseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		j := job("phone", 90*time.Second)
		store.add(j)
		// The first node claims and is killed before it sends.
		if jobs, err := store.Claim(t.Context(), delivery.Claim{Channel: delivery.FCM, Limit: 1, Now: time.Now(), Lease: 30 * time.Second}); err != nil || len(jobs) != 1 {
			t.Fatalf("claimed %v, %v", jobs, err)
		}
		sender := &scripted{}
		_, stop := startRunner(t, delivery.RunnerParams{Store: store, Senders: senders(map[delivery.Channel]delivery.Sender{delivery.FCM: sender})})
		defer stop()
		advance(29 * time.Second)
		if len(sender.all()) != 0 {
			t.Fatal("sent while the lease held")
		}
		advance(4 * time.Second)
		if len(sender.all()) != 1 {
			t.Fatalf("sent %d times after the lease ended, want once", len(sender.all()))
		}
	})
}

func TestAnAttemptThatCannotBeRecordedAtFirstIsNotMadeTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, sender := &memory{failing: 3}, &scripted{}
		_, stop := startRunner(t, delivery.RunnerParams{Store: store, Senders: senders(map[delivery.Channel]delivery.Sender{delivery.FCM: sender})})
		defer stop()
		store.add(job("phone", 90*time.Second))
		advance(2 * time.Minute)
		if n := len(sender.all()); n != 1 || store.rows()[0].outcome != delivery.OutcomeSent {
			t.Fatalf("sent %d times, outcome %q", n, store.rows()[0].outcome)
		}
	})
}

func TestAHangingServiceCostsOnlyItsOwnChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		hanging := &scripted{answer: func(ctx context.Context, _ delivery.Address, _ int) delivery.Result {
			<-ctx.Done()
			return delivery.Result{Outcome: delivery.OutcomeRetry, Code: delivery.CodeTimeout, ServiceFault: true}
		}}
		good := &scripted{}
		r, stop := startRunner(t, delivery.RunnerParams{
			Store: store, Slots: 8, Senders: senders(map[delivery.Channel]delivery.Sender{delivery.WebPush: hanging, delivery.FCM: good}),
		})
		defer stop()
		began := time.Now()
		for i := range 100 {
			j := job("https://dead.example/"+fmt.Sprint(i), 90*time.Second)
			j.Address = delivery.Address{Channel: delivery.WebPush, Value: j.Address.Value, P256DH: make([]byte, 65), Auth: make([]byte, 16)}
			store.add(j, job(fmt.Sprint("phone", i), 90*time.Second))
		}
		r.Poke()
		synctest.Wait()
		if n := len(good.all()); n != 100 || time.Since(began) != 0 {
			t.Fatalf("%d of 100 were sent while the other channel hangs", n)
		}
		advance(90 * time.Second)
		// The breaker leaves a probe now and then, so 100 devices do not make 100 hanging calls every few seconds.
		if n := len(hanging.all()); n > 30 {
			t.Errorf("%d calls to a service that hangs", n)
		}
	})
}

func TestOneThousandDevicesOfWhichOneInTenIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		sender := &scripted{answer: func(ctx context.Context, to delivery.Address, _ int) delivery.Result {
			switch {
			case strings.HasSuffix(to.Value, "0"): // hangs, alone among its neighbors
				<-ctx.Done()
				return delivery.Result{Outcome: delivery.OutcomeRetry, Code: delivery.CodeTimeout, ServiceFault: true}
			case strings.HasSuffix(to.Value, "5"):
				return delivery.Result{Outcome: delivery.OutcomeAddressDead, Code: "UNREGISTERED"}
			}
			advance(20 * time.Millisecond) // a service's usual answer, in the bubble's time
			return delivery.Result{Outcome: delivery.OutcomeSent}
		}}
		r, stop := startRunner(t, delivery.RunnerParams{Store: store, Senders: senders(map[delivery.Channel]delivery.Sender{delivery.FCM: sender})})
		defer stop()
		began := time.Now()
		for i := range 1000 {
			store.add(job(fmt.Sprintf("phone%03d", i), 90*time.Second))
		}
		r.Poke()
		advance(15 * time.Second)
		good, latest := 0, time.Duration(0)
		for _, row := range store.rows() {
			if strings.HasSuffix(row.job.Address.Value, "0") || strings.HasSuffix(row.job.Address.Value, "5") {
				continue
			}
			if row.outcome == delivery.OutcomeSent && row.finished {
				good++
				latest = max(latest, row.attempts[0].StartedAt.Sub(began))
			}
		}
		if good != 800 || latest > 11*time.Second {
			t.Errorf("%d of 800 live devices were reached, the last after %v", good, latest)
		}
		if n := len(store.dropped); n != 100 {
			t.Errorf("%d addresses dropped, want the 100 dead ones", n)
		}
	})
}

func TestADeadAddressIsDroppedUnlessItWasRegisteredSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		began := time.Now()
		since := map[string]time.Time{"old": began.Add(-time.Hour), "future": began.Add(time.Hour), "unknown": {}}
		sender := &scripted{answer: func(_ context.Context, to delivery.Address, _ int) delivery.Result {
			return delivery.Result{Outcome: delivery.OutcomeAddressDead, DeadSince: since[to.Value]}
		}}
		_, stop := startRunner(t, delivery.RunnerParams{Store: store, Senders: senders(map[delivery.Channel]delivery.Sender{delivery.FCM: sender})})
		defer stop()
		for name := range since {
			store.add(job(name, 90*time.Second))
		}
		advance(time.Minute)
		if len(store.dropped) != 3 || len(sender.all()) != 3 {
			t.Fatalf("%d drops, %d calls", len(store.dropped), len(sender.all()))
		}
		for _, drop := range store.dropped {
			started := sender.of(drop.Address.Value)[0]
			want := map[string]time.Time{"old": since["old"], "future": started, "unknown": started}[drop.Address.Value]
			if !drop.RegisteredBefore.Equal(want) {
				t.Errorf("%s: spares what was registered after %v, want %v", drop.Address.Value, drop.RegisteredBefore, want)
			}
		}
	})
}

func TestConfigurationErrorsAreShownAndDropNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		sender := &scripted{answer: func(context.Context, delivery.Address, int) delivery.Result {
			return delivery.Result{Outcome: delivery.OutcomeConfigError, Code: "InvalidProviderToken"}
		}}
		broken := &scripted{answer: func(context.Context, delivery.Address, int) delivery.Result { panic("inside") }}
		_, stop := startRunner(t, delivery.RunnerParams{Store: store, Senders: senders(map[delivery.Channel]delivery.Sender{delivery.FCM: sender, delivery.WebPush: broken})})
		defer stop()
		apple := job("a1", time.Minute)
		apple.Address = delivery.Address{Channel: delivery.APNs, Kind: delivery.KindProduction, Value: "a1", App: "com.unknown"}
		named := job("named", time.Minute)
		named.Wakeup.Handle = "alice@example.com"
		bad := job("bad address", time.Minute)
		panics := job("panics", time.Minute)
		panics.Address = delivery.Address{Channel: delivery.WebPush, Value: "https://push.example/x", P256DH: make([]byte, 65), Auth: make([]byte, 16)}
		store.add(job("refused", time.Minute), apple, named, bad, panics)
		advance(3 * time.Minute)
		want := map[string]string{
			"refused": "InvalidProviderToken", "a1": delivery.CodeNoCredentials, "named": delivery.CodeBadWakeup,
			"bad address": delivery.CodeBadAddress, "panics": delivery.CodePanic,
		}
		for _, row := range store.rows() {
			if !row.finished || row.outcome != delivery.OutcomeConfigError || len(row.attempts) != 1 || row.attempts[0].Code != want[row.job.Lease.JobID] {
				t.Errorf("%s ended as %q after %+v", row.job.Lease.JobID, row.outcome, row.attempts)
			}
		}
		if len(store.dropped) != 0 || len(sender.all()) != 1 {
			t.Errorf("%d addresses dropped, %d calls", len(store.dropped), len(sender.all()))
		}
	})
}

func TestTheBreakerSparesAServiceInTroubleAndFindsItBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		began := time.Now()
		sender := &scripted{answer: func(context.Context, delivery.Address, int) delivery.Result {
			if time.Since(began) < 20*time.Second {
				return delivery.Result{Outcome: delivery.OutcomeRetry, Code: "UNAVAILABLE", ServiceFault: true}
			}
			return delivery.Result{Outcome: delivery.OutcomeSent}
		}}
		r, stop := startRunner(t, delivery.RunnerParams{Store: store, Slots: 4, Senders: senders(map[delivery.Channel]delivery.Sender{delivery.FCM: sender})})
		defer stop()
		for i := range 200 {
			store.add(job(fmt.Sprint("phone", i), 90*time.Second))
		}
		r.Poke()
		advance(19 * time.Second)
		if n := len(sender.all()); n > 20 {
			t.Errorf("%d calls to a service that fails", n)
		}
		advance(70 * time.Second)
		for _, row := range store.rows() {
			if row.outcome != delivery.OutcomeSent {
				t.Fatalf("%s ended as %q: the service was back in time", row.job.Lease.JobID, row.outcome)
			}
		}
	})
}

func TestStoppingFinishesWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		sender := &scripted{answer: func(ctx context.Context, _ delivery.Address, _ int) delivery.Result {
			select {
			case <-time.After(3 * time.Second):
				return delivery.Result{Outcome: delivery.OutcomeSent}
			case <-ctx.Done():
				return delivery.Result{Outcome: delivery.OutcomeRetry}
			}
		}}
		r, stop := startRunner(t, delivery.RunnerParams{Store: store, Senders: senders(map[delivery.Channel]delivery.Sender{delivery.FCM: sender})})
		store.add(job("phone", 90*time.Second))
		r.Poke()
		synctest.Wait()
		stop()
		if row := store.rows()[0]; row.outcome != delivery.OutcomeSent || !row.finished {
			t.Fatalf("the job ended as %q", row.outcome)
		}
	})
}

// The node's clock is moved while a job waits for its second attempt: an hour ahead ends the job, an hour back delays
// it, and neither sends more than the attempts that were due.
func TestT42_clock_jumps_send_nothing_twice(t *testing.T) {
	for name, jump := range map[string]time.Duration{"ahead": time.Hour, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				offset := time.Duration(0)
				now := func() time.Time {
					mu.Lock()
					defer mu.Unlock()
					return time.Now().Add(offset)
				}
				store := &memory{}
				sender := &scripted{answer: func(_ context.Context, _ delivery.Address, number int) delivery.Result {
					if number == 1 {
						return delivery.Result{Outcome: delivery.OutcomeRetry, RetryAfter: 30 * time.Second}
					}
					return delivery.Result{Outcome: delivery.OutcomeSent}
				}}
				_, stop := startRunner(t, delivery.RunnerParams{Store: store, Now: now, Senders: senders(map[delivery.Channel]delivery.Sender{delivery.FCM: sender})})
				defer stop()
				store.add(job("phone", 90*time.Second))
				advance(3 * time.Second) // the first poll has tried once
				mu.Lock()
				offset = jump
				mu.Unlock()
				advance(3 * time.Hour)
				want := map[string]int{"ahead": 1, "back": 2}[name]
				if n := len(sender.all()); n != want {
					t.Fatalf("%d attempts, want %d", n, want)
				}
			})
		})
	}
}

func TestRingSendsATestDoorbellAndSaysWhatHappened(t *testing.T) {
	sender := &scripted{}
	all := senders(map[delivery.Channel]delivery.Sender{delivery.FCM: sender})
	j := job("phone", time.Minute)
	if got := delivery.Ring(t.Context(), all, j.Address, j.Wakeup); got.Outcome != delivery.OutcomeSent {
		t.Fatalf("got %+v", got)
	}
	if calls := sender.all(); len(calls) != 1 || calls[0].id != "" {
		t.Fatalf("calls %v: a test doorbell opens no challenge", calls)
	}
	missing := delivery.Ring(t.Context(), new(delivery.Senders), j.Address, j.Wakeup)
	if missing.Code != delivery.CodeNoCredentials || !strings.Contains(delivery.Explain(delivery.FCM, missing.Code), "credentials") {
		t.Fatalf("got %+v", missing)
	}
}

func TestARunnerNeedsItsParts(t *testing.T) {
	if _, err := delivery.NewRunner(delivery.RunnerParams{}); err == nil {
		t.Fatal("a runner without a store was made")
	}
}
