package challenge_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/shared/protocol"
)

// The machine is walked from every status by every event. A challenge has a user of its own with two devices, d and
// other, and stands in the session "s".
type walk struct {
	t        *testing.T
	k        *testkit.Kit
	ref      string
	d, other *testkit.Device
	stranger *testkit.Device // another user's
	made     challenge.Created
	before   challenge.Challenge
}

func (w *walk) read() challenge.Challenge {
	w.t.Helper()
	c, err := w.k.Challenges.Get(ctx, w.k.App, w.made.Challenge.ID)
	must(w.t, err)
	return c
}

func (w *walk) decide(d *testkit.Device, answer protocol.Answer, number string, change func(*protocol.Decision)) error {
	c := w.made.Challenge
	_, err := w.k.Challenges.Decide(ctx, c.ID, d.Sign(c, answer, number, change))
	return err
}

// reach brings a pending challenge to a status.
var reach = map[protocol.Status]func(w *walk){
	protocol.StatusPending:  func(*walk) {},
	protocol.StatusApproved: func(w *walk) { must(w.t, w.decide(w.d, protocol.Approve, w.made.Number, nil)) },
	protocol.StatusDenied:   func(w *walk) { must(w.t, w.decide(w.d, protocol.Deny, "", nil)) },
	protocol.StatusReported: func(w *walk) { must(w.t, w.decide(w.d, protocol.Report, "", nil)) },
	protocol.StatusFailed: func(w *walk) {
		wantCode(w.t, w.decide(w.d, protocol.Approve, wrong(w.made.Number), nil), fault.NumberWrong)
	},
	protocol.StatusExpired: func(w *walk) { w.k.Clock.Advance(protocol.ChallengeLifetime); must(w.t, w.k.Challenges.Sweep(ctx)) },
	protocol.StatusCanceled: func(w *walk) {
		_, err := w.k.Challenges.Cancel(ctx, w.k.Caller, w.made.Challenge.ID)
		must(w.t, err)
	},
	protocol.StatusSuperseded: func(w *walk) { w.k.MustCreate(w.ref, func(r *challenge.Request) { r.Session = "s" }) },
}

// event is something that happens to a challenge: code and to are the answer and the next status when it is pending; on a
// final one the answer is final, already_decided unless set, and the status stands.
type event struct {
	name  string
	do    func(w *walk) error
	code  fault.Code
	to    protocol.Status
	final fault.Code // "": challenge_already_decided, or challenge_expired
	free  bool       // no error on a final challenge
	late  bool       // it marks a final challenge as reported
}

var allEvents = []event{
	{name: "approve with the right number", to: protocol.StatusApproved,
		do: func(w *walk) error { return w.decide(w.d, protocol.Approve, w.made.Number, nil) }},
	{name: "approve with the right number by the other device", to: protocol.StatusApproved,
		do: func(w *walk) error { return w.decide(w.other, protocol.Approve, w.made.Number, nil) }},
	{name: "approve with a wrong number", code: fault.NumberWrong, to: protocol.StatusFailed,
		do: func(w *walk) error { return w.decide(w.d, protocol.Approve, wrong(w.made.Number), nil) }},
	{name: "deny", to: protocol.StatusDenied, do: func(w *walk) error { return w.decide(w.other, protocol.Deny, "", nil) }},
	{name: "report", to: protocol.StatusReported, free: true, late: true, do: func(w *walk) error { return w.decide(w.other, protocol.Report, "", nil) }},
	{name: "report a day later", code: fault.ChallengeExpired, to: protocol.StatusExpired,
		do: func(w *walk) error {
			w.k.Clock.Advance(protocol.ReportWindow + time.Second)
			return w.decide(w.d, protocol.Report, "", nil)
		}},
	{name: "approve signed by the device key", code: fault.RequirementNotMet, to: protocol.StatusPending,
		do: func(w *walk) error {
			w.d.Approval, w.d.Key = w.d.Key, w.d.Approval
			return w.decide(w.d, protocol.Approve, w.made.Number, nil)
		}},
	{name: "deny signed by the approval key", code: fault.RequirementNotMet, to: protocol.StatusPending,
		do: func(w *walk) error {
			w.d.Approval, w.d.Key = w.d.Key, w.d.Approval
			return w.decide(w.d, protocol.Deny, "", nil)
		}},
	{name: "approve of something else", code: fault.HashMismatch, to: protocol.StatusPending,
		do: func(w *walk) error {
			return w.decide(w.d, protocol.Approve, w.made.Number, func(in *protocol.Decision) { in.ChallengeHash = protocol.Hash("x") })
		}},
	{name: "another user's device approves", code: fault.NotFound, to: protocol.StatusPending, final: fault.NotFound,
		do: func(w *walk) error { return w.decide(w.stranger, protocol.Approve, w.made.Number, nil) }},
	{name: "another user's device reports", code: fault.NotFound, to: protocol.StatusPending, final: fault.NotFound,
		do: func(w *walk) error { return w.decide(w.stranger, protocol.Report, "", nil) }},
	{name: "a device in the name of another", code: fault.DeviceUnauthorized, to: protocol.StatusPending, final: fault.DeviceUnauthorized,
		do: func(w *walk) error {
			return w.decide(w.d, protocol.Deny, "", func(in *protocol.Decision) { in.Issuer = w.other.ID })
		}},
	{name: "a revoked device denies", code: fault.DeviceUnauthorized, to: protocol.StatusCanceled, final: fault.DeviceUnauthorized,
		do: func(w *walk) error {
			must(w.t, w.k.Devices.Revoke(ctx, w.k.Tenant.ID, "", w.other.ID, "operator"))
			return w.decide(w.other, protocol.Deny, "", nil)
		}},
	{name: "the application cancels", to: protocol.StatusCanceled, free: true,
		do: func(w *walk) error { _, err := w.k.Challenges.Cancel(ctx, w.k.Caller, w.made.Challenge.ID); return err }},
	{name: "another application cancels", code: fault.NotFound, to: protocol.StatusPending, final: fault.NotFound,
		do: func(w *walk) error {
			_, caller, _ := w.k.NewApplication(w.k.Tenant, "Other")
			_, err := w.k.Challenges.Cancel(ctx, caller, w.made.Challenge.ID)
			return err
		}},
	{name: "time", to: protocol.StatusExpired, free: true,
		do: func(w *walk) error { w.k.Clock.Advance(protocol.ChallengeLifetime); return w.k.Challenges.Sweep(ctx) }},
	{name: "a newer one of the session", to: protocol.StatusSuperseded, free: true,
		do: func(w *walk) error {
			_, err := w.k.Create(w.ref, func(r *challenge.Request) { r.Session = "s" })
			return err
		}},
	{name: "a newer one of another session", to: protocol.StatusPending, free: true,
		do: func(w *walk) error {
			_, err := w.k.Create(w.ref, func(r *challenge.Request) { r.Session = "t" })
			return err
		}},
	{name: "a device is removed", to: protocol.StatusCanceled, free: true,
		do: func(w *walk) error { return w.k.Devices.Revoke(ctx, w.k.Tenant.ID, "", w.other.ID, "operator") }},
}

