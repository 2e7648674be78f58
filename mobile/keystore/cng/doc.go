// Package cng keeps keys with Windows CNG (NCrypt): in the TPM through the
// Microsoft Platform Crypto Provider (level tpm), or in the Microsoft Software
// Key Storage Provider (level os_keystore).
//
// It owns the calls of ncrypt.dll and the meaning of their results. Keys are
// persisted by Windows for the signed-in user under a random name; the handle
// holds that name and a hash of the public key.
//
// A device key signs silently. An approval key is made with the UI policy
// "force high protection": Windows itself asks for a PIN or password at each
// use and counts wrong ones, so [keystore.VerifyByPlatform] applies. Every
// signature opens the key anew, because Windows asks once for each open key.
//
// The level is tpm only if the provider says that it is implemented in
// hardware (T14). It is a claim: no attestation is made.
//
// State of testing: compiled and vetted for Windows. Debian's Wine has no ECDSA
// in NCrypt: there Open answers [keystore.ErrUnavailable] and package vault
// takes over, which was run. Never run on Windows itself. To try on a machine
// with a TPM: the test of this package; that Create and each Sign of an approval
// key show one prompt with the reason; that closing the prompt gives ErrCanceled;
// what a wrong PIN and the chip's lock-out return; that another Windows user
// gets ErrNotFound; what a cleared TPM returns.
package cng
