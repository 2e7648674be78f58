// Package system picks the strongest key store that this machine has and says
// why not a stronger one.
//
// It owns the order of the stores on each system and the rule when to go on to
// the next. It leaves everything about keys to the stores.
//
//	Linux    TPM, keyring (vault), passphrase
//	Windows  CNG platform provider, CNG software provider, Credential Manager (vault), passphrase
//	macOS    Secure Enclave, Keychain (vault), passphrase
//	iOS      Secure Enclave, passphrase
//	Android  passphrase: its key store needs the app's bridge, which is an
//	         adapter of its own
//
// Only a store that is [keystore.ErrUnavailable] is passed over. One that is
// there but locked, in use, damaged, reset or copied stops the search with its
// error: a weaker key is never made because a stronger store had a bad day.
package system
