// Package enclave keeps keys in Apple's Secure Enclave, through
// Security.framework by purego: one source for macOS and iOS. Its level is
// secure_enclave.
//
// It owns the Security calls and the meaning of their codes. The system keeps
// the keys in the data protection keychain under a random tag, for this device
// only; the handle holds that tag and a hash of the public key.
//
// A device key can be used from the first unlock after a start on, without a
// prompt. An approval key needs user presence (Touch ID, Face ID or the device's
// passcode) at each use, and exists only while a passcode is set; the system
// shows the prompt with [keystore.Verification.Reason] while Sign runs, so call
// Sign off the main thread.
//
// The program must be signed with an application identifier and a keychain
// access group; without them (a plain go build on a Mac) Open answers
// [keystore.ErrUnavailable] with OSStatus -34018, and package vault takes over.
// The Secure Enclave attests no keys to programs (App Attest makes a key of its
// own), so the level is a claim.
//
// State of testing: compiled and vetted for macOS without cgo, type-checked for
// iOS. Never run. To try on a signed program: the silent part of the suite with
// device keys; that each approval shows one prompt; that canceling gives
// ErrCanceled; a locked device; a removed passcode; a restored backup.
package enclave