func TestEveryEventInEveryStatus(t *testing.T) {
	k := testkit.New(t)
	must(t, k.Tenants.SetDeviceAdd(ctx, k.Tenant.ID, "allow"))
	stranger := k.Enroll("stranger")
	n := 0
	for status, bring := range reach {
		for _, e := range allEvents {
			t.Run(fmt.Sprintf("%s, then %s", status, e.name), func(t *testing.T) {
				n++
				w := &walk{t: t, k: k, ref: fmt.Sprint("user", n), stranger: stranger}
				w.d, w.other = k.Enroll(w.ref), k.Enroll(w.ref)
				w.made = k.MustCreate(w.ref, func(r *challenge.Request) { r.Session = "s" })
				bring(w)
				if w.before = w.read(); w.before.Status != status {
					t.Fatalf("the way to %s ends in %s", status, w.before.Status)
				}
				w.check(e, e.do(w))
			})
		}
	}
	if want := len(allEvents) * 8; n != want {
		t.Errorf("%d walks, want %d", n, want)
	}
	if events(t, k, audit.ChallengeApproved)+events(t, k, audit.ChallengeFailed) == 0 {
		t.Error("nothing was decided")
	}
}

// check holds the answer and the stored challenge against the event's row.
func (w *walk) check(e event, err error) {
	w.t.Helper()
	after := w.read()
	if !w.before.Status.Final() {
		wantCode(w.t, err, e.code)
		if after.Status != e.to {
			w.t.Errorf("pending became %s, want %s", after.Status, e.to)
		}
		return
	}
	want := e.final
	switch {
	case e.free:
		want = ""
	case want == "" && w.before.Status == protocol.StatusExpired:
		want = fault.ChallengeExpired
	case want == "":
		want = fault.AlreadyDecided
	}
	wantCode(w.t, err, want)
	reported := e.late && w.before.Status != protocol.StatusReported
	if after.ReportedAt.IsZero() == reported {
		w.t.Errorf("marked as reported: %v, want %v", !after.ReportedAt.IsZero(), reported)
	}
	after.ReportedAt, after.Report = w.before.ReportedAt, w.before.Report
	if fmt.Sprint(after.Status, after.Reason, after.DecidedAt, after.Decision) != fmt.Sprint(w.before.Status, w.before.Reason, w.before.DecidedAt, w.before.Decision) {
		w.t.Errorf("a final challenge changed from %s to %s", w.before.Status, after.Status)
	}
}

func TestAReportWhenTheTimeIsOverEndsTheChallengeAsExpired(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	made := k.MustCreate("ada", nil)
	k.Clock.Advance(protocol.ChallengeLifetime)
	c, err := d.Decide(made.Challenge, protocol.Report, "") // before the sweep saw it
	if err != nil || c.Status != protocol.StatusExpired || !c.Reported() {
		t.Errorf("%s %v %v", c.Status, c.Reported(), err)
	}
}
