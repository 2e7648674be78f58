package storetest

import (
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/txn"
)

func (b *bench) event(subject string) audit.Event {
	return audit.Event{Tenant: b.tn.ID, At: now, Type: audit.UserLocked, Actor: "server", User: b.user.ID, Subject: subject, Detail: "d"}
}

func events(_ *testing.T, b *bench) {
	other, _, _ := b.space("Other")
	b.update(func(tx Tx) error {
		foreign := b.event("foreign")
		foreign.Tenant = other.ID
		for _, e := range []audit.Event{b.event("1"), foreign, b.event("2"), b.event("3")} {
			if err := tx.AppendAudit(e); err != nil {
				return err
			}
		}
		return nil
	})
	var mine []audit.Event
	b.view(func(tx Tx) error {
		all, err := tx.Unsealed(10)
		b.equal("unsealed, of all tenants", len(all), 4)
		two, _ := tx.Unsealed(2)
		b.equal("the first ones", []string{two[0].Subject, two[1].Subject}, []string{"1", "foreign"})
		mine, _ = tx.Events(b.tn.ID, 0, 10)
		b.equal("a tenant's own", len(mine), 3)
		rest, _ := tx.Events(b.tn.ID, mine[0].ID, 1)
		b.equal("the next one", rest[0].Subject, "2")
		head, headErr := tx.Head(b.tn.ID)
		b.equal("an empty chain", head, audit.Head{Tenant: b.tn.ID})
		if headErr != nil {
			return headErr
		}
		return err
	})
	seal := func() error {
		return b.store.Update(b.ctx, func(tx Tx) error { return tx.Seal(mine[0].ID, 1, "hash") })
	}
	b.want("the first seal", seal(), nil)
	b.want("the second seal", seal(), txn.ErrConflict)
	head := audit.Head{Tenant: b.tn.ID, Seq: 1, Hash: "hash"}
	cp := audit.Checkpoint{Tenant: b.tn.ID, Seq: 1, Hash: "hash", At: now, JWS: "jws"}
	b.update(func(tx Tx) error {
		if err := tx.SaveHead(head); err != nil {
			return err
		}
		return tx.SaveCheckpoint(cp)
	})
	b.view(func(tx Tx) error {
		got, err := tx.Head(b.tn.ID)
		b.equal("the head", got, head)
		list, listErr := tx.Checkpoints(b.tn.ID)
		b.equal("the checkpoints", list, []audit.Checkpoint{cp})
		left, _ := tx.Unsealed(10)
		b.equal("left to seal", len(left), 3)
		if listErr != nil {
			return listErr
		}
		return err
	})
}

func leases(_ *testing.T, b *bench) {
	take := func(holder string, at time.Time) (ok bool) {
		b.update(func(tx Tx) (err error) { ok, err = tx.Lease("sealer", holder, at, time.Minute); return err })
		return ok
	}
	b.equal("taken, renewed, refused, refused at the last moment, taken over, refused to the first",
		[]bool{take("a", now), take("a", now.Add(time.Second)), take("b", now.Add(time.Second)), take("b", now.Add(61*time.Second-time.Millisecond)),
			take("b", now.Add(61*time.Second)), take("a", now.Add(61*time.Second))},
		[]bool{true, true, false, false, true, false})
	b.update(func(tx Tx) error { return tx.Release("sealer", "a") }) // not its own
	b.equal("after a stranger's release", take("a", now.Add(62*time.Second)), false)
	b.update(func(tx Tx) error { return tx.Release("sealer", "b") })
	b.equal("after the holder's release", take("a", now.Add(62*time.Second)), true)
}
