package device_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/device/devicetest"
	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/software"
	"github.com/nod-auth/nod/shared/protocol"
)

const pin = "folded-paper-7"

func withPIN(p string) keystore.Verification { return keystore.Verification{PIN: []byte(p)} }

// rig is a core with a simulated key store.
type rig struct {
	t     *testing.T
	core  *device.Core
	store *software.Store
	dir   string
	ahead atomic.Int64 // how far this device's clock is set ahead
}

func newRig(t *testing.T, change func(*device.Params)) *rig {
	t.Helper()
	store := software.NewSimulation()
	t.Cleanup(func() { _ = store.Close() })
	r := &rig{t: t, store: store, dir: t.TempDir()}
	r.open(change)
	t.Cleanup(func() { _ = r.core.Close() })
	return r
}

func (r *rig) open(change func(*device.Params)) {
	r.t.Helper()
	p := device.Params{Dir: r.dir, Stores: []keystore.Store{r.store}, Platform: "simulator", Model: "test", AppVersion: "1", Now: r.now}
	if change != nil {
		change(&p)
	}
	core, err := device.Open(context.Background(), p)
	if err != nil {
		r.t.Fatal(err)
	}
	r.core = core
}

func (r *rig) now() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) }

// reopen is a restart of the program.
func (r *rig) reopen() {
	r.t.Helper()
	if err := r.core.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.open(nil)
}

func (r *rig) enrollParams(uri string) device.EnrollParams {
	r.t.Helper()
	in, err := r.core.Inspect(uri)
	if err != nil {
		r.t.Fatal(err)
	}
	return device.EnrollParams{Invitation: in, DeviceName: "Test device", Verification: withPIN(pin)}
}

// enroll adds and confirms an account.
func (r *rig) enroll(s *devicetest.Server, user string) device.Account {
	r.t.Helper()
	a, err := r.core.Enroll(context.Background(), r.enrollParams(s.Invite(user)))
	if err != nil {
		r.t.Fatal(err)
	}
	if !s.Confirm(a.ConfirmCode) {
		r.t.Fatal("the server does not know the confirm code")
	}
	r.sync()
	a, _ = r.core.Account(a.ID)
	if a.Status != device.AccountActive {
		r.t.Fatalf("account is %s", a.Status)
	}
	return a
}

func (r *rig) sync() {
	r.t.Helper()
	if err := r.core.Sync(context.Background()); err != nil {
		r.t.Fatal(err)
	}
}

// one returns the only pending challenge.
func (r *rig) one() device.Challenge {
	r.t.Helper()
	list := r.core.Pending()
	if len(list) != 1 {
		r.t.Fatalf("%d challenges are pending, want 1", len(list))
	}
	return list[0]
}

func (r *rig) decide(c device.Challenge, answer protocol.Answer, number string) device.Outcome {
	r.t.Helper()
	p := device.DecideParams{Account: c.Account, Challenge: c.ID, Answer: answer, Number: number}
	if answer == protocol.Approve {
		p.Verification = withPIN(pin)
	}
	out, err := r.core.Decide(context.Background(), p)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// run starts Run and returns a function that stops it and waits.
func (r *rig) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.core.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("Run: %v", err)
		}
	}
	r.t.Cleanup(stop)
	return stop
}

// until waits for a condition, looking again at each event.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			r.t.Fatalf("did not happen: %s", what)
		}
	}
}

func TestApproveWithTheRightNumber(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	a := r.enroll(s, "ada@example.com")
	if a.Company != "Example Bank" || a.Label() != "ada@example.com" || a.ConfirmCode != "" {
		t.Errorf("account is %+v", a)
	}
	id, number := s.Ask("ada@example.com", nil)
	r.sync()
	c := r.one()
	if c.ID != id || c.Application.Name != "Example Bank" || len(c.Blockers) != 0 || c.Verification != keystore.VerifyByPIN {
		t.Errorf("challenge is %+v", c)
	}
	if left := time.Until(c.Deadline); left < 80*time.Second || left > 91*time.Second {
		t.Errorf("time left is %s", left)
	}
	if out := r.decide(c, protocol.Approve, number); out.Kind != device.OutcomeApproved {
		t.Fatalf("outcome is %+v", out)
	}
	if status, _ := s.Status(id); status != protocol.StatusApproved {
		t.Errorf("the server says %s", status)
	}
	if d := s.Decision(id); d.UserVerification != "pin" || d.Counter != 1 {
		t.Errorf("decision is %+v", d)
	}
	if len(r.core.Pending()) != 0 {
		t.Error("the challenge is still pending here")
	}
	if h := r.core.Activity(); len(h) != 1 || h[0].Status != protocol.StatusApproved || h[0].Answer != protocol.Approve || h[0].Location != "Porto, Portugal" {
		t.Errorf("activity is %+v", h)
	}
}

func TestTheAnswersAndTheirOutcomes(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	r.enroll(s, "ada")
	for _, tc := range []struct {
		name   string
		answer protocol.Answer
		number string
		want   device.OutcomeKind
		status protocol.Status
	}{
		{"a wrong number fails the challenge", protocol.Approve, "99", device.OutcomeNumberWrong, protocol.StatusFailed},
		{"deny", protocol.Deny, "", device.OutcomeDenied, protocol.StatusDenied},
		{"report", protocol.Report, "", device.OutcomeReported, protocol.StatusReported},
	} {
		t.Run(tc.name, func(t *testing.T) {
			id, _ := s.Ask("ada", nil)
			r.sync()
			if out := r.decide(r.one(), tc.answer, tc.number); out.Kind != tc.want {
				t.Errorf("outcome is %+v", out)
			}
			if status, _ := s.Status(id); status != tc.status {
				t.Errorf("the server says %s", status)
			}
			if status := r.core.Activity()[0].Status; status != tc.status {
				t.Errorf("the history says %s", status)
			}
		})
	}
}

func TestNothingIsSentForWhatCannotBeApproved(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	r.enroll(s, "ada")
	ctx := context.Background()
	s.Ask("ada", nil)
	r.sync()
	c := r.one()
	p := device.DecideParams{Account: c.Account, Challenge: c.ID, Answer: protocol.Approve, Number: "4", Verification: withPIN(pin)}
	if _, err := r.core.Decide(ctx, p); !errors.Is(err, device.ErrNumber) {
		t.Errorf("an incomplete number: %v", err)
	}
	p.Number, p.Verification = "47", keystore.Verification{}
	if out, err := r.core.Decide(ctx, p); err != nil || out.Kind != device.OutcomeNeedsPIN {
		t.Errorf("no PIN: %+v, %v", out, err)
	}
	p.Verification = withPIN("not-the-pin")
	if out, err := r.core.Decide(ctx, p); err != nil || out.Kind != device.OutcomeWrongPIN || out.TriesLeft != software.MaxTries-1 {
		t.Errorf("a wrong PIN: %+v, %v", out, err)
	}
	if n := s.Count(devicetest.Decide); n != 0 {
		t.Errorf("%d decisions were sent", n)
	}
	p.Verification = withPIN(pin)
	if out, err := r.core.Decide(ctx, p); err != nil || out.Kind != device.OutcomeApproved {
		t.Errorf("after that: %+v, %v", out, err)
	}
}
