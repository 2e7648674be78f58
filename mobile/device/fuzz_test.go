package device

import (
	"errors"
	"testing"
	"time"

	"github.com/nod-auth/nod/shared/protocol"
)

// FuzzDecodeState: any bytes are a state or one of two errors, and a state that was read is written the same again.
func FuzzDecodeState(f *testing.F) {
	seed := &state{
		Accounts: []*accountState{{
			ID: "acc_1", Status: AccountActive, Server: "https://auth.example.com", Tenant: "ten_1", Device: "dev_1", Keys: "k", CreatedAt: time.Unix(1, 0).UTC(),
			Decisions: []storedDecision{{Challenge: "chl_1", Answer: protocol.Deny, JWS: "a.b.c"}},
		}},
		Activity: []Entry{{Account: "acc_1", Status: protocol.StatusDenied}}, Trash: [][]byte{{1}},
	}
	data, err := encodeState(seed)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"nod_device_state":1,"sha256":"","state":{}}` + "\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := decodeState(in)
		if err != nil {
			if !errors.Is(err, ErrStateCorrupt) && !errors.Is(err, ErrStateNewer) {
				t.Errorf("error is %v", err)
			}
			return
		}
		out, err := encodeState(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeState(out)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if second, err := encodeState(again); err != nil || string(second) != string(out) {
			t.Errorf("written differently the second time: %v", err)
		}
	})
}
