package sqlstore_test

import (
	"context"
	"testing"

	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/testkit"
)

func BenchmarkViewOfADevice(b *testing.B) {
	k := testkit.New(b)
	d := k.Enroll("ada")
	ctx := context.Background()
	read := func(b *testing.B) {
		err := k.DB.View(ctx, func(tx *sqlstore.Tx) error {
			_, err := tx.Device(d.Tenant, d.ID)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.Run("with nothing written", func(b *testing.B) {
		for b.Loop() {
			read(b)
		}
	})
	b.Run("after a write", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			if err := k.DB.Update(ctx, func(tx *sqlstore.Tx) error { return tx.SetMeta("x", "y") }); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			read(b)
		}
	})
	b.Run("inside a write transaction", func(b *testing.B) {
		_ = k.DB.Update(ctx, func(tx *sqlstore.Tx) error {
			for b.Loop() {
				if _, err := tx.Device(d.Tenant, d.ID); err != nil {
					b.Fatal(err)
				}
			}
			return nil
		})
	})
}

func BenchmarkUpdate(b *testing.B) {
	k := testkit.New(b)
	ctx := context.Background()
	for b.Loop() {
		if err := k.DB.Update(ctx, func(tx *sqlstore.Tx) error { return tx.SetMeta("x", "y") }); err != nil {
			b.Fatal(err)
		}
	}
}
