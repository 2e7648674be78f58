package challenge_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

// Random walks of several users, devices and applications, step by step against a model of thirty lines of rules.

type modelChallenge struct {
	made     challenge.Created
	app      int
	session  string
	status   protocol.Status
	reported bool
	stored   string // the decision or report that ended or marked it
	by       *testkit.Device
}

type modelUser struct {
	ref        string
	devices    []*testkit.Device // active ones
	challenges []*modelChallenge
	streak     int
	locks      int
	until      time.Time // of the lock
}

type machine struct {
	k      *testkit.Kit
	apps   []tenant.Caller
	users  []*modelUser
	ring   *protocol.Keys
	closed map[protocol.ChallengeID]protocol.Status // as first seen final
}

func (m *machine) now() time.Time { return m.k.Clock.Now() }

// live brings the model's time up to the clock's.
func (m *machine) live(u *modelUser) (pending []*modelChallenge) {
	for _, c := range u.challenges {
		if c.status == protocol.StatusPending && !m.now().Before(c.made.Challenge.ExpiresAt) {
			c.status = protocol.StatusExpired
		}
		if c.status == protocol.StatusPending {
			pending = append(pending, c)
		}
	}
	return pending
}

func (u *modelUser) locked(now time.Time) bool { return now.Before(u.until) }

func expect(rt *rapid.T, what string, err error, want fault.Code) {
	if fault.CodeOf(err) != want {
		rt.Fatalf("%s: got %v, want %q", what, err, want)
	}
}

func (m *machine) user(rt *rapid.T) *modelUser { return rapid.SampledFrom(m.users).Draw(rt, "user") }

func (m *machine) create(rt *rapid.T) {
	u, app := m.user(rt), rapid.IntRange(0, len(m.apps)-1).Draw(rt, "app")
	session := rapid.SampledFrom([]string{"", "a", "b"}).Draw(rt, "session")
	others, same := 0, []*modelChallenge{}
	for _, c := range m.live(u) {
		if session != "" && c.session == session && c.app == app {
			same = append(same, c)
		} else {
			others++
		}
	}
	want := fault.Code("")
	switch {
	case len(u.devices) == 0:
		want = fault.UserHasNoDevice
	case u.locked(m.now()):
		want = fault.LockedOut
	case others >= challenge.MaxPending:
		want = fault.TooManyPending
	}
	made, err := m.k.Create(u.ref, func(r *challenge.Request) { r.Session, r.Application = session, m.apps[app].Application })
	expect(rt, "create", err, want)
	if err != nil {
		return
	}
	for _, c := range same {
		c.status = protocol.StatusSuperseded
	}
	u.challenges = append(u.challenges, &modelChallenge{made: made, app: app, session: session, status: protocol.StatusPending})
}

// pick draws a challenge of a user who has a device.
func (m *machine) pick(rt *rapid.T) (*modelUser, *modelChallenge) {
	u := m.user(rt)
	if len(u.challenges) == 0 {
		rt.Skip("nothing to decide")
	}
	return u, rapid.SampledFrom(u.challenges).Draw(rt, "challenge")
}

func (m *machine) decide(rt *rapid.T) {
	u, c := m.pick(rt)
	if len(u.devices) == 0 {
		rt.Skip("no device")
	}
	d := rapid.SampledFrom(u.devices).Draw(rt, "device")
	what := rapid.SampledFrom([]string{"approve", "approve", "wrong", "deny", "report"}).Draw(rt, "answer")
	answer, number := protocol.Answer(what), ""
	switch what {
	case "approve":
		number = c.made.Number
	case "wrong":
		answer, number = protocol.Approve, wrong(c.made.Number)
	}
	raw := d.Sign(c.made.Challenge, answer, number, nil)
	m.live(u)
	want := m.predict(u, c, d, what)
	got, err := m.k.Challenges.Decide(ctx, c.made.Challenge.ID, raw)
	expect(rt, what, err, want)
	if c.stored == "" && c.status.Final() && (want == "" || want == fault.NumberWrong) {
		c.stored, c.by = raw, d
	}
	if err == nil && (got.Status != c.status || got.Reported() != (c.reported || c.status == protocol.StatusReported)) {
		rt.Fatalf("%s answered %s, reported %v, want %s", what, got.Status, got.Reported(), c.status)
	}
}

