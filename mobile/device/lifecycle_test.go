package device_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/device/devicetest"
	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/software"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

func TestALostEnrollmentReplyIsAskedForAgain(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	s.LoseReplies(devicetest.Enroll, 1)
	uri := s.Invite("ada")
	p := r.enrollParams(uri)
	if _, err := r.core.Enroll(context.Background(), p); !errors.Is(err, device.ErrOffline) {
		t.Fatalf("error is %v", err)
	}
	r.reopen()
	if list := r.core.Accounts(); len(list) != 1 || list[0].Status != device.AccountRegistering {
		t.Fatalf("accounts are %+v", list)
	}
	in, err := r.core.Inspect(uri)
	if err != nil || in.Known == "" {
		t.Errorf("invitation is %+v, %v", in, err)
	}
	p.Invitation = in
	a, err := r.core.Enroll(context.Background(), p)
	if err != nil || a.ConfirmCode == "" || len(r.core.Accounts()) != 1 {
		t.Fatalf("account is %+v, %v", a, err)
	}
	if sent := s.Bodies(devicetest.Enroll); len(sent) != 2 || sent[0] != sent[1] {
		t.Error("the second time other bytes were sent")
	}
	if !s.Confirm(a.ConfirmCode) {
		t.Error("the code is not the server's")
	}
}

func TestEachAccountHasFreshKeys(t *testing.T) {
	s1, s2, r := devicetest.New(t), devicetest.New(t), newRig(t, nil)
	seen := map[protocol.Thumbprint]bool{}
	for _, e := range []struct {
		s    *devicetest.Server
		user string
	}{{s1, "ada"}, {s1, "bob"}, {s2, "ada"}} {
		a := r.enroll(e.s, e.user)
		d, ap := e.s.DeviceKeys(a.Device)
		if seen[d] || seen[ap] || d == ap {
			t.Error("a key is used twice")
		}
		seen[d], seen[ap] = true, true
	}
	for _, s := range []*devicetest.Server{s2, s1} {
		s.Ask("ada", nil)
	}
	r.sync()
	list := r.core.Pending()
	if len(list) != 2 || list[0].Account == list[1].Account {
		t.Fatalf("pending is %+v", list)
	}
	for _, c := range list {
		if out := r.decide(c, protocol.Approve, "47"); out.Kind != device.OutcomeApproved {
			t.Errorf("outcome is %+v", out)
		}
	}
}

func TestRunShowsChallengesAndStopsCleanly(t *testing.T) {
	s := devicetest.New(t)
	r := newRig(t, nil)
	ignore := goleak.IgnoreCurrent()
	a, err := r.core.Enroll(context.Background(), r.enrollParams(s.Invite("ada")))
	if err != nil {
		t.Fatal(err)
	}
	events, cancel := r.core.Subscribe()
	stop := r.run()
	r.until("Run runs", func() bool { return r.core.Diagnostics().Running })
	if err := r.core.Run(context.Background()); !errors.Is(err, device.ErrRunning) {
		t.Errorf("a second Run: %v", err)
	}
	s.Confirm(a.ConfirmCode)
	r.until("the account is active", func() bool { a, _ := r.core.Account(a.ID); return a.Status == device.AccountActive })
	id, _ := s.Ask("ada", nil)
	r.until("the challenge is shown", func() bool { return len(r.core.Pending()) == 1 })
	s.Close(id, protocol.StatusSuperseded)
	r.until("the challenge is gone", func() bool { return len(r.core.Pending()) == 0 })
	if h := r.core.Activity(); len(h) != 1 || h[0].Status != protocol.StatusSuperseded {
		t.Errorf("activity is %+v", h)
	}
	if d := r.core.Diagnostics(); !d.Running || d.Accounts[0].StreamSince.IsZero() || !d.Accounts[0].Reachable {
		t.Errorf("diagnostics are %+v", d)
	}
	stop()
	cancel()
	kinds := map[device.EventKind]bool{}
	for e := range events {
		kinds[e.Kind] = true
	}
	for _, k := range []device.EventKind{device.EventAccount, device.EventChallenge, device.EventClosed, device.EventConnection} {
		if !kinds[k] {
			t.Errorf("no event %q", k)
		}
	}
	if err := r.core.Close(); err != nil {
		t.Error(err)
	}
	s.CutStreams()
	goleak.VerifyNone(t, ignore)
}

