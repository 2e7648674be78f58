package challenge_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/replay"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/shared/protocol"
)

// atOnce runs f n times at the same time and returns what each gave.
func atOnce(n int, f func(i int) (challenge.Created, error)) (made []challenge.Created, errs []error) {
	made, errs = make([]challenge.Created, n), make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			made[i], errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return made, errs
}

func keyed(scope, body string) func(*challenge.Request) {
	return func(r *challenge.Request) {
		r.Transaction = "tx-" + body
		r.Idempotency = replay.Key{Scope: protocol.TokenHash(scope), Body: protocol.TokenHash(body)}
	}
}

func TestOneIdempotencyKeyWithManyBodiesAtOnceMakesOneChallenge(t *testing.T) {
	k := testkit.New(t)
	k.Enroll("ada")
	for round := range 10 {
		scope := fmt.Sprint("key-", round)
		made, errs := atOnce(8, func(i int) (challenge.Created, error) {
			return k.Create("ada", keyed(scope, fmt.Sprint(round, "-", i)))
		})
		won := 0
		for i, err := range errs {
			if err == nil {
				won++
				_, err := k.Challenges.Cancel(ctx, k.Caller, made[i].Challenge.ID)
				must(t, err)
				continue
			}
			if code := fault.CodeOf(err); code != fault.IdempotencyReused {
				t.Errorf("round %d: got %v, want idempotency_key_reused", round, err)
			}
		}
		if won != 1 {
			t.Errorf("round %d: %d challenges were made", round, won)
		}
		k.Clock.Advance(time.Minute)
	}
}

func TestACreateSentAgainAtOnceIsTheSameChallengeAlsoAtTheLimit(t *testing.T) {
	k := testkit.New(t)
	k.Enroll("ada")
	for range challenge.MaxPending - 1 {
		k.MustCreate("ada", nil)
	}
	made, errs := atOnce(8, func(int) (challenge.Created, error) { return k.Create("ada", keyed("again", "same")) })
	for i := range made {
		must(t, errs[i])
		if made[i].Challenge.ID != made[0].Challenge.ID || made[i].Number != made[0].Number || made[i].Browser != made[0].Browser {
			t.Errorf("reply %d is of another challenge", i)
		}
	}
}

// A device of the user's own, or a copy of its keys, must not fill the disk with what was refused.
func TestT19_ADeviceThatIsRefusedWithoutEndLeavesFewEvents(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	made := k.MustCreate("ada", nil)
	_, err := d.Decide(made.Challenge, protocol.Deny, "")
	must(t, err)
	last := fault.Code("")
	for range 300 {
		_, err := d.Decide(made.Challenge, protocol.Deny, "")
		last = fault.CodeOf(err)
	}
	if last != fault.AlreadyDecided {
		t.Errorf("the last is %s", last)
	}
	if n := events(t, k, audit.DecisionRefused); n == 0 || n > 100 {
		t.Errorf("%d events", n)
	}
	k.Clock.Advance(31 * time.Second)
	again := k.MustCreate("ada", nil)
	c, err := d.Decide(again.Challenge, protocol.Deny, "")
	if err != nil || c.Status != protocol.StatusDenied {
		t.Errorf("an answer that counts is held up: %s, %v", c.Status, err)
	}
}

// Superseding needs no answer, so nothing but this bounds how many rows a stranger can cause who knows a user's name.
func TestT01_CreatesWithoutAnApprovalAreBounded(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	again := func(r *challenge.Request) { r.Session = "one" }
	made, last := 0, error(nil)
	for range 50 { // in 60 seconds
		if _, last = k.Create("ada", again); last == nil {
			made++
		}
		k.Clock.Advance(1200 * time.Millisecond)
	}
	if made < challenge.CreateBurst || made >= 50 || fault.CodeOf(last) != fault.RateLimited {
		t.Errorf("%d of 50 were made, the last: %v", made, last)
	}
	var f *fault.Error
	if !errors.As(last, &f) || f.RetryAfter <= 0 {
		t.Errorf("no Retry-After: %v", last)
	}
	k.Enroll("bob")
	k.MustCreate("bob", nil) // another user is not held up
	k.Clock.Advance(5 * time.Second)
	c := k.MustCreate("ada", again)
	_, err := d.Decide(c.Challenge, protocol.Approve, c.Number)
	must(t, err)
	for range challenge.CreateBurst { // an approval gives everything back
		k.MustCreate("ada", again)
	}
}
