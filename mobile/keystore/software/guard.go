package software

import (
	"github.com/nod-auth/nod/mobile/keystore"
)

// MaxTries is how many wrong PINs in a row an approval key survives; the tenth
// erases it. NIST SP 800-63B-4 section 3.2.10 wants such a limit for activation
// secrets that are verified on the device.
const MaxTries = 10

// guard is an approval key's private scalar sealed under its PIN.
type guard struct {
	Cost Cost   `json:"argon2id"`
	Salt []byte `json:"salt"`
	// Sealed is empty once the key has been erased.
	Sealed []byte `json:"sealed,omitempty"`
	// TriesLeft counts down before each comparison, on disk.
	TriesLeft int `json:"tries_left"`
}

// newGuard seals private under pin; public is bound in, so that two records
// cannot swap their guards.
func newGuard(cost Cost, pin, private, public []byte) (*guard, error) {
	g := &guard{Cost: cost, Salt: random(saltSize), TriesLeft: MaxTries}
	key := cost.derive(pin, g.Salt)
	defer clear(key)
	sealed, err := seal(key, private, public)
	if err != nil {
		return nil, err
	}
	g.Sealed = sealed
	return g, nil
}

func (g *guard) erased() bool { return len(g.Sealed) == 0 || g.TriesLeft <= 0 }

func (g *guard) erase() {
	clear(g.Sealed)
	g.Sealed, g.TriesLeft = nil, 0
}

// open returns the private scalar, which the caller clears, or ErrWrongPIN.
func (g *guard) open(pin, public []byte) ([]byte, error) {
	key := g.Cost.derive(pin, g.Salt)
	defer clear(key)
	private, err := unseal(key, g.Sealed, public)
	if err != nil {
		return nil, keystore.ErrWrongPIN
	}
	return private, nil
}
