package enrollment_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/enrollment"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/replay"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/backend/internal/user"
	"github.com/nod-auth/nod/shared/protocol"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("got %v, want %q", err, code)
	}
}

func wantStatus(t testing.TB, k *testkit.Kit, id protocol.EnrollmentID, want enrollment.Status) enrollment.Enrollment {
	t.Helper()
	e, err := k.Enrollments.Get(ctx, k.Caller, id)
	must(t, err)
	if e.Status != want {
		t.Errorf("the enrollment is %s, want %s", e.Status, want)
	}
	return e
}

func deviceStatus(t testing.TB, k *testkit.Kit, d *testkit.Device) device.Status {
	t.Helper()
	var status device.Status
	must(t, k.DB.View(ctx, func(tx *sqlstore.Tx) error {
		got, err := tx.Device(k.Tenant.ID, d.ID)
		status = got.Status
		return err
	}))
	return status
}

func events(t testing.TB, k *testkit.Kit, want audit.Type) int {
	t.Helper()
	n := 0
	must(t, k.DB.View(ctx, func(tx *sqlstore.Tx) error {
		list, err := tx.Events(k.Tenant.ID, 0, 10000)
		for _, e := range list {
			if e.Type == want {
				n++
			}
		}
		return err
	}))
	return n
}

func setDisabled(t testing.TB, k *testkit.Kit, ref string, disabled bool) {
	t.Helper()
	must(t, k.DB.Update(ctx, func(tx *sqlstore.Tx) error {
		u, err := tx.UserByRef(k.Tenant.ID, ref)
		if err != nil {
			return err
		}
		return user.SetDisabled(tx, u, disabled, k.Clock.Now())
	}))
}

func invite(t testing.TB, k *testkit.Kit, ref string) enrollment.Invited {
	t.Helper()
	inv, err := k.Enrollments.Invite(ctx, enrollment.Invite{Caller: k.Caller, UserRef: ref})
	must(t, err)
	return inv
}

func newDevice(t testing.TB) *testkit.Device {
	return &testkit.Device{Key: testkit.NewSigner(t), Approval: testkit.NewSigner(t)}
}

