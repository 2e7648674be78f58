package enrollment_test

import (
	"testing"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/enrollment"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/shared/protocol"
)

func TestT26_ADeviceThatWasRemovedBeforeItsConfirmationDoesNotBecomeActive(t *testing.T) {
	k := testkit.New(t)
	d, inv := k.Register("ada")
	must(t, k.Devices.Revoke(ctx, k.Tenant.ID, "", d.ID, "operator"))
	_, err := k.Enrollments.Confirm(ctx, k.Caller, inv.Enrollment.ID, d.Code)
	wantCode(t, err, fault.EnrollmentNotPending)
	wantStatus(t, k, inv.Enrollment.ID, enrollment.StatusFailed)
	if s := deviceStatus(t, k, d); s != device.StatusRevoked {
		t.Errorf("the device is %s", s)
	}
	if n := events(t, k, audit.DeviceActivated); n != 0 {
		t.Errorf("%d events say that it became active", n)
	}
}

func TestT26_ANewDeviceThatWasRemovedBeforeItsApprovalDoesNotBecomeActive(t *testing.T) {
	k := testkit.New(t)
	first := k.Enroll("ada")
	d, inv := k.Register("ada")
	c, err := k.Enrollments.Confirm(ctx, k.Caller, inv.Enrollment.ID, d.Code)
	must(t, err)
	must(t, k.Devices.Revoke(ctx, k.Tenant.ID, "", d.ID, "operator"))
	asked, err := k.Challenges.Get(ctx, k.App, c.Approval.Challenge)
	must(t, err)
	_, err = first.Decide(asked, protocol.Approve, c.Approval.Number)
	must(t, err)
	wantStatus(t, k, inv.Enrollment.ID, enrollment.StatusFailed)
	if n := events(t, k, audit.DeviceActivated); n != 1 { // the first device's
		t.Errorf("%d events say that a device became active", n)
	}
}

// A second device of the same user registers an address that the first one has: both stay, and it is told.
func TestT04_AnAddressThatAnotherDeviceHasIsToldAtEnrollmentToo(t *testing.T) {
	k := testkit.New(t)
	must(t, k.Tenants.SetDeviceAdd(ctx, k.Tenant.ID, "allow"))
	same := func(e *protocol.Enrollment) {
		e.Push = &protocol.PushAddress{Channel: "apns", Kind: "production", Address: "00ff00ff00ff00ff", App: "com.example.app"}
	}
	k.EnrollWith("ada", same)
	if n := events(t, k, audit.DevicePushDuplicate); n != 0 {
		t.Fatalf("%d events for the first", n)
	}
	k.EnrollWith("eve", same)
	if n := events(t, k, audit.DevicePushDuplicate); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

// An address that its channel can't use is refused when it is given, not found out when a phone stays silent.
func TestT04_AnAddressThatCannotBeUsedIsRefusedAtEnrollment(t *testing.T) {
	k := testkit.New(t)
	for name, p := range map[string]protocol.PushAddress{
		"apns without its app":   {Channel: "apns", Address: "00ff"},
		"apns of no hexadecimal": {Channel: "apns", Address: "zz", App: "com.example.app"},
		"webpush over http":      {Channel: "webpush", Address: "http://push.example.com/x"},
		"webpush without keys":   {Channel: "webpush", Address: "https://push.example.com/x"},
		"a kind of another":      {Channel: "fcm", Kind: "sandbox", Address: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			inv := invite(t, k, "ada")
			_, err := k.Enrollments.Register(ctx, k.Enrollment(inv.Invitation, newDevice(t), func(e *protocol.Enrollment) { e.Push = &p }))
			wantCode(t, err, fault.ValidationFailed)
			wantStatus(t, k, inv.Enrollment.ID, enrollment.StatusInvited)
		})
	}
}
