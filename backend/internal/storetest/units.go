package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nod-auth/nod/backend/internal/txn"
)

var errBad = errors.New("a unit's own error")

// among runs a bad unit among good ones at the same time, and returns the bad one's error.
func (b *bench) among(bad func(Tx) error) (err error) {
	var wg sync.WaitGroup
	for i := range 24 {
		if i == 12 {
			wg.Go(func() { err = b.store.Update(b.ctx, bad) })
		}
		wg.Go(func() {
			if err := b.store.Update(b.ctx, func(tx Tx) error { return tx.SetMeta(fmt.Sprint("good", i), "yes") }); err != nil {
				b.t.Errorf("a good unit failed: %v", err)
			}
		})
	}
	wg.Wait()
	for i := range 24 {
		if b.meta(fmt.Sprint("good", i)) != "yes" {
			b.t.Errorf("good unit %d left nothing", i)
		}
	}
	if got := b.meta("bad"); got != "" {
		b.t.Errorf("the bad unit left %q", got)
	}
	return err
}

func isolation(_ *testing.T, b *bench) {
	err := b.among(func(tx Tx) error { return errors.Join(tx.SetMeta("bad", "yes"), tx.AppendAudit(b.event("x")), errBad) })
	b.want("the bad unit", err, errBad)
	b.view(func(tx Tx) error {
		list, err := tx.Unsealed(10)
		b.equal("events left", len(list), 0)
		return err
	})
	err = b.among(func(tx Tx) error {
		if err := tx.SetMeta("bad", "yes"); err != nil {
			return err
		}
		u := b.user
		u.ID += "x"
		return tx.SaveUser(u) // the name is taken
	})
	b.want("a unit that hits a constraint", err, txn.ErrConflict)
}

func panics(t *testing.T, b *bench) {
	err := b.among(func(tx Tx) error { _ = tx.SetMeta("bad", "yes"); panic("a unit's own panic") })
	if err == nil || !strings.Contains(err.Error(), "a unit's own panic") {
		t.Errorf("a panic became %v", err)
	}
	if err := b.store.View(b.ctx, func(Tx) error { panic("in a view") }); err == nil {
		t.Error("a panic in a view became nothing")
	}
	b.update(func(tx Tx) error { return tx.SetMeta("after", "yes") })
}

func increments(_ *testing.T, b *bench) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				if err := b.store.Update(b.ctx, increment); err != nil {
					b.t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.equal("the sum", b.meta("n"), "80")
}

func increment(tx Tx) error {
	v, err := tx.Meta("n")
	if err != nil {
		return err
	}
	n := 0
	if v != "" {
		if n, err = strconv.Atoi(v); err != nil {
			return err
		}
	}
	return tx.SetMeta("n", strconv.Itoa(n+1))
}

func views(t *testing.T, b *bench) {
	b.update(func(tx Tx) error { return tx.SetMeta("k", "before") })
	b.view(func(tx Tx) error {
		first, err := tx.Meta("k")
		if err != nil {
			return err
		}
		b.update(func(tx Tx) error { return tx.SetMeta("k", "after") }) // by another
		second, err := tx.Meta("k")
		if first != "before" || second != "before" {
			t.Errorf("a view saw %q, then %q", first, second)
		}
		return err
	})
	b.equal("the next view", b.meta("k"), "after")
	if err := b.store.View(b.ctx, func(tx Tx) error { return tx.SetMeta("k", "written by a view") }); err == nil {
		t.Error("a view writes")
	}
	b.equal("what a view wrote", b.meta("k"), "after")
}

func contexts(t *testing.T, b *bench) {
	over, cancel := context.WithCancel(b.ctx)
	cancel()
	ran := false
	err := b.store.Update(over, func(Tx) error { ran = true; return nil })
	if ran || !errors.Is(err, context.Canceled) {
		t.Errorf("the unit ran: %v, and Update returned %v", ran, err)
	}
}
