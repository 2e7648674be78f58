package software

import (
	"errors"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

// Cost holds the Argon2id parameters of one derived key.
type Cost struct {
	Time      uint32 `json:"time"`       // passes
	MemoryKiB uint32 `json:"memory_kib"` // memory in KiB
	Threads   uint8  `json:"threads"`    // lanes
}

// DefaultCost is the second recommended option of RFC 9106 section 4
// (t=3, p=4, m=64 MiB), which phones can afford as well.
var DefaultCost = Cost{Time: 3, MemoryKiB: 64 * 1024, Threads: 4}

// simulationCost is the least that Argon2 can do. It protects nothing.
var simulationCost = Cost{Time: 1, MemoryKiB: 8, Threads: 1}

// saltSize is the length that RFC 9106 section 3.1 recommends.
const saltSize = 16

// valid bounds what a file may ask for, so that a damaged or hostile one can
// neither panic Argon2 nor exhaust memory.
func (c Cost) valid() error {
	const maxTime, maxMemoryKiB = 64, 1 << 20
	if c.Time == 0 || c.Time > maxTime || c.Threads == 0 ||
		c.MemoryKiB < 8*uint32(c.Threads) || c.MemoryKiB > maxMemoryKiB {
		return errors.New("argon2id cost out of bounds")
	}
	return nil
}

// derive returns a 32-byte sealing key; the caller clears it.
func (c Cost) derive(secret, salt []byte) []byte {
	return argon2.IDKey(secret, salt, c.Time, c.MemoryKiB, c.Threads, chacha20poly1305.KeySize)
}
