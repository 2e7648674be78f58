package keystoretest

import (
	"testing"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/protocol"
)

// Fixture is one fresh machine with one key store.
type Fixture struct {
	// Open opens the store; called again after Close it must find the keys
	// again. It registers its own clean-up.
	Open func(t *testing.T) keystore.Store
	// Other opens the same kind of store on another machine.
	Other func(t *testing.T) keystore.Store
	// Level is what the store must say, no more and no less.
	Level protocol.KeyLevel
	// Volatile says that keys die with Close (memory only).
	Volatile bool
	// HandleCarriesKey says that the wrapped key travels in the handle, so that
	// deleting means forgetting the handle.
	HandleCarriesKey bool
}

// PIN and WrongPIN are what the suite uses; both pass keystore.CheckPIN.
const (
	PIN      = "831947"
	WrongPIN = "831946"
)

// Run runs the suite; fixture is called once for each test in it.
func Run(t *testing.T, fixture func(t *testing.T) Fixture) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(t *testing.T, f Fixture)
	}{
		{"a key signs and its signature verifies", testSigns},
		{"a key survives closing the store", testReopens},
		{"two keys differ in everything", testDistinct},
		{"a device key never asks for a PIN", testDeviceKeyNeedsNoPIN},
		{"an approval key needs its PIN each time", testApprovalNeedsPIN},
		{"a weak or missing PIN makes no key", testWeakPIN},
		{"a wrong PIN uses up a try and a right one gives them back", testWrongPIN},
		{"running out of tries stops approve and never deny", testTriesRunOut},
		{"the caller may wipe the PIN at once", testPINIsNotKept},
		{"a deleted key is gone", testDelete},
		{"a damaged handle opens nothing", testDamagedHandle},
		{"TestT13 a handle is worth nothing on another machine", testOtherMachine},
		{"TestT14 the level is what the store really is", testLevel},
		{"TestT31 no error quotes a PIN", testErrorsAreSilent},
		{"a digest that is not SHA-256 is refused", testDigest},
		{"a canceled context signs nothing", testCanceled},
		{"a closed store says so", testClosed},
		{"many at once get their own signatures", testConcurrent},
		{"the crypto.Signer adapter signs SHA-256 only", testSigner},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, fixture(t)) })
	}
}
