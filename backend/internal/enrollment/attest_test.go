package enrollment_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/attestation"
	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/shared/protocol"
)

// registerClaiming registers a device that claims StrongBox and brings this attestation, and returns what is stored of it.
func registerClaiming(t *testing.T, k *testkit.Kit, a *protocol.Attestation) (device.Device, error) {
	t.Helper()
	inv := invite(t, k, "ada")
	_, err := k.Enrollments.Register(ctx, k.Enrollment(inv.Invitation, newDevice(t), func(e *protocol.Enrollment) {
		e.Levels = protocol.KeyLevels{Device: protocol.LevelStrongBox, Approval: protocol.LevelStrongBox}
		e.Attestation = a
	}))
	if err != nil {
		return device.Device{}, err
	}
	e, err := k.Enrollments.Get(ctx, k.Caller, inv.Enrollment.ID)
	must(t, err)
	var d device.Device
	must(t, k.DB.View(ctx, func(tx *sqlstore.Tx) error {
		d, err = tx.Device(k.Tenant.ID, e.Device)
		return err
	}))
	return d, nil
}

func TestT14_AClaimIsNoProof(t *testing.T) {
	junk := &protocol.Attestation{Format: attestation.FormatAndroid, Device: []string{"AAAA"}, Approval: []string{"AAAA"}}
	policy := attestation.Policy{Android: &attestation.Android{}}
	for name, a := range map[string]*protocol.Attestation{"no attestation": nil, "an attestation that proves nothing": junk} {
		t.Run(name, func(t *testing.T) {
			k := testkit.New(t)
			k.Enrollments.Attest = policy.Enrollment
			d, err := registerClaiming(t, k, a)
			must(t, err)
			for _, c := range []device.Credential{d.Key, d.Approval} {
				if c.Claimed != protocol.LevelStrongBox || c.Proven != "" || c.Meets(protocol.LevelTEE) || !c.Meets(protocol.LevelSoftware) {
					t.Errorf("stored %+v", c)
				}
			}
		})
	}
}

func TestT14_WhatIsProvenIsStoredApartFromTheClaim(t *testing.T) {
	k := testkit.New(t)
	k.Enrollments.Attest = func(e *protocol.Enrollment, now time.Time) (attestation.Result, error) {
		if e.DeviceKey.Key() == nil || !now.Equal(k.Clock.Now()) {
			t.Error("asked without the device key or the time")
		}
		return attestation.Result{Device: protocol.LevelTEE, Detail: "android-key: device tee; approval certificate_revoked"}, nil
	}
	d, err := registerClaiming(t, k, nil)
	must(t, err)
	if d.Key.Proven != protocol.LevelTEE || d.Key.Claimed != protocol.LevelStrongBox || d.Approval.Proven != "" {
		t.Errorf("device key %+v, approval key %+v", d.Key, d.Approval)
	}
	if !d.Key.Meets(protocol.LevelTEE) || d.Key.Meets(protocol.LevelStrongBox) || d.Approval.Meets(protocol.LevelTEE) {
		t.Error("a key meets what was not proven of it, or not what was")
	}
	must(t, k.DB.View(ctx, func(tx *sqlstore.Tx) error {
		list, err := tx.Events(k.Tenant.ID, 0, 100)
		for _, e := range list {
			if e.Type == audit.EnrollmentRegister && !strings.HasSuffix(e.Detail, "certificate_revoked") {
				t.Errorf("the audit log says %q", e.Detail)
			}
		}
		return err
	}))
}

func TestT14_RequiredAttestationRefusesAndLeavesTheInvitation(t *testing.T) {
	k := testkit.New(t)
	k.Enrollments.Attest = attestation.Policy{Required: true}.Enrollment
	inv := invite(t, k, "ada")
	_, err := k.Enrollments.Register(ctx, k.Enrollment(inv.Invitation, newDevice(t), nil))
	wantCode(t, err, fault.KeyLevelTooLow)
	wantStatus(t, k, inv.Enrollment.ID, "invited")
	k.Enrollments.Attest = nil
	_, err = k.Enrollments.Register(ctx, k.Enrollment(inv.Invitation, newDevice(t), nil))
	must(t, err)
}
