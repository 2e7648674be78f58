package sqlstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/shared/protocol"
)

// The flood of a year leaves what the last days made, in a file that does not grow any more.
func TestT19_OldRowsAreDeletedAndNewOnesStay(t *testing.T) {
	k := testkit.New(t)
	ctx := context.Background()
	d := k.Enroll("ada")
	for i := range 60 {
		made := k.MustCreate("ada", func(r *challenge.Request) { r.Transaction = fmt.Sprint("old ", i) })
		if _, err := d.Decide(made.Challenge, protocol.Deny, ""); err != nil {
			t.Fatal(err)
		}
		k.Clock.Advance(time.Minute)
	}
	k.Clock.Advance(90 * 24 * time.Hour)
	ended := k.MustCreate("ada", nil)
	if _, err := d.Decide(ended.Challenge, protocol.Deny, ""); err != nil {
		t.Fatal(err)
	}
	open := k.MustCreate("ada", nil)
	var deleted []int64
	for n := int64(1); n > 0; {
		err := k.DB.Update(ctx, func(tx *sqlstore.Tx) (err error) {
			n, err = tx.SweepOld(k.Clock.Now().Add(-24*time.Hour), 25)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		deleted = append(deleted, n)
	}
	if got := fmt.Sprint(deleted); got != "[26 25 10 0]" { // 60 challenges and an enrollment
		t.Errorf("deleted %s", got)
	}
	for _, c := range []challenge.Created{ended, open} {
		if _, err := k.Challenges.Get(ctx, k.App, c.Challenge.ID); err != nil {
			t.Errorf("a new one is gone: %v", err)
		}
	}
	raw := d.Sign(ended.Challenge, protocol.Deny, "", nil)
	if _, err := k.Challenges.Decide(ctx, ended.Challenge.ID, raw); fault.CodeOf(err) != fault.AlreadyDecided {
		t.Errorf("the ended one: %v", err)
	}
}
