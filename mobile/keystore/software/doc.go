// Package software is the key store for machines that have nothing better:
// one encrypted file, or memory only for simulations. Its level is software.
//
// It owns the file format, its atomic writing, the passphrase and the PIN.
// It leaves to package vault the file's key when the operating system keeps it.
//
// The file "<name>.nodkeys":
//
//	nod-keystore 1\n                 magic and format version
//	{"id":…,"source":…,"hint":…}\n   header: where the sealing key comes from
//	24 bytes                         XChaCha20-Poly1305 nonce
//	sealed JSON                      the keys; additional data = the two lines
//	32 bytes                         SHA-256 of everything before
//
// The checksum tells a damaged file from a wrong passphrase. A passphrase and a
// PIN become keys by Argon2id with [DefaultCost]; the cost is kept beside each
// salt, so that it can rise later without a new format.
//
// Invariants:
//
//   - The file is replaced whole: written beside, synced, renamed, directory
//     synced. A kill at any byte leaves the old file or the new one.
//   - No error of any kind changes or removes a file that cannot be read.
//   - An approval key is sealed a second time under its PIN. A try is taken away
//     on disk before the PIN is compared; after [MaxTries] wrong ones in a row
//     the sealed key is erased.
//   - One process at a time: the file is locked while a store is open.
//
// What it cannot do: whoever copies file and passphrase has the device keys and
// can guess PINs offline, or put back an older file to get tries back. That is
// why its level is software, and why policy can refuse it (T14). A copied file
// is found out by the decision counter at the server (T13).
package software
