// Package keystoretest is the conformance suite of keystore.Store: what every
// adapter must do alike, so that the device core need not know which it has.
//
// An adapter's test calls [Run] with a fixture for its real backing (a file, a
// software TPM, a keyring daemon). Each test gets a fixture of its own.
package keystoretest
