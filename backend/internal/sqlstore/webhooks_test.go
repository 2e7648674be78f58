package sqlstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/guard"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/backend/internal/webhook"
)

func directory(k *testkit.Kit) *webhook.Directory {
	return &webhook.Directory{Store: sqlstore.For[webhook.Tx](k.DB), Sealer: k.Sealer, CheckURL: guard.New(guard.Params{}).CheckURL, Now: k.Clock.Now}
}

func TestT22_a_rotated_key_is_stored_and_ends_after_its_overlap(t *testing.T) {
	k := testkit.New(t)
	d := directory(k)
	for name, key := range map[string]webhook.Key{"ed25519": webhook.NewKey(), "hmac": webhook.NewSecret()} {
		r, old, err := d.Create(t.Context(), k.Tenant.ID, "https://example.com/hook", key)
		if err != nil {
			t.Fatal(err)
		}
		fresh, err := d.Rotate(t.Context(), k.Tenant.ID, r.ID, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		began := k.Clock.Now()
		for _, c := range []struct {
			at   time.Time
			key  webhook.Key
			what string
			ok   bool
		}{
			{began, old, "the old key at once", true}, {began, fresh, "the new key at once", true},
			{began.Add(time.Hour), old, "the old key after the overlap", false}, {began.Add(time.Hour), fresh, "the new key after the overlap", true},
		} {
			to, err := d.Endpoint(t.Context(), r.ID)
			if err != nil {
				t.Fatal(err)
			}
			h, err := webhook.Sign(to.Keys.Valid(c.at), "push_1", c.at, []byte("{}"))
			if err != nil {
				t.Fatal(err)
			}
			if err := webhook.Verify([]webhook.Key{c.key}, h, []byte("{}"), c.at); (err == nil) != c.ok {
				t.Errorf("%s, %s: %v", name, c.what, err)
			}
		}
	}
}

func TestT22_a_key_is_never_that_of_two_endpoints(t *testing.T) {
	k := testkit.New(t)
	d := directory(k)
	key := webhook.NewSecret()
	if _, _, err := d.Create(t.Context(), k.Tenant.ID, "https://example.com/a", key); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Create(t.Context(), k.Tenant.ID, "https://example.com/b", key); !errors.Is(err, txn.ErrConflict) {
		t.Fatalf("a second endpoint got the same key: %v", err)
	}
}

func TestT09_an_endpoint_is_its_tenants(t *testing.T) {
	k := testkit.New(t)
	d := directory(k)
	r, _, err := d.Create(t.Context(), k.Tenant.ID, "https://example.com/a", webhook.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	other, err := k.Tenants.Create(t.Context(), "Other")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Rotate(t.Context(), other.ID, r.ID, time.Hour); !errors.Is(err, txn.ErrNotFound) {
		t.Errorf("rotate: %v", err)
	}
	if err := d.Remove(t.Context(), other.ID, r.ID); !errors.Is(err, txn.ErrNotFound) {
		t.Errorf("remove: %v", err)
	}
	if err := d.Enable(t.Context(), other.ID, r.ID); !errors.Is(err, txn.ErrNotFound) {
		t.Errorf("enable: %v", err)
	}
	if list, err := d.List(t.Context(), other.ID); err != nil || len(list) != 0 {
		t.Errorf("list: %v, %v", list, err)
	}
}

func TestT41_sealed_keys_of_one_endpoint_do_not_open_in_anothers_row(t *testing.T) {
	k := testkit.New(t)
	d := directory(k)
	a, _, errA := d.Create(t.Context(), k.Tenant.ID, "https://example.com/a", webhook.NewKey())
	b, _, errB := d.Create(t.Context(), k.Tenant.ID, "https://example.com/b", webhook.NewKey())
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	b.KeysSealed = a.KeysSealed
	if err := k.DB.Update(t.Context(), func(tx *sqlstore.Tx) error { return tx.SaveWebhook(b) }); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Endpoint(t.Context(), b.ID); err == nil {
		t.Fatal("swapped keys were opened")
	}
	if err := d.Disable(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Endpoint(t.Context(), a.ID); !errors.Is(err, webhook.ErrDisabled) {
		t.Errorf("a disabled endpoint: %v", err)
	}
}
