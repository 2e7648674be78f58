package software

import (
	"testing"

	"github.com/nod-auth/nod/mobile/keystore"
)

// FuzzParseFile: what parses has a header, and opening it with any key gives an
// error instead of a panic.
func FuzzParseFile(f *testing.F) {
	good, err := encodeFile(header{ID: "x", Source: "s"}, body{}, make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(magic + version + "\n"))
	f.Add([]byte("nod-keystore 2\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parseFile(Recheck(data))
		if err != nil {
			return
		}
		if p.header.ID == "" || len(p.clear)+len(p.sealed) > len(data) {
			t.Errorf("parsed %d bytes into %d and %d", len(data), len(p.clear), len(p.sealed))
		}
		if _, err := p.open(make([]byte, 32), errTest); err == nil && p.header.Source != "s" {
			t.Error("opened with a key of zeros")
		}
	})
}

// BenchmarkSign shows what a signature costs: in a simulation, and with the PIN
// of a person's key.
func BenchmarkSign(b *testing.B) {
	for name, cost := range map[string]Cost{"simulated": simulationCost, "real": DefaultCost} {
		for use, v := range map[keystore.Use]keystore.Verification{keystore.UseDevice: {}, keystore.UseApproval: testPIN} {
			b.Run(name+"/"+string(use), func(b *testing.B) {
				s := NewSimulation()
				s.cost = cost
				k, err := s.Create(b.Context(), keystore.CreateParams{Use: use, Verification: v})
				if err != nil {
					b.Fatal(err)
				}
				digest := make([]byte, keystore.DigestSize)
				for b.Loop() {
					if _, err := k.Sign(b.Context(), digest, v); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