// predict is the model's decision; it moves the model.
func (m *machine) predict(u *modelUser, c *modelChallenge, d *testkit.Device, what string) fault.Code {
	recipient := false
	for _, id := range c.made.Challenge.Recipients {
		recipient = recipient || id == d.ID
	}
	approving := what == "approve" || what == "wrong"
	switch {
	case !recipient:
		return fault.NotFound
	case approving && u.locked(m.now()):
		return fault.LockedOut
	case c.status == protocol.StatusPending:
	case what == "report" && !m.now().After(c.made.Challenge.CreatedAt.Add(protocol.ReportWindow)):
		c.reported = c.reported || c.status != protocol.StatusReported
		return ""
	case c.status == protocol.StatusExpired:
		return fault.ChallengeExpired
	default:
		return fault.AlreadyDecided
	}
	c.status = map[string]protocol.Status{"approve": protocol.StatusApproved, "wrong": protocol.StatusFailed, "deny": protocol.StatusDenied,
		"report": protocol.StatusReported}[what]
	switch what {
	case "approve":
		u.streak, u.locks = 0, 0
	case "wrong":
		if u.streak++; u.streak == user.ThrottleStreak {
			u.until = m.now().Add(user.LockBase << u.locks)
			u.streak, u.locks = 0, u.locks+1
		}
		return fault.NumberWrong
	}
	return ""
}

// again sends stored bytes once more: the same outcome, and nothing changes.
func (m *machine) again(rt *rapid.T) {
	u, c := m.pick(rt)
	active := false
	for _, d := range u.devices {
		active = active || d == c.by
	}
	if c.stored == "" || !active {
		rt.Skip("nothing stored")
	}
	want := fault.Code("")
	if c.status == protocol.StatusFailed {
		want = fault.NumberWrong
	}
	_, err := m.k.Challenges.Decide(ctx, c.made.Challenge.ID, c.stored)
	expect(rt, "the same bytes", err, want)
}

func (m *machine) cancel(rt *rapid.T) {
	u, c := m.pick(rt)
	app := rapid.IntRange(0, len(m.apps)-1).Draw(rt, "app")
	m.live(u)
	_, err := m.k.Challenges.Cancel(ctx, m.apps[app], c.made.Challenge.ID)
	if app != c.app {
		expect(rt, "cancel by another application", err, fault.NotFound)
		return
	}
	expect(rt, "cancel", err, "")
	if c.status == protocol.StatusPending {
		c.status = protocol.StatusCanceled
	}
}

func (m *machine) pass(rt *rapid.T) {
	m.k.Clock.Advance(time.Duration(rapid.IntRange(1, 60).Draw(rt, "seconds")) * time.Second)
	if rapid.Bool().Draw(rt, "sweep") {
		expect(rt, "sweep", m.k.Challenges.Sweep(ctx), "")
	}
}

func (m *machine) passLong(rt *rapid.T) {
	m.k.Clock.Advance(rapid.SampledFrom([]time.Duration{user.LockBase, 2 * user.LockBase, protocol.ReportWindow}).Draw(rt, "long"))
}

func (m *machine) revoke(rt *rapid.T) {
	u := m.user(rt)
	if len(u.devices) == 0 {
		rt.Skip("no device")
	}
	i := rapid.IntRange(0, len(u.devices)-1).Draw(rt, "device")
	pending := m.live(u)
	expect(rt, "revoke", m.k.Devices.Revoke(ctx, m.k.Tenant.ID, "", u.devices[i].ID, "operator"), "")
	u.devices = append(u.devices[:i:i], u.devices[i+1:]...)
	for _, c := range pending {
		c.status = protocol.StatusCanceled
	}
}

func (m *machine) enroll(rt *rapid.T) {
	u := m.user(rt)
	if len(u.devices) > 2 {
		rt.Skip("enough devices")
	}
	u.devices = append(u.devices, m.k.Enroll(u.ref))
}