func otherCode(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

func TestT10_AnInvitationIsUsedOnce(t *testing.T) {
	k := testkit.New(t)
	inv := invite(t, k, "ada")
	_, err := k.Enrollments.Register(ctx, k.Enrollment(inv.Invitation, newDevice(t), nil))
	must(t, err)
	_, err = k.Enrollments.Register(ctx, k.Enrollment(inv.Invitation, newDevice(t), nil))
	wantCode(t, err, fault.InvitationInvalid)
}

func TestT10_AnInvitationAtOnceFromManyDevicesIsUsedOnce(t *testing.T) {
	k := testkit.New(t)
	inv := invite(t, k, "ada")
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		raw := k.Enrollment(inv.Invitation, newDevice(t), nil)
		wg.Go(func() {
			_, err := k.Enrollments.Register(ctx, raw)
			if err == nil {
				won.Add(1)
				return
			}
			wantCode(t, err, fault.InvitationInvalid)
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d devices registered", won.Load())
	}
}

func TestT10_AnInvitationEndsWithItsTime(t *testing.T) {
	k := testkit.New(t)
	inv, err := k.Enrollments.Invite(ctx, enrollment.Invite{Caller: k.Caller, UserRef: "ada", Lifetime: protocol.InvitationCeiling})
	must(t, err)
	k.Clock.Advance(protocol.InvitationCeiling)
	_, err = k.Enrollments.Register(ctx, k.Enrollment(inv.Invitation, newDevice(t), nil))
	wantCode(t, err, fault.InvitationInvalid)
	wantStatus(t, k, inv.Enrollment.ID, enrollment.StatusExpired)
	_, err = k.Enrollments.Invite(ctx, enrollment.Invite{Caller: k.Caller, UserRef: "ada", Lifetime: protocol.InvitationCeiling + time.Second})
	wantCode(t, err, fault.ValidationFailed)
}

func TestT10_AnUnconfirmedDeviceCanAnswerNothing(t *testing.T) {
	k := testkit.New(t)
	must(t, k.Tenants.SetDeviceAdd(ctx, k.Tenant.ID, "allow"))
	k.Enroll("ada")
	d, _ := k.Register("ada")
	made := k.MustCreate("ada", nil)
	for answer, number := range map[protocol.Answer]string{protocol.Approve: made.Number, protocol.Deny: "", protocol.Report: ""} {
		_, err := d.Decide(made.Challenge, answer, number)
		wantCode(t, err, fault.DeviceInactive)
	}
	pending, err := k.Challenges.Pending(ctx, device.Device{Tenant: k.Tenant.ID, ID: d.ID, User: made.Challenge.User, Status: device.StatusUnconfirmed})
	if err != nil || len(pending) != 0 {
		t.Errorf("it is shown %d challenges, %v", len(pending), err)
	}
	for _, id := range made.Challenge.Recipients {
		if id == d.ID {
			t.Error("it is a recipient")
		}
	}
}

func TestT10_OneWrongCodeEndsTheEnrollmentAndTheDevice(t *testing.T) {
	k := testkit.New(t)
	d, inv := k.Register("ada")
	_, err := k.Enrollments.Confirm(ctx, k.Caller, inv.Enrollment.ID, otherCode(d.Code))
	wantCode(t, err, fault.ConfirmCodeWrong)
	_, err = k.Enrollments.Confirm(ctx, k.Caller, inv.Enrollment.ID, d.Code)
	wantCode(t, err, fault.EnrollmentNotPending)
	wantStatus(t, k, inv.Enrollment.ID, enrollment.StatusFailed)
	if s := deviceStatus(t, k, d); s != device.StatusRevoked {
		t.Errorf("the device is %s", s)
	}
	if n := events(t, k, audit.EnrollmentFailed); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

func TestT10_ManyCodesAtOnceAreOneTry(t *testing.T) {
	k := testkit.New(t)
	for i := range 5 {
		d, inv := k.Register(fmt.Sprint("ada", i))
		var right, wrong atomic.Int32
		var wg sync.WaitGroup
		for n := range 16 {
			code := d.Code
			if n != i {
				code = otherCode(d.Code)
			}
			wg.Go(func() {
				c, err := k.Enrollments.Confirm(ctx, k.Caller, inv.Enrollment.ID, code)
				switch {
				case err == nil && c.Enrollment.Status == enrollment.StatusActive:
					right.Add(1)
				case err == nil:
					t.Errorf("no error and %s", c.Enrollment.Status)
				case fault.CodeOf(err) == fault.ConfirmCodeWrong:
					wrong.Add(1)
				default:
					wantCode(t, err, fault.EnrollmentNotPending)
				}
			})
		}
		wg.Wait()
		if right.Load()+wrong.Load() != 1 {
			t.Errorf("%d codes were right and %d wrong: want one answer", right.Load(), wrong.Load())
		}
		active := deviceStatus(t, k, d) == device.StatusActive
		if active != (right.Load() == 1) {
			t.Errorf("the device is active: %v", active)
		}
	}
}

func TestT10_AnotherApplicationDoesNotConfirm(t *testing.T) {
	k := testkit.New(t)
	d, inv := k.Register("ada")
	_, stranger, _ := k.NewApplication(k.Tenant, "Other")
	_, err := k.Enrollments.Confirm(ctx, stranger, inv.Enrollment.ID, d.Code)
	wantCode(t, err, fault.NotFound)
	wantStatus(t, k, inv.Enrollment.ID, enrollment.StatusRegistered)
}

func TestT10_ARegisteredDeviceThatNobodyConfirmsIsRevoked(t *testing.T) {
	k := testkit.New(t)
	d, inv := k.Register("ada")
	k.Clock.Advance(enrollment.ConfirmLifetime)
	must(t, k.Enrollments.Sweep(ctx))
	_, err := k.Enrollments.Confirm(ctx, k.Caller, inv.Enrollment.ID, d.Code)
	wantCode(t, err, fault.EnrollmentNotPending)
	if s := deviceStatus(t, k, d); s != device.StatusRevoked {
		t.Errorf("the device is %s", s)
	}
}

func TestT11_ADisabledUserCannotEnroll(t *testing.T) {
	k := testkit.New(t)
	inv := invite(t, k, "ada")
	late, lateInv := k.Register("ada")
	setDisabled(t, k, "ada", true)
	_, err := k.Enrollments.Invite(ctx, enrollment.Invite{Caller: k.Caller, UserRef: "ada"})
	wantCode(t, err, fault.UserDisabled)
	_, err = k.Enrollments.Register(ctx, k.Enrollment(inv.Invitation, newDevice(t), nil))
	wantCode(t, err, fault.InvitationInvalid)
	_, err = k.Enrollments.Confirm(ctx, k.Caller, lateInv.Enrollment.ID, late.Code)
	wantCode(t, err, fault.UserDisabled)
	if s := deviceStatus(t, k, late); s == device.StatusActive {
		t.Error("a device of a disabled user became active")
	}
}

func TestIdenticalBytesGetTheSameReply(t *testing.T) {
	k := testkit.New(t)
	inv := invite(t, k, "ada")
	raw := k.Enrollment(inv.Invitation, newDevice(t), nil)
	replies := make([]enrollment.Registered, 12)
	var wg sync.WaitGroup
	for i := range replies {
		wg.Go(func() {
			var err error
			if replies[i], err = k.Enrollments.Register(ctx, raw); err != nil {
				t.Errorf("try %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for i, r := range replies {
		if r != replies[0] {
			t.Errorf("reply %d differs", i)
		}
	}
	if n := events(t, k, audit.EnrollmentRegister); n != 1 {
		t.Errorf("%d registrations", n)
	}
}

func TestARegistrationIsHeldToItsInvitation(t *testing.T) {
	k := testkit.New(t)
	other, err := k.Tenants.Create(ctx, "Other")
	must(t, err)
	known := k.Enroll("known")
	for _, c := range []struct {
		name   string
		device *testkit.Device
		change func(*protocol.Enrollment)
		want   fault.Code
	}{
		{"another tenant's root", nil, func(e *protocol.Enrollment) { e.Root = other.Root.Thumbprint() }, fault.InvitationInvalid},
		{"an unknown token", nil, func(e *protocol.Enrollment) { e.Token = protocol.RandomText(32) }, fault.SignatureInvalid},
		{"a clock a day ahead", nil, shift(24 * time.Hour), fault.ClockSkew},
		{"a clock a day behind", nil, shift(-24 * time.Hour), fault.ClockSkew},
		{"a device key that is known", &testkit.Device{Key: known.Key, Approval: testkit.NewSigner(t)}, nil, fault.KeyAlreadyKnown},
		{"an approval key that is known", &testkit.Device{Key: testkit.NewSigner(t), Approval: known.Approval}, nil, fault.KeyAlreadyKnown},
		{"another device's key in the other role", &testkit.Device{Key: known.Approval, Approval: testkit.NewSigner(t)}, nil, fault.KeyAlreadyKnown},
	} {
		t.Run(c.name, func(t *testing.T) {
			inv := invite(t, k, "ada")
			d := c.device
			if d == nil {
				d = newDevice(t)
			}
			_, err := k.Enrollments.Register(ctx, k.Enrollment(inv.Invitation, d, c.change))
			wantCode(t, err, c.want)
			wantStatus(t, k, inv.Enrollment.ID, enrollment.StatusInvited)
			_, err = k.Enrollments.Register(ctx, k.Enrollment(inv.Invitation, newDevice(t), nil))
			must(t, err) // what was refused has used nothing up
		})
	}
}

func shift(d time.Duration) func(*protocol.Enrollment) {
	return func(e *protocol.Enrollment) {
		e.IssuedAt += protocol.Time(d.Seconds())
		e.ExpiresAt += protocol.Time(d.Seconds())
	}
}

func TestARevokedDevicesKeyStaysKnown(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	must(t, k.Devices.Revoke(ctx, k.Tenant.ID, "", d.ID, "operator"))
	inv := invite(t, k, "ada")
	_, err := k.Enrollments.Register(ctx, k.Enrollment(inv.Invitation, &testkit.Device{Key: d.Key, Approval: testkit.NewSigner(t)}, nil))
	wantCode(t, err, fault.KeyAlreadyKnown)
}

func TestAUserHasAtMostTenDevices(t *testing.T) {
	k := testkit.New(t)
	for range device.MaxPerUser {
		k.Register("ada")
	}
	inv := invite(t, k, "ada")
	raw := k.Enrollment(inv.Invitation, newDevice(t), nil)
	_, err := k.Enrollments.Register(ctx, raw)
	wantCode(t, err, fault.DeviceLimit)
	k.Clock.Advance(enrollment.ConfirmLifetime)
	must(t, k.Enrollments.Sweep(ctx)) // those that nobody confirmed leave room
	k.Register("ada")
}

// second registers a further device of ada and confirms it, so that the first one is asked.
func second(t testing.TB, k *testkit.Kit) (*testkit.Device, enrollment.Confirmed) {
	t.Helper()
	d, inv := k.Register("ada")
	c, err := k.Enrollments.Confirm(ctx, k.Caller, inv.Enrollment.ID, d.Code)
	must(t, err)
	if c.Enrollment.Status != enrollment.StatusAwaiting || c.Approval == nil || c.Approval.Number == "" {
		t.Fatalf("%s %+v", c.Enrollment.Status, c.Approval)
	}
	return d, c
}

func question(t testing.TB, k *testkit.Kit, c enrollment.Confirmed) challenge.Challenge {
	t.Helper()
	ch, err := k.Challenges.Get(ctx, k.App, c.Approval.Challenge)
	must(t, err)
	return ch
}

func TestT10_AnExistingDeviceDecidesAboutANewOne(t *testing.T) {
	for _, c := range []struct {
		name   string
		decide func(k *testkit.Kit, first *testkit.Device, asked challenge.Challenge, number string) error
		code   fault.Code
		want   enrollment.Status
	}{
		{"approve", func(_ *testkit.Kit, d *testkit.Device, q challenge.Challenge, number string) error {
			_, err := d.Decide(q, protocol.Approve, number)
			return err
		}, "", enrollment.StatusActive},
		{"deny", func(_ *testkit.Kit, d *testkit.Device, q challenge.Challenge, _ string) error {
			_, err := d.Decide(q, protocol.Deny, "")
			return err
		}, "", enrollment.StatusFailed},
		{"report", func(_ *testkit.Kit, d *testkit.Device, q challenge.Challenge, _ string) error {
			_, err := d.Decide(q, protocol.Report, "")
			return err
		}, "", enrollment.StatusFailed},
		{"the wrong number", func(_ *testkit.Kit, d *testkit.Device, q challenge.Challenge, number string) error {
			_, err := d.Decide(q, protocol.Approve, map[bool]string{true: "01", false: "00"}[number == "00"])
			return err
		}, fault.NumberWrong, enrollment.StatusFailed},
		{"time", func(k *testkit.Kit, _ *testkit.Device, _ challenge.Challenge, _ string) error {
			k.Clock.Advance(challenge.ApprovalLifetime)
			return k.Enrollments.Sweep(ctx)
		}, "", enrollment.StatusFailed},
		{"the existing device is removed", func(k *testkit.Kit, d *testkit.Device, _ challenge.Challenge, _ string) error {
			return k.Devices.Revoke(ctx, k.Tenant.ID, "", d.ID, "operator")
		}, "", enrollment.StatusFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := testkit.New(t)
			first := k.Enroll("ada")
			d, asked := second(t, k)
			if s := deviceStatus(t, k, d); s != device.StatusUnconfirmed {
				t.Fatalf("before the answer the device is %s", s)
			}
			wantCode(t, c.decide(k, first, question(t, k, asked), asked.Approval.Number), c.code)
			e := wantStatus(t, k, asked.Enrollment.ID, c.want)
			want := map[bool]device.Status{true: device.StatusActive, false: device.StatusRevoked}[c.want == enrollment.StatusActive]
			if s := deviceStatus(t, k, d); s != want {
				t.Errorf("the new device is %s", s)
			}
			if len(e.Sealed) != 0 {
				t.Error("something sealed is left")
			}
		})
	}
}

func TestT10_ALostCallAfterTheDecisionIsMadeUpForByTheNextRead(t *testing.T) {
	for _, by := range []string{"get", "sweep"} {
		t.Run(by, func(t *testing.T) {
			k := testkit.New(t)
			first := k.Enroll("ada")
			d, asked := second(t, k)
			k.Challenges.Observers = nil // the process ended between the commit and the call
			_, err := first.Decide(question(t, k, asked), protocol.Approve, asked.Approval.Number)
			must(t, err)
			if s := deviceStatus(t, k, d); s != device.StatusUnconfirmed {
				t.Fatalf("the device is %s already", s)
			}
			if by == "sweep" {
				k.Clock.Advance(challenge.ApprovalLifetime)
				must(t, k.Enrollments.Sweep(ctx))
			} else {
				wantStatus(t, k, asked.Enrollment.ID, enrollment.StatusActive)
			}
			if s := deviceStatus(t, k, d); s != device.StatusActive {
				t.Errorf("the device is %s", s)
			}
		})
	}
}

func TestTheRightCodeTwiceAtOnceAsksOnce(t *testing.T) {
	for range 4 {
		k := testkit.New(t)
		first := k.Enroll("ada")
		d, inv := k.Register("ada")
		asked := make([]enrollment.Confirmed, 4)
		var wg sync.WaitGroup
		for i := range asked {
			wg.Go(func() {
				var err error
				if asked[i], err = k.Enrollments.Confirm(ctx, k.Caller, inv.Enrollment.ID, d.Code); err != nil {
					wantCode(t, err, fault.EnrollmentNotPending)
				}
			})
		}
		wg.Wait()
		e := wantStatus(t, k, inv.Enrollment.ID, enrollment.StatusAwaiting)
		approval, err := k.Enrollments.Asked(e)
		must(t, err)
		for _, a := range asked {
			if a.Approval != nil && *a.Approval != *approval {
				t.Errorf("a page was shown %+v, the devices %+v", *a.Approval, *approval)
			}
		}
		_, err = first.Decide(question(t, k, enrollment.Confirmed{Approval: approval}), protocol.Approve, approval.Number)
		must(t, err)
		wantStatus(t, k, inv.Enrollment.ID, enrollment.StatusActive)
	}
}

// One enrollment that cannot go on must not keep the sweep from the others.
func TestT11_AUserDisabledBeforeTheApprovalEndsTheEnrollmentAndHoldsUpNoOther(t *testing.T) {
	k := testkit.New(t)
	first := k.Enroll("ada")
	d, asked := second(t, k)
	k.Challenges.Observers = nil
	_, err := first.Decide(question(t, k, asked), protocol.Approve, asked.Approval.Number)
	must(t, err)
	setDisabled(t, k, "ada", true)
	_, other := k.Register("bob")
	k.Clock.Advance(enrollment.ConfirmLifetime)
	must(t, k.Enrollments.Sweep(ctx))
	wantStatus(t, k, other.Enrollment.ID, enrollment.StatusExpired)
	wantStatus(t, k, asked.Enrollment.ID, enrollment.StatusFailed)
	if s := deviceStatus(t, k, d); s != device.StatusRevoked {
		t.Errorf("the device is %s", s)
	}
}

func TestT41_SealedRepliesOfTwoEnrollmentsDoNotOpenInEachOthersRow(t *testing.T) {
	k := testkit.New(t)
	_, a := k.Register("ada")
	d, b := k.Register("bob")
	must(t, k.DB.Update(ctx, func(tx *sqlstore.Tx) error {
		one, err := tx.Enrollment(k.Tenant.ID, a.Enrollment.ID)
		if err != nil {
			return err
		}
		two, err := tx.Enrollment(k.Tenant.ID, b.Enrollment.ID)
		if err != nil {
			return err
		}
		one.Sealed, two.Sealed = two.Sealed, one.Sealed
		_, err = tx.MoveEnrollment(one, one.Status)
		if err != nil {
			return err
		}
		_, err = tx.MoveEnrollment(two, two.Status)
		return err
	}))
	if c, err := k.Enrollments.Confirm(ctx, k.Caller, a.Enrollment.ID, d.Code); err == nil {
		t.Errorf("ada's enrollment took bob's code and is %s", c.Enrollment.Status)
	}
	wantStatus(t, k, a.Enrollment.ID, enrollment.StatusRegistered)
}

func TestAnInvitationSentAgain(t *testing.T) {
	k := testkit.New(t)
	in := enrollment.Invite{Caller: k.Caller, UserRef: "ada", Idempotency: replay.Key{Scope: "scope", Body: "body"}}
	first, err := k.Enrollments.Invite(ctx, in)
	must(t, err)
	again, err := k.Enrollments.Invite(ctx, in)
	must(t, err)
	if again.Enrollment.ID != first.Enrollment.ID || again.Invitation != first.Invitation {
		t.Error("the second reply differs")
	}
	in.Idempotency.Body = "other"
	_, err = k.Enrollments.Invite(ctx, in)
	wantCode(t, err, fault.IdempotencyReused)
	in.Idempotency.Body = "body"
	k.Clock.Advance(protocol.InvitationLifetime)
	late, err := k.Enrollments.Invite(ctx, in)
	must(t, err)
	if late.Enrollment.ID != first.Enrollment.ID || late.Invitation.Token != "" {
		t.Errorf("after its time the invitation still repeats its token, or is another one")
	}
	must(t, k.DB.Update(ctx, func(tx *sqlstore.Tx) error { return tx.Sweep(k.Clock.Now(), k.Clock.Now()) }))
	must(t, k.DB.View(ctx, func(tx *sqlstore.Tx) error {
		r, err := tx.Replay("scope")
		if err == nil && len(r.Sealed) != 0 {
			t.Error("the secret stays stored")
		}
		return err
	}))
	k.Clock.Advance(replay.Kept)
	must(t, k.DB.Update(ctx, func(tx *sqlstore.Tx) error { return tx.Sweep(k.Clock.Now(), k.Clock.Now()) }))
	fresh, err := k.Enrollments.Invite(ctx, in)
	must(t, err)
	if fresh.Enrollment.ID == first.Enrollment.ID {
		t.Error("a day later the key is still remembered")
	}
}

func TestAnInvitationIsRepeatedWithoutItsTokenOnceUsed(t *testing.T) {
	k := testkit.New(t)
	in := enrollment.Invite{Caller: k.Caller, UserRef: "ada", Idempotency: replay.Key{Scope: "scope", Body: "body"}}
	first, err := k.Enrollments.Invite(ctx, in)
	must(t, err)
	_, err = k.Enrollments.Register(ctx, k.Enrollment(first.Invitation, newDevice(t), nil))
	must(t, err)
	again, err := k.Enrollments.Invite(ctx, in)
	must(t, err)
	if again.Invitation.Token != "" {
		t.Error("the token of a used invitation is repeated")
	}
}
