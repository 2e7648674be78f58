package sqlstore_test

import (
	"context"
	"slices"
	"testing"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/shared/protocol"
)

// register sends a push address as the device itself does, signed by the given key.
func (r *ringing) registerSigned(d *testkit.Device, key *protocol.Signer, address *protocol.PushAddress) error {
	r.T.Helper()
	raw, err := protocol.Sign(key, &protocol.Update{Issuer: d.ID, Audience: testkit.Issuer, Tenant: r.Tenant.ID, ID: protocol.RandomText(16),
		IssuedAt: protocol.At(r.Clock.Now()), Nonce: r.Devices.Nonces.Next(), Method: "POST", URL: testkit.Issuer + device.UpdatesPath,
		Action: protocol.UpdatePush, Push: address})
	if err != nil {
		r.T.Fatal(err)
	}
	_, err = r.Devices.Update(context.Background(), raw)
	return err
}

// An attacker registers a victim's address, or their own for the victim's device.
func TestT04_a_push_address_is_the_devices_own_word_and_takes_nothing_from_another(t *testing.T) {
	r := newRinging(t)
	attacker := r.Enroll("mallory")
	if err := r.registerSigned(r.device, attacker.Key, fcmAddress("stolen")); err == nil || r.address().Address != "address" {
		t.Fatalf("another device's signature moved the address: %v", err)
	}
	if err := r.registerSigned(attacker, attacker.Key, fcmAddress("address")); err != nil {
		t.Fatal(err)
	}
	if r.address() == nil || r.address().Address != "address" {
		t.Fatal("a duplicate address detached the device that had it")
	}
	var types []audit.Type
	r.update(func(tx *sqlstore.Tx) error {
		events, err := tx.Events(r.Tenant.ID, 0, 1000)
		for _, e := range events {
			types = append(types, e.Type)
		}
		d, readErr := tx.Device(r.Tenant.ID, attacker.ID)
		if readErr == nil && (d.Push == nil || d.Push.Address != "address") {
			t.Error("the second device does not have the address")
		}
		if err != nil {
			return err
		}
		return readErr
	})
	if !slices.Contains(types, audit.DevicePushDuplicate) {
		t.Errorf("no event tells of the duplicate: %v", types)
	}
	r.ring()
	if jobs := r.claim(10); len(jobs) != 1 || jobs[0].Device != r.device.ID {
		t.Errorf("the victim's device is not rung: %+v", jobs)
	}
}
