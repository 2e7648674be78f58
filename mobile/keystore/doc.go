// Package keystore is the contract between the device core and the places
// where private keys live: security chips, services of the operating system,
// and an encrypted file.
//
// It owns the [Store] and [Key] interfaces, their errors, the rules for a PIN
// and the adapter to crypto.Signer. It leaves the keys themselves to one
// package a platform:
//
//   - software: one encrypted file (Argon2id, XChaCha20-Poly1305), level software
//   - vault: the same file, its key kept by the system (Secret Service,
//     Credential Manager, Keychain), level software
//   - tpm: Linux TPM 2.0, level tpm
//   - cng: Windows Platform Crypto Provider (level tpm), else the Software Key
//     Storage Provider (level os_keystore)
//   - enclave: Apple Secure Enclave, level secure_enclave
//   - system: picks the strongest of them and says why not a stronger one
//   - keystoretest: the conformance suite that each of them passes
//
// What holds for every store:
//
//   - Keys are P-256 and made inside the store. No method returns a private key.
//   - A key's level is never higher than its real protection (T14). What a
//     store says is a claim until the platform's attestation proves it.
//   - An approval key never signs without verifying the person; a device key
//     never asks, so that deny and report work while a PIN is locked out.
//   - A handle is useless on another machine (T13) and holds no secret in clear.
//   - A wrong PIN, a locked, cleared or copied store are errors with a name of
//     their own, and never change or delete a key that could still be used.
//   - A PIN is not changed in place: make a new approval key and replace the
//     old one at the server (docs/protocol.md, nod-device+jwt).
package keystore
