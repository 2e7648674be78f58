package main

import (
	"testing"

	"github.com/nod-auth/nod/backend/internal/config"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/shared/protocol"
)

func TestT05_AnAnswerFromBeforeARestoreIsRefusedByTheNewEpoch(t *testing.T) {
	k := testkit.New(t)
	ada, eve := k.Enroll("ada"), k.Enroll("eve")
	made := k.MustCreate("ada", nil)
	answer := ada.Sign(made.Challenge, protocol.Approve, made.Number, nil) // was taken before the backup came back
	_, invitation := k.Register("bob")
	d := &domain{db: k.DB, tenants: k.Tenants, config: &config.Config{}}
	known := map[string]bool{}
	if err := d.openEpoch(t.Context(), k.Tenant, epoch{[]string{string(eve.ID)}, "revocations_replayed", known}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Challenges.Decide(t.Context(), made.Challenge.ID, answer); fault.CodeOf(err) != fault.AlreadyDecided {
		t.Errorf("the old answer: %v", err)
	}
	if _, err := k.Create("eve", nil); fault.CodeOf(err) != fault.UserHasNoDevice {
		t.Errorf("a device that was revoked after the backup is asked: %v", err)
	}
	if e, err := k.Enrollments.Get(t.Context(), k.Caller, invitation.Enrollment.ID); err != nil || e.Status != "expired" {
		t.Errorf("the invitation is %s, %v", e.Status, err)
	}
	if !known[string(eve.ID)] {
		t.Error("the revoked device counts as unknown")
	}
	fresh := k.MustCreate("ada", nil)
	if c, err := ada.Decide(fresh.Challenge, protocol.Approve, fresh.Number); err != nil || c.Status != protocol.StatusApproved {
		t.Errorf("a new request: %s, %v", c.Status, err)
	}
}

// Devices refuse a key statement whose sequence is lower than one they have seen, and the backup may be older than that one.
func TestT42_TheKeyStatementAfterARestoreIsNewerThanAnySeen(t *testing.T) {
	k := testkit.New(t)
	before := k.Tenant.KeysSeq
	d := &domain{db: k.DB, tenants: k.Tenants, config: &config.Config{}}
	if err := d.openEpoch(t.Context(), k.Tenant, epoch{known: map[string]bool{}}); err != nil {
		t.Fatal(err)
	}
	ring, err := k.Tenants.Ring(t.Context(), k.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := protocol.VerifyKeys(ring.Tenant.KeysJWS, k.Tenant.Root.Thumbprint(), before+sequenceSkip, k.Clock.Now()); err != nil {
		t.Errorf("a device that saw up to %d more: %v", sequenceSkip, err)
	}
}
