package challenge_test

import (
	"context"
	"testing"

	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/shared/protocol"
)

func TestAnApprovalBecomesAResultThatVerifiesOffline(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	made := k.MustCreate("ada", nil)
	c, err := d.Decide(made.Challenge, protocol.Approve, made.Number)
	if err != nil || c.Status != protocol.StatusApproved {
		t.Fatalf("decide: %v, %v", c.Status, err)
	}
	raw, err := k.Challenges.Result(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := k.Tenants.Ring(context.Background(), k.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := protocol.Expectation{Issuer: testkit.Issuer, Tenant: k.Tenant.ID, Audience: k.App.ID, Subject: "ada", Transaction: made.Challenge.Transaction, Now: k.Clock.Now()}
	r, err := protocol.VerifyResult(raw, ring.Keys, want)
	if err != nil {
		t.Fatal(err)
	}
	if r.ACR != protocol.ACRNumber || r.Device.ID != d.ID {
		t.Errorf("result %+v", r)
	}
	want.Transaction = "another"
	if _, err := protocol.VerifyResult(raw, ring.Keys, want); err == nil {
		t.Error("T25: a result was accepted for another transaction")
	}
}

func TestAWrongNumberEndsTheChallengeAndARepeatGetsTheSameAnswer(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	made := k.MustCreate("ada", nil)
	wrong := "00"
	if made.Number == wrong {
		wrong = "01"
	}
	raw := d.Sign(made.Challenge, protocol.Approve, wrong, nil)
	for range 2 {
		c, err := k.Challenges.Decide(context.Background(), made.Challenge.ID, raw)
		if fault.CodeOf(err) != fault.NumberWrong || c.Status != protocol.StatusFailed {
			t.Fatalf("%v %v", c.Status, err)
		}
	}
	if _, err := d.Decide(made.Challenge, protocol.Approve, made.Number); fault.CodeOf(err) != fault.AlreadyDecided {
		t.Errorf("the right number afterwards: %v", err)
	}
	_ = challenge.MaxPending
}