func TestAnAccountThatIsAddedWhileRunningJoins(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	r.run()
	r.until("Run runs", func() bool { return r.core.Diagnostics().Running })
	a, err := r.core.Enroll(context.Background(), r.enrollParams(s.Invite("ada")))
	if err != nil {
		t.Fatal(err)
	}
	s.Confirm(a.ConfirmCode)
	r.until("the account is active", func() bool { a, _ := r.core.Account(a.ID); return a.Status == device.AccountActive })
	if err := r.core.Unenroll(context.Background(), a.ID); err != nil {
		t.Fatal(err)
	}
	if len(r.core.Accounts()) != 0 || s.DeviceStatus(a.Device) != "revoked" {
		t.Error("the account is still there")
	}
}

func TestAStreamThatIsCutOpensAgain(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	r.enroll(s, "ada")
	r.run()
	r.until("the stream is open", func() bool { return s.Count(devicetest.Events) == 1 })
	s.CutStreams()
	id, _ := s.Ask("ada", nil)
	r.until("the challenge is shown", func() bool { return len(r.core.Pending()) == 1 })
	s.Fail(devicetest.Decide, 1, http.StatusServiceUnavailable)
	if out := r.decide(r.one(), protocol.Deny, ""); out.Kind != device.OutcomeOffline {
		t.Errorf("outcome is %+v", out)
	}
	r.until("the answer is sent again by itself", func() bool { st, _ := s.Status(id); return st == protocol.StatusDenied })
	r.until("the challenge is gone", func() bool { return len(r.core.Pending()) == 0 })
}

func TestAWakeUpOpensTheStreamAtOnce(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	a := r.enroll(s, "ada")
	s.Fail(devicetest.Events, 1000, http.StatusServiceUnavailable)
	r.run()
	r.until("some tries have failed", func() bool { return s.Count(devicetest.Events) >= 2 })
	s.Fail(devicetest.Events, 0, 0)
	if _, ok := r.core.Wake("another handle", "fcm"); ok {
		t.Error("a strange handle woke an account")
	}
	if id, ok := r.core.Wake(a.WakeHandle, "fcm"); !ok || id != a.ID {
		t.Errorf("woke %q", id)
	}
	r.until("the stream is open", func() bool { return !r.core.Diagnostics().Accounts[0].StreamSince.IsZero() })
	if d := r.core.Diagnostics().Accounts[0]; d.WakeUpChannel != "fcm" || d.LastWakeUp.IsZero() {
		t.Errorf("diagnostics are %+v", d)
	}
}

func TestARevokedDeviceIsTold(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	a := r.enroll(s, "ada")
	s.Revoke(a.Device)
	if err := r.core.Sync(context.Background()); !errors.Is(err, device.ErrRevoked) {
		t.Errorf("error is %v", err)
	}
	if got, _ := r.core.Account(a.ID); got.Status != device.AccountRevoked {
		t.Errorf("account is %s", got.Status)
	}
	if err := r.core.Unenroll(context.Background(), a.ID); err != nil || len(r.core.Accounts()) != 0 {
		t.Errorf("a revoked account cannot be removed: %v", err)
	}
}

