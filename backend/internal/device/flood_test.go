package device_test

import (
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/shared/protocol"
)

func TestT19_ADeviceWritesOnlySoMuch(t *testing.T) {
	k := testkit.New(t)
	rogue, other := protocol.NewID[protocol.DeviceID](), protocol.NewID[protocol.DeviceID]()
	took := 0
	for range 1000 {
		if err := k.Devices.Spend(rogue); err == nil {
			took++
		} else if fault.CodeOf(err) != fault.RateLimited {
			t.Fatal(err)
		}
	}
	if took != 60 {
		t.Errorf("%d at once, want 60", took)
	}
	if err := k.Devices.Spend(other); err != nil {
		t.Errorf("another device: %v", err)
	}
	k.Clock.Advance(10 * time.Second)
	for took = 0; k.Devices.Spend(rogue) == nil; took++ {
	}
	if took != 5 {
		t.Errorf("%d after ten seconds, want 5", took)
	}
}