// check holds every stored challenge against the model, and what was final before against itself.
func (m *machine) check(rt *rapid.T) {
	for _, u := range m.users {
		m.live(u)
		for _, c := range u.challenges {
			got, err := m.k.Challenges.Get(ctx, m.apps[c.app].Application, c.made.Challenge.ID)
			expect(rt, "read", err, "")
			if got.Status != c.status || !got.ReportedAt.IsZero() != c.reported {
				rt.Fatalf("%s is %s (reported %v), the model says %s (%v)", got.ID, got.Status, !got.ReportedAt.IsZero(), c.status, c.reported)
			}
			if was, ok := m.closed[got.ID]; ok && was != got.Status {
				rt.Fatalf("%s went from %s to %s", got.ID, was, got.Status)
			}
			if got.Status.Final() {
				m.closed[got.ID] = got.Status
			}
		}
	}
}

// results: an approval's evidence verifies offline, only its application reads it, and a report or a lock withholds it.
func (m *machine) results(rt *rapid.T) {
	for _, u := range m.users {
		for _, c := range u.challenges {
			id := c.made.Challenge.ID
			_, err := m.k.Challenges.Get(ctx, m.apps[1-c.app].Application, id)
			expect(rt, "another application reads", err, fault.NotFound)
			got, err := m.k.Challenges.Get(ctx, m.apps[c.app].Application, id)
			expect(rt, "read", err, "")
			raw, err := m.k.Challenges.Result(ctx, got)
			if c.reported || c.status == protocol.StatusApproved && u.locked(m.now()) {
				expect(rt, "result", err, fault.ResultWithheld)
				continue
			}
			expect(rt, "result", err, "")
			if c.status == protocol.StatusPending {
				if raw != "" {
					rt.Fatal("a pending challenge has a result")
				}
				continue
			}
			want := protocol.Expectation{Issuer: testkit.Issuer, Tenant: m.k.Tenant.ID, Audience: m.apps[c.app].Application.ID, Subject: u.ref,
				Transaction: got.Transaction, Now: m.now()}
			r, err := protocol.VerifyResult(raw, m.ring, want)
			if err != nil || r.Status != c.status {
				rt.Fatalf("the result of a challenge that is %s: %v", c.status, err)
			}
		}
	}
}

// once counts the events of each challenge: one final status each, at most one approve.
func (m *machine) once(rt *rapid.T, from int64) {
	ends := map[string]int{}
	final := map[audit.Type]bool{audit.ChallengeApproved: true, audit.ChallengeDenied: true, audit.ChallengeReported: true, audit.ChallengeFailed: true,
		audit.ChallengeExpired: true, audit.ChallengeCanceled: true, audit.ChallengeSuperseded: true}
	err := m.k.DB.View(ctx, func(tx *sqlstore.Tx) error {
		list, err := tx.Events(m.k.Tenant.ID, from, 1_000_000)
		for _, e := range list {
			if final[e.Type] && e.Detail != "late" {
				ends[e.Subject]++
			}
		}
		return err
	})
	expect(rt, "events", err, "")
	for id, n := range ends {
		if n != 1 {
			rt.Fatalf("%s ended %d times", id, n)
		}
	}
}

func TestRandomWalksFollowTheModel(t *testing.T) {
	must(t, flag.Set("rapid.checks", "30"))
	k := testkit.New(t)
	must(t, k.Tenants.SetDeviceAdd(ctx, k.Tenant.ID, "allow"))
	_, other, _ := k.NewApplication(k.Tenant, "Other")
	ring, err := k.Tenants.Ring(ctx, k.Tenant.ID)
	must(t, err)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		m := &machine{k: k, apps: []tenant.Caller{k.Caller, other}, ring: ring.Keys, closed: map[protocol.ChallengeID]protocol.Status{}}
		for i := range 2 {
			u := &modelUser{ref: fmt.Sprintf("walk %d user %d", run, i)}
			u.devices = append(u.devices, k.Enroll(u.ref))
			m.users = append(m.users, u)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"create": m.create, "create too": m.create, "decide": m.decide, "decide too": m.decide, "again": m.again, "cancel": m.cancel, "time": m.pass,
			"long time": m.passLong, "revoke": m.revoke, "enroll": m.enroll, "": m.check,
		})
		m.results(rt)
		m.once(rt, 0)
	})
}