func TestALockOutIsToldAndDenyStillWorks(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	r.enroll(s, "ada")
	s.Ask("ada", nil)
	r.sync()
	s.Refuse(devicetest.Decide, 1, devicetest.LockOut(30*time.Minute))
	out := r.decide(r.one(), protocol.Approve, "47")
	if out.Kind != device.OutcomeLockedOut || out.Code != problem.LockedOut || time.Until(out.Until) < 29*time.Minute {
		t.Errorf("outcome is %+v", out)
	}
	if out := r.decide(r.one(), protocol.Deny, ""); out.Kind != device.OutcomeDenied {
		t.Errorf("outcome is %+v", out)
	}
}

func TestTooLateAndElsewhere(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	r.enroll(s, "ada")
	for name, tc := range map[string]struct {
		status protocol.Status
		want   device.OutcomeKind
	}{
		"expired at the server":    {protocol.StatusExpired, device.OutcomeExpired},
		"another device was first": {protocol.StatusApproved, device.OutcomeDecidedElsewhere},
	} {
		t.Run(name, func(t *testing.T) {
			id, _ := s.Ask("ada", nil)
			r.sync()
			s.Close(id, tc.status)
			if out := r.decide(r.one(), protocol.Approve, "47"); out.Kind != tc.want {
				t.Errorf("outcome is %+v", out)
			}
			if n := len(r.core.Pending()); n != 0 {
				t.Errorf("%d are still pending", n)
			}
		})
	}
	t.Run("a challenge ends by this device's own clock", func(t *testing.T) {
		s.Ask("ada", func(c *protocol.Challenge) { c.ExpiresAt = c.IssuedAt + 2 })
		r.sync()
		r.one()
		r.until("it is gone", func() bool { return len(r.core.Pending()) == 0 })
		r.until("it is in the history", func() bool { return r.core.Activity()[0].Status == protocol.StatusExpired })
	})
	t.Run("and can be reported afterwards", func(t *testing.T) {
		e := r.core.Activity()[0]
		s.Close(e.Challenge, protocol.StatusExpired)
		if !e.Reportable(time.Now()) {
			t.Fatal("it cannot be reported")
		}
		out, err := r.core.Decide(context.Background(), device.DecideParams{Account: e.Account, Challenge: e.Challenge, Answer: protocol.Report})
		if err != nil || out.Kind != device.OutcomeReported {
			t.Errorf("outcome is %+v, %v", out, err)
		}
		if _, reported := s.Status(e.Challenge); !reported {
			t.Error("the server knows of no report")
		}
		if e := r.core.Activity()[0]; !e.Reported || e.Status != protocol.StatusExpired {
			t.Errorf("entry is %+v", e)
		}
	})
}

func TestKeysAreReplacedOneByOne(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	a := r.enroll(s, "ada")
	oldDevice, oldApproval := s.DeviceKeys(a.Device)
	target := software.NewSimulation()
	defer func() { _ = target.Close() }()
	r.core.AddStore(target, true)
	ctx := context.Background()
	p := device.RotateParams{Account: a.ID, Current: withPIN("wrong-pin-here"), New: withPIN("another-pin-88")}
	if err := r.core.RotateKeys(ctx, p); !errors.Is(err, keystore.ErrWrongPIN) {
		t.Errorf("a wrong PIN: %v", err)
	}
	if d, ap := s.DeviceKeys(a.Device); d != oldDevice || ap != oldApproval {
		t.Error("a wrong PIN replaced a key")
	}
	p.Current = withPIN(pin)
	if err := r.core.RotateKeys(ctx, p); err != nil {
		t.Fatal(err)
	}
	if d, ap := s.DeviceKeys(a.Device); d == oldDevice || ap == oldApproval {
		t.Error("a key was not replaced")
	}
	s.Ask("ada", nil)
	r.sync()
	c := r.one()
	out, err := r.core.Decide(ctx, device.DecideParams{Account: a.ID, Challenge: c.ID, Answer: protocol.Approve, Number: "47", Verification: withPIN("another-pin-88")})
	if err != nil || out.Kind != device.OutcomeApproved {
		t.Errorf("outcome is %+v, %v", out, err)
	}
}

