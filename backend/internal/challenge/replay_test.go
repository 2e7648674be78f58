package challenge_test

import (
	"database/sql"
	"sync"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/replay"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/shared/protocol"
)

func again(r *challenge.Request) {
	r.Transaction, r.Idempotency = "t", replay.Key{Scope: "scope", Body: "body"}
}

func TestACreateSentAgainIsTheSameChallenge(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	made := make([]challenge.Created, 12)
	var wg sync.WaitGroup
	for i := range made {
		wg.Go(func() {
			var err error
			if made[i], err = k.Create("ada", again); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, m := range made {
		if m.Challenge.ID != made[0].Challenge.ID || m.Number != made[0].Number || m.Browser != made[0].Browser || m.Number == "" {
			t.Errorf("another challenge, or another secret: %s", m.Challenge.ID)
		}
	}
	if n := events(t, k, audit.ChallengeCreated); n != 1 {
		t.Errorf("%d challenges", n)
	}
	_, err := k.Create("ada", func(r *challenge.Request) { again(r); r.Idempotency.Body = "other" })
	wantCode(t, err, fault.IdempotencyReused)
	_, err = d.Decide(made[0].Challenge, protocol.Approve, made[0].Number)
	must(t, err)
	k.Clock.Advance(protocol.ChallengeLifetime)
	late, err := k.Create("ada", again)
	must(t, err)
	if late.Challenge.ID != made[0].Challenge.ID || late.Challenge.Status != protocol.StatusApproved || late.Number != "" || late.Browser != "" {
		t.Errorf("after its time: %s, %s, number %q", late.Challenge.ID, late.Challenge.Status, late.Number)
	}
}

func TestACreateThatWasRefusedIsNotRemembered(t *testing.T) {
	k := testkit.New(t)
	_, err := k.Create("ada", again)
	wantCode(t, err, fault.UserHasNoDevice)
	k.Enroll("ada")
	_, err = k.Create("ada", again)
	must(t, err)
}

func TestT41_TheSaltOfOneChallengeOpensNoOther(t *testing.T) {
	k := testkit.New(t)
	d := k.Enroll("ada")
	a, b := k.MustCreate("ada", nil), k.MustCreate("ada", nil)
	thief, err := sql.Open("sqlite3", k.DB.Path())
	must(t, err)
	defer thief.Close()
	_, err = thief.ExecContext(ctx, "UPDATE challenges SET salt_sealed = (SELECT salt_sealed FROM challenges WHERE id = $1) WHERE id = $2", string(b.Challenge.ID), string(a.Challenge.ID))
	must(t, err)
	if c, err := d.Decide(a.Challenge, protocol.Approve, a.Number); err == nil {
		t.Errorf("it is %s", c.Status)
	}
	k.Clock.Advance(time.Second)
	if c, err := d.Decide(a.Challenge, protocol.Deny, ""); err != nil || c.Status != protocol.StatusDenied {
		t.Errorf("deny: %s %v", c.Status, err)
	}
}
