// Package tpm keeps keys in the machine's TPM 2.0, by go-tpm, on Linux. Its
// level is tpm.
//
// A key is made inside the chip under the storage root key (TCG reference
// template, ECC P-256) with fixedTPM, fixedParent and sensitiveDataOrigin, so
// that it can neither be exported nor have been imported (TPM 2.0 Library
// part 1, 27.5 and 32). The chip keeps no copy: the wrapped key travels in the
// handle, and forgetting the handle is deleting the key.
//
// A device key has no authorization value and is exempt from the dictionary
// attack logic (noDA), so that deny and report work while the chip is locked
// out. An approval key's authorization value is derived from the PIN and a salt
// in the handle; the PIN itself never crosses the bus, and proofs of it go
// through sessions salted to the storage root key, so that a passive probe on
// the bus cannot guess it offline.
//
// Wrong PINs are counted by the chip, for all its users together (part 1,
// 19.8): after its limit every such key is locked out, and each
// lockout interval gives one try back. A chip whose protection is switched off
// is refused at Open.
//
// A handle remembers the name of the storage root key and a salted hash of the
// endorsement key. Both differ: another machine. Only the first: this machine's
// chip was cleared.
//
// The level is a claim. TPM2_Certify alone would not change that: the verifier
// must also see a credential activated under the endorsement key's certificate,
// a round trip that version 1 of the protocol does not have, so no attestation
// is made. A virtual TPM looks the same as a chip.
package tpm