func TestALostReplyToAKeyReplacementLosesNoKey(t *testing.T) {
	for name, lost := range map[string]int{"of the device key": 1, "of both keys": 2} {
		t.Run(name, func(t *testing.T) {
			s, r := devicetest.New(t), newRig(t, nil)
			a := r.enroll(s, "ada")
			oldDevice, oldApproval := s.DeviceKeys(a.Device)
			p := device.RotateParams{Account: a.ID, Current: withPIN(pin), New: withPIN(pin)}
			for range lost {
				s.LoseReplies(devicetest.Update, 1)
				if err := r.core.RotateKeys(context.Background(), p); !errors.Is(err, device.ErrOffline) {
					t.Fatalf("error is %v", err)
				}
				if d := r.core.Diagnostics().Accounts[0]; d.Unsent != 1 {
					t.Errorf("%d are unsent", d.Unsent)
				}
				r.reopen()
				r.sync()
				if d := r.core.Diagnostics().Accounts[0]; d.Unsent != 0 || d.Status != device.AccountActive {
					t.Errorf("diagnostics are %+v", d)
				}
			}
			if err := r.core.RotateKeys(context.Background(), p); err != nil {
				t.Fatal(err)
			}
			if d, ap := s.DeviceKeys(a.Device); d == oldDevice || ap == oldApproval {
				t.Error("a key was not replaced")
			}
			s.Ask("ada", nil)
			r.sync()
			if out := r.decide(r.one(), protocol.Approve, "47"); out.Kind != device.OutcomeApproved {
				t.Errorf("outcome is %+v", out)
			}
		})
	}
}

func TestAKeyReplacementThatNeverArrivedIsGivenUp(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	a := r.enroll(s, "ada")
	s.Fail(devicetest.Update, 1, http.StatusBadGateway)
	p := device.RotateParams{Account: a.ID, Current: withPIN(pin), New: withPIN(pin)}
	if err := r.core.RotateKeys(context.Background(), p); !errors.Is(err, device.ErrOffline) {
		t.Fatalf("error is %v", err)
	}
	s.NewNonce()
	if err := r.core.Sync(context.Background()); !errors.Is(err, device.ErrRefused) {
		t.Errorf("error is %v", err)
	}
	if d := r.core.Diagnostics().Accounts[0]; d.Unsent != 0 {
		t.Errorf("%d are unsent", d.Unsent)
	}
	s.Ask("ada", nil)
	r.sync()
	if out := r.decide(r.one(), protocol.Approve, "47"); out.Kind != device.OutcomeApproved {
		t.Errorf("with the old keys: %+v", out)
	}
}

func TestRenameAndForget(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	a := r.enroll(s, "ada")
	s.NewNonce() // the one the client has is stale: it must sign again
	if err := r.core.Rename(context.Background(), a.ID, "Ada's laptop"); err != nil {
		t.Fatal(err)
	}
	if got, _ := r.core.Account(a.ID); got.DeviceName != "Ada's laptop" || s.DeviceName(a.Device) != "Ada's laptop" {
		t.Errorf("name is %q here and %q there", got.DeviceName, s.DeviceName(a.Device))
	}
	if err := r.core.Forget(context.Background(), a.ID); err != nil || len(r.core.Accounts()) != 0 {
		t.Errorf("not forgotten: %v", err)
	}
	if s.DeviceStatus(a.Device) != "active" {
		t.Error("the server was told")
	}
}

func TestASlowSubscriberIsToldToReadAgain(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	a := r.enroll(s, "ada")
	events, cancel := r.core.Subscribe()
	for range 80 {
		if err := r.core.Rename(context.Background(), a.ID, "n"); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	resync := false
	for e := range events {
		resync = resync || e.Kind == device.EventResync
	}
	if !resync {
		t.Error("events were dropped in silence")
	}
}
