package inbox_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/app/internal/inbox"
	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/device/devicetest"
	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/software"
	"github.com/nod-auth/nod/shared/protocol"
)

const pin = "folded-paper-7"

// rig is a core with its streams open, and its inbox.
type rig struct {
	*inbox.Inbox
	t       *testing.T
	core    *device.Core
	changes <-chan struct{}
}

func newRig(t *testing.T) *rig {
	t.Helper()
	store := software.NewSimulation()
	core, err := device.Open(t.Context(), device.Params{Stores: []keystore.Store{store}, Platform: "simulator", AppVersion: "1"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := inbox.New(inbox.Params{Core: core})
	if err != nil {
		t.Fatal(err)
	}
	changes, _ := b.Watch()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	go func() { b.Run(ctx); done <- struct{}{} }()
	go func() { _ = core.Run(ctx); done <- struct{}{} }()
	t.Cleanup(func() {
		cancel()
		<-done
		<-done
		_ = core.Close()
		_ = store.Close()
	})
	return &rig{Inbox: b, t: t, core: core, changes: changes}
}

// until waits for a state; every change wakes it.
func (r *rig) until(what string, ok func(inbox.Snapshot) bool) inbox.Snapshot {
	r.t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		s := r.Snapshot()
		if ok(s) {
			return s
		}
		select {
		case <-r.changes:
		case <-deadline:
			r.t.Fatalf("never: %s; have %+v", what, s)
		}
	}
}

func (r *rig) enroll(s *devicetest.Server, user string) device.AccountID {
	r.t.Helper()
	in, err := r.core.Inspect(s.Invite(user))
	if err != nil {
		r.t.Fatal(err)
	}
	a, err := r.core.Enroll(r.t.Context(), device.EnrollParams{Invitation: in, DeviceName: "Test", Verification: keystore.Verification{PIN: []byte(pin)}})
	if err != nil {
		r.t.Fatal(err)
	}
	if !s.Confirm(a.ConfirmCode) {
		r.t.Fatal("not confirmed")
	}
	r.until("the account is active and online", func(s inbox.Snapshot) bool {
		for _, have := range s.Accounts {
			if have.ID == a.ID {
				return have.Status == device.AccountActive && have.Link == inbox.LinkOnline
			}
		}
		return false
	})
	return a.ID
}

func asking(id protocol.ChallengeID) func(inbox.Snapshot) bool {
	return func(s inbox.Snapshot) bool {
		return s.Current != nil && s.Current.Request.ID == id && s.Current.Outcome == nil
	}
}

func ended(kind device.OutcomeKind) func(inbox.Snapshot) bool {
	return func(s inbox.Snapshot) bool {
		return s.Current != nil && s.Current.Outcome != nil && s.Current.Outcome.Kind == kind
	}
}

func (r *rig) answer(a device.AccountID, id protocol.ChallengeID, verb protocol.Answer, number, with string) device.Outcome {
	r.t.Helper()
	out, err := r.Answer(r.t.Context(), device.DecideParams{Account: a, Challenge: id, Answer: verb, Number: number, Verification: keystore.Verification{PIN: []byte(with)}})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func TestARequestIsAnsweredAndItsOutcomeStandsUntilDismissed(t *testing.T) {
	r, s := newRig(t), devicetest.New(t)
	a := r.enroll(s, "ada")
	id, number := s.Ask("ada", nil)
	have := r.until("the request", asking(id))
	if have.Arrivals != 1 || !have.Accounts[0].Asking {
		t.Errorf("arrivals %d, asking %t", have.Arrivals, have.Accounts[0].Asking)
	}
	if out := r.answer(a, id, protocol.Approve, number, pin); out.Kind != device.OutcomeApproved {
		t.Fatalf("outcome %+v", out)
	}
	have = r.until("the outcome", ended(device.OutcomeApproved))
	if len(have.Pending) != 0 || have.Accounts[0].Asking {
		t.Errorf("still asking: %+v", have)
	}
	r.Dismiss()
	if r.Snapshot().Current != nil {
		t.Error("the outcome stayed")
	}
	if h := r.History(); len(h) != 1 || h[0].Answer != protocol.Approve || h[0].Company != s.Company {
		t.Errorf("history %+v", h)
	}
}

func TestTheRequestBeingAnsweredIsNeverSwapped(t *testing.T) {
	r, s, other := newRig(t), devicetest.New(t), devicetest.New(t)
	first := r.enroll(s, "ada")
	r.enroll(other, "eve")
	one, number := s.Ask("ada", nil)
	r.until("the first", asking(one))
	two, _ := other.Ask("eve", nil)
	r.until("the second", func(s inbox.Snapshot) bool { return len(s.Pending) == 2 })
	three, _ := s.Ask("ada", nil)
	have := r.until("all three", func(s inbox.Snapshot) bool { return len(s.Pending) == 3 })
	if have.Current.Request.ID != one || have.Pending[0].ID != one {
		t.Fatalf("the screen shows %s, want %s", have.Current.Request.ID, one)
	}
	if r.Choose(first, three) {
		t.Error("another request was chosen over an open one")
	}
	r.answer(first, one, protocol.Approve, number, pin)
	r.Dismiss()
	r.until("the next oldest", asking(two))
}

func TestAnOutcomeGivesWayToTheNextRequest(t *testing.T) {
	r, s := newRig(t), devicetest.New(t)
	a := r.enroll(s, "ada")
	one, _ := s.Ask("ada", nil)
	r.until("the first", asking(one))
	r.answer(a, one, protocol.Deny, "", "")
	two, _ := s.Ask("ada", nil)
	have := r.until("the second waits", func(s inbox.Snapshot) bool { return len(s.Pending) == 1 })
	if have.Current.Outcome == nil {
		t.Error("the outcome could not be read at all")
	}
	r.until("the second", asking(two)) // by itself: nobody dismissed
}

func TestAWrongPINLeavesTheRequestOpen(t *testing.T) {
	r, s := newRig(t), devicetest.New(t)
	a := r.enroll(s, "ada")
	id, number := s.Ask("ada", nil)
	r.until("the request", asking(id))
	if out := r.answer(a, id, protocol.Approve, number, ""); out.Kind != device.OutcomeNeedsPIN {
		t.Errorf("without a PIN: %+v", out)
	}
	if out := r.answer(a, id, protocol.Approve, number, "not-the-pin-1"); out.Kind != device.OutcomeWrongPIN || out.TriesLeft != 9 {
		t.Errorf("with a wrong PIN: %+v", out)
	}
	if c := r.Snapshot().Current; c == nil || c.Outcome != nil || c.Sending {
		t.Fatalf("the request is not open: %+v", c)
	}
	if out := r.answer(a, id, protocol.Approve, number, pin); out.Kind != device.OutcomeApproved {
		t.Errorf("then: %+v", out)
	}
}

func TestHowARequestEndsElsewhereIsTold(t *testing.T) {
	r, s := newRig(t), devicetest.New(t)
	r.enroll(s, "ada")
	for status, want := range map[protocol.Status]device.OutcomeKind{
		protocol.StatusApproved: device.OutcomeDecidedElsewhere,
		protocol.StatusCanceled: device.OutcomeCanceled,
		protocol.StatusExpired:  device.OutcomeExpired,
	} {
		id, _ := s.Ask("ada", nil)
		r.until("the request", asking(id))
		s.Close(id, status)
		r.until(string(want), ended(want))
		r.Dismiss()
	}
}

func TestASupersededRequestMakesRoomForTheNewerOneAtOnce(t *testing.T) {
	r, s := newRig(t), devicetest.New(t)
	r.enroll(s, "ada")
	one, _ := s.Ask("ada", nil)
	r.until("the first", asking(one))
	two, _ := s.Ask("ada", nil)
	r.until("both", func(s inbox.Snapshot) bool { return len(s.Pending) == 2 })
	s.Close(one, protocol.StatusSuperseded)
	have := r.until("the newer one", asking(two))
	s.Close(two, protocol.StatusSuperseded) // and in the other order: the end is heard first
	r.until("the end of the second", ended(device.OutcomeSuperseded))
	three, _ := s.Ask("ada", nil)
	start := time.Now()
	r.until("the third", asking(three))
	if waited := time.Since(start); waited > inbox.OutcomeStays/2 {
		t.Errorf("the newer request waited %s behind the end of an older one; %d came", waited, have.Arrivals)
	}
}

func TestARequestEndsByItsTime(t *testing.T) {
	r, s := newRig(t), devicetest.New(t)
	r.enroll(s, "ada")
	id, _ := s.Ask("ada", func(c *protocol.Challenge) { c.ExpiresAt = c.IssuedAt + 2 })
	r.until("the request", asking(id))
	r.until("its end", ended(device.OutcomeExpired))
}

func TestT12_AForgedRequestIsNeverShown(t *testing.T) {
	r, s := newRig(t), devicetest.New(t)
	r.enroll(s, "ada")
	s.AskAs(s.UseStrangeKey(), "ada", nil)
	deadline := time.Now().Add(10 * time.Second)
	for r.Diagnostics().Accounts[0].Refused == 0 && time.Now().Before(deadline) {
		select {
		case <-r.changes:
		case <-time.After(20 * time.Millisecond):
		}
	}
	if r.Diagnostics().Accounts[0].Refused == 0 {
		t.Fatal("the forged request never arrived: the test proves nothing")
	}
	if have := r.Snapshot(); have.Current != nil || len(have.Pending) != 0 || have.Arrivals != 0 {
		t.Errorf("a forged request is shown: %+v", have)
	}
}

func TestAServerThatGoesAwayIsToldAndComesBack(t *testing.T) {
	r, s := newRig(t), devicetest.New(t)
	r.enroll(s, "ada")
	s.Fail(devicetest.Events, 1, 500)
	s.Fail(devicetest.Inbox, 1, 500)
	s.CutStreams()
	r.until("offline or connecting", func(s inbox.Snapshot) bool { return s.Accounts[0].Link != inbox.LinkOnline })
	r.until("online again", func(s inbox.Snapshot) bool { return s.Accounts[0].Link == inbox.LinkOnline })
}

func TestAClockThatIsWrongIsTold(t *testing.T) {
	r, s := newRig(t), devicetest.New(t)
	s.Skew(-10 * time.Minute)
	a := r.enroll(s, "ada")
	have := r.until("the skew", func(s inbox.Snapshot) bool { return s.Accounts[0].Skew != 0 })
	if skew := have.Accounts[0].Skew; skew < 9*time.Minute || skew > 11*time.Minute {
		t.Errorf("skew of %s: %s", a, skew)
	}
}

func TestT31_TheSupportTextNamesNobody(t *testing.T) {
	r, s := newRig(t), devicetest.New(t)
	a := r.enroll(s, "ada-canary")
	s.Ask("ada-canary", nil)
	r.until("the request", func(s inbox.Snapshot) bool { return s.Current != nil })
	account, _ := r.core.Account(a)
	text := r.Support("store software")
	for _, must := range []string{"version 1", "status active", "key levels", "store software", account.Host} {
		if !strings.Contains(text, must) {
			t.Errorf("lacks %q in\n%s", must, text)
		}
	}
	for _, never := range []string{"ada-canary", s.Company, "Example Bank", string(account.ID), string(account.Device), string(account.Tenant), account.WakeHandle, "Test", "Porto"} {
		if never != "" && strings.Contains(text, never) {
			t.Errorf("holds %q in\n%s", never, text)
		}
	}
}

func TestAnInboxNeedsACore(t *testing.T) {
	if _, err := inbox.New(inbox.Params{}); err == nil {
		t.Error("made without a core")
	}
}
