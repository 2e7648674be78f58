package challenge_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

var ctx = context.Background()

// events counts a tenant's audit events of one type.
func events(t testing.TB, k *testkit.Kit, want audit.Type) int {
	t.Helper()
	n := 0
	err := k.DB.View(ctx, func(tx *sqlstore.Tx) error {
		list, err := tx.Events(k.Tenant.ID, 0, 100000)
		for _, e := range list {
			if e.Type == want {
				n++
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func wrong(number string) string {
	if number == "00" {
		return "01"
	}
	return "00"
}

func wantCode(t testing.TB, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestT05_TheSameBytesThirtyTwoTimesAtOnceAreOneDecision(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	made := k.MustCreate("ada", nil)
	raw := d.Sign(made.Challenge, protocol.Approve, made.Number, nil)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			c, err := k.Challenges.Decide(ctx, made.Challenge.ID, raw)
			if err != nil || c.Status != protocol.StatusApproved {
				t.Errorf("%v %v", c.Status, err)
			}
		})
	}
	wg.Wait()
	if n := events(t, k, audit.ChallengeApproved); n != 1 {
		t.Errorf("%d events of the approval, want 1", n)
	}
}

func TestT05_ADecisionIsRefusedOnAnyOtherChallenge(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	first := k.MustCreate("ada", nil)
	raw := d.Sign(first.Challenge, protocol.Approve, first.Number, nil)
	if _, err := k.Challenges.Decide(ctx, first.Challenge.ID, raw); err != nil {
		t.Fatal(err)
	}
	second := k.MustCreate("ada", nil)
	_, err := k.Challenges.Decide(ctx, second.Challenge.ID, raw)
	wantCode(t, err, fault.ValidationFailed)
	if c, _ := k.Challenges.Get(ctx, k.App, second.Challenge.ID); c.Status != protocol.StatusPending {
		t.Errorf("the other challenge is %s", c.Status)
	}
}

func TestT06_AnotherChallengeHashIsRefusedAndRecorded(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	made := k.MustCreate("ada", nil)
	raw := d.Sign(made.Challenge, protocol.Approve, made.Number, func(in *protocol.Decision) { in.ChallengeHash = protocol.Hash("what a proxy showed") })
	_, err := k.Challenges.Decide(ctx, made.Challenge.ID, raw)
	wantCode(t, err, fault.HashMismatch)
	if n := events(t, k, audit.DecisionRefused); n != 1 {
		t.Errorf("%d events of the refusal, want 1", n)
	}
	if c, _ := k.Challenges.Get(ctx, k.App, made.Challenge.ID); c.Status != protocol.StatusPending {
		t.Errorf("the challenge is %s", c.Status)
	}
}

func TestT07_WrongAnswersAtOnceOverManyChallengesAreComparedFiveTimes(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	var compared atomic.Int32
	sent := 0
	for wave := 0; ; wave++ {
		var open []challenge.Created
		for i := range challenge.MaxPending {
			made, err := k.Create("ada", func(r *challenge.Request) { r.Session = fmt.Sprint(wave, i) })
			if err == nil {
				open = append(open, made)
				continue
			}
			wantCode(t, err, fault.LockedOut)
		}
		if len(open) == 0 {
			break
		}
		var wg sync.WaitGroup
		for i := range 48 {
			c := open[i%len(open)]
			raw := d.Sign(c.Challenge, protocol.Approve, wrong(c.Number), nil)
			sent++
			wg.Go(func() {
				_, err := k.Challenges.Decide(ctx, c.Challenge.ID, raw)
				switch fault.CodeOf(err) {
				case fault.NumberWrong:
					compared.Add(1)
				case fault.LockedOut, fault.AlreadyDecided, fault.CounterRegressed: // refused before the comparison
				default:
					t.Errorf("unexpected answer %v", err)
				}
			})
		}
		wg.Wait()
	}
	if compared.Load() != user.ThrottleStreak || sent < 90 {
		t.Errorf("%d of %d wrong answers were compared, want %d", compared.Load(), sent, user.ThrottleStreak)
	}
	if n := events(t, k, audit.UserLocked); n != 1 {
		t.Errorf("%d events of the lock-out, want 1", n)
	}
}

func TestT07_TheLockDoublesAndAHundredWithoutASuccessDisable(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	lock := user.LockBase
	for total := 1; total <= user.DisableAfter; total++ {
		made := k.MustCreate("ada", nil)
		_, err := d.Decide(made.Challenge, protocol.Approve, wrong(made.Number))
		wantCode(t, err, fault.NumberWrong)
		if total == user.DisableAfter {
			break
		}
		if total%user.ThrottleStreak != 0 {
			continue
		}
		k.Clock.Advance(lock - time.Second)
		_, err = k.Create("ada", nil)
		wantCode(t, err, fault.LockedOut)
		k.Clock.Advance(time.Second)
		lock = min(2*lock, user.LockBase<<10)
	}
	k.Clock.Advance(365 * 24 * time.Hour)
	_, err := k.Create("ada", nil)
	wantCode(t, err, fault.UserLocked)
}

func TestT07_DenyAndReportStayPossibleWhileApproveIsLocked(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	last := k.MustCreate("ada", func(r *challenge.Request) { r.Session = "last" })
	for range user.ThrottleStreak {
		made := k.MustCreate("ada", nil)
		_, err := d.Decide(made.Challenge, protocol.Approve, wrong(made.Number))
		wantCode(t, err, fault.NumberWrong)
	}
	_, err := d.Decide(last.Challenge, protocol.Approve, last.Number)
	wantCode(t, err, fault.LockedOut)
	c, err := d.Decide(last.Challenge, protocol.Deny, "")
	if err != nil || c.Status != protocol.StatusDenied {
		t.Errorf("deny while locked: %v %v", c.Status, err)
	}
}

func TestT08_ApproveAgainstDenyHasExactlyOneWinner(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	for range 50 {
		k.Clock.Advance(5 * time.Second) // within the quota of creates
		made := k.MustCreate("ada", nil)
		raws := []string{d.Sign(made.Challenge, protocol.Approve, made.Number, nil), d.Sign(made.Challenge, protocol.Deny, "", nil),
			d.Sign(made.Challenge, protocol.Approve, made.Number, nil), d.Sign(made.Challenge, protocol.Deny, "", nil)}
		var won atomic.Int32
		var wg sync.WaitGroup
		for _, raw := range raws {
			wg.Go(func() {
				_, err := k.Challenges.Decide(ctx, made.Challenge.ID, raw)
				switch fault.CodeOf(err) {
				case "":
					won.Add(1)
				case fault.AlreadyDecided:
				default:
					t.Errorf("unexpected answer %v", err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d winners", won.Load())
		}
	}
}

func TestT13_AnOldCounterBlocksApproveAndNotDeny(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	first := k.MustCreate("ada", nil)
	raw := d.Sign(first.Challenge, protocol.Approve, first.Number, func(in *protocol.Decision) { in.Counter = 100 })
	_, err := k.Challenges.Decide(ctx, first.Challenge.ID, raw)
	must(t, err)
	second := k.MustCreate("ada", nil)
	for _, counter := range []uint64{1, 60, 100} {
		raw = d.Sign(second.Challenge, protocol.Approve, second.Number, func(in *protocol.Decision) { in.Counter = counter })
		_, err = k.Challenges.Decide(ctx, second.Challenge.ID, raw)
		wantCode(t, err, fault.CounterRegressed)
	}
	if n := events(t, k, audit.DeviceClone); n != 3 {
		t.Errorf("%d events of a suspected clone, want 3", n)
	}
	raw = d.Sign(second.Challenge, protocol.Deny, "", func(in *protocol.Decision) { in.Counter = 1 })
	c, err := k.Challenges.Decide(ctx, second.Challenge.ID, raw)
	if err != nil || c.Status != protocol.StatusDenied {
		t.Errorf("deny with an old counter: %v %v", c.Status, err)
	}
}

func TestT13_AnswersThatOvertakeEachOtherWithinTheWindowCount(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	a, b := k.MustCreate("ada", nil), k.MustCreate("ada", nil)
	early := d.Sign(a.Challenge, protocol.Approve, a.Number, nil)
	late := d.Sign(b.Challenge, protocol.Approve, b.Number, nil)
	_, err := k.Challenges.Decide(ctx, b.Challenge.ID, late)
	must(t, err)
	_, err = k.Challenges.Decide(ctx, a.Challenge.ID, early)
	must(t, err)
}

func TestT14_AClaimedHardwareKeyDoesNotMeetARequiredLevel(t *testing.T) {
	k := testkit.New(t)
	k.EnrollWith("ada", func(e *protocol.Enrollment) { e.Levels.Approval = protocol.LevelStrongBox })
	_, err := k.Create("ada", func(r *challenge.Request) { r.Requirements.KeyLevel = protocol.LevelTEE })
	wantCode(t, err, fault.RequirementNotMet)
	made := k.MustCreate("ada", func(r *challenge.Request) { r.Requirements.KeyLevel = protocol.LevelSoftware })
	if made.Challenge.Status != protocol.StatusPending {
		t.Errorf("a software requirement is not met: %s", made.Challenge.Status)
	}
}

func TestT24_ALockBetweenEachStepStopsTheNext(t *testing.T) {
	disable := func(k *testkit.Kit) {
		must(k.T, k.DB.Update(ctx, func(tx *sqlstore.Tx) error {
			u, err := tx.UserByRef(k.Tenant.ID, "ada")
			if err != nil {
				return err
			}
			return user.SetDisabled(tx, u, true, k.Clock.Now())
		}))
	}
	t.Run("before create", func(t *testing.T) {
		k := testkit.New(t)
		k.Enroll("ada")
		disable(k)
		_, err := k.Create("ada", nil)
		wantCode(t, err, fault.UserDisabled)
	})
	t.Run("between create and decision", func(t *testing.T) {
		k := testkit.New(t)
		d := k.Enroll("ada")
		made := k.MustCreate("ada", nil)
		disable(k)
		_, err := d.Decide(made.Challenge, protocol.Approve, made.Number)
		wantCode(t, err, fault.UserDisabled)
		c, err := d.Decide(made.Challenge, protocol.Report, "")
		if err != nil || c.Status != protocol.StatusReported {
			t.Errorf("report by a disabled user: %v %v", c.Status, err)
		}
	})
	t.Run("between decision and result", func(t *testing.T) {
		k := testkit.New(t)
		d := k.Enroll("ada")
		made := k.MustCreate("ada", nil)
		c, err := d.Decide(made.Challenge, protocol.Approve, made.Number)
		must(t, err)
		disable(k)
		_, err = k.Challenges.Result(ctx, c)
		wantCode(t, err, fault.ResultWithheld)
	})
	t.Run("a report after the approval withholds the result, and the status stands", func(t *testing.T) {
		k := testkit.New(t)
		d := k.Enroll("ada")
		made := k.MustCreate("ada", nil)
		_, err := d.Decide(made.Challenge, protocol.Approve, made.Number)
		must(t, err)
		k.Clock.Advance(23 * time.Hour)
		c, err := d.Decide(made.Challenge, protocol.Report, "")
		if err != nil || c.Status != protocol.StatusApproved || !c.Reported() {
			t.Fatalf("late report: %v %v", c.Status, err)
		}
		_, err = k.Challenges.Result(ctx, c)
		wantCode(t, err, fault.ResultWithheld)
		k.Clock.Advance(2 * time.Hour)
		other := k.MustCreate("ada", nil)
		k.Clock.Advance(25 * time.Hour)
		_, err = d.Decide(other.Challenge, protocol.Report, "")
		wantCode(t, err, fault.ChallengeExpired)
	})
}

func TestT26_AFactorChangeCancelsWhatIsPending(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	must(t, k.Tenants.SetDeviceAdd(ctx, k.Tenant.ID, "allow"))
	other := k.Enroll("ada")
	made := k.MustCreate("ada", nil)
	must(t, k.Devices.Revoke(ctx, k.Tenant.ID, "", other.ID, "operator"))
	_, err := d.Decide(made.Challenge, protocol.Approve, made.Number)
	wantCode(t, err, fault.AlreadyDecided)
	if c, _ := k.Challenges.Get(ctx, k.App, made.Challenge.ID); c.Status != protocol.StatusCanceled || c.Reason != "factor_changed" {
		t.Errorf("the pending challenge is %s %s", c.Status, c.Reason)
	}
	again := k.MustCreate("ada", nil)
	_, err = other.Decide(again.Challenge, protocol.Deny, "")
	wantCode(t, err, fault.DeviceUnauthorized)
}

func TestT01_AStrangerEndsNoOtherPromptAndAFourthWaits(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	mine := k.MustCreate("ada", func(r *challenge.Request) { r.Session = "mine" })
	for i := range challenge.MaxPending - 1 {
		k.MustCreate("ada", func(r *challenge.Request) { r.Session = fmt.Sprint("stranger", i) })
	}
	_, err := k.Create("ada", func(r *challenge.Request) { r.Session = "stranger again" })
	wantCode(t, err, fault.TooManyPending)
	c, err := d.Decide(mine.Challenge, protocol.Approve, mine.Number)
	if err != nil || c.Status != protocol.StatusApproved {
		t.Errorf("the victim's own prompt: %v %v", c.Status, err)
	}
	old := k.MustCreate("ada", func(r *challenge.Request) { r.Session = "mine" })
	fresh := k.MustCreate("ada", func(r *challenge.Request) { r.Session = "mine" })
	if c, _ := k.Challenges.Get(ctx, k.App, old.Challenge.ID); c.Status != protocol.StatusSuperseded {
		t.Errorf("the older one of the same session is %s", c.Status)
	}
	if c, _ := k.Challenges.Get(ctx, k.App, fresh.Challenge.ID); c.Status != protocol.StatusPending {
		t.Errorf("the newer one of the same session is %s", c.Status)
	}
}

func TestT02_ARetryRightAfterADenyIsRefused(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	same := func(r *challenge.Request) { r.Transaction = "login-1" }
	made := k.MustCreate("ada", same)
	_, err := d.Decide(made.Challenge, protocol.Deny, "")
	must(t, err)
	_, err = k.Create("ada", same)
	wantCode(t, err, fault.DeniedRecently)
	k.MustCreate("ada", nil)
	k.Clock.Advance(challenge.DenyCoolDown)
	k.MustCreate("ada", same)
}

func TestT25_ATransactionHasOnePendingChallenge(t *testing.T) {
	k := testkit.New(t)
	k.Enroll("ada")
	one := func(session string) func(*challenge.Request) {
		return func(r *challenge.Request) { r.Transaction, r.Session = "login-1", session }
	}
	k.MustCreate("ada", one("tab"))
	_, err := k.Create("ada", one(""))
	wantCode(t, err, fault.TransactionInUse)
	_, err = k.Create("ada", one("another tab"))
	wantCode(t, err, fault.TransactionInUse)
	k.MustCreate("ada", one("tab")) // the same session starts again: the older one is superseded
}

func TestT42_AChallengeThatIsOverStaysOverWhenTheClockStepsBack(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	made := k.MustCreate("ada", nil)
	k.Clock.Advance(2 * time.Minute)
	must(t, k.Challenges.Sweep(ctx))
	k.Clock.Advance(-2 * time.Minute)
	_, err := d.Decide(made.Challenge, protocol.Approve, made.Number)
	if fault.CodeOf(err) != fault.ChallengeExpired {
		t.Errorf("after the step back: %v", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
