package attestation

import (
	"errors"
	"fmt"
)

// Code says which check failed. The strings are stable: they stand in audit events.
type Code string

// The codes of every format.
const (
	CodeNotConfigured     Code = "not_configured"      // this server trusts no root of the format
	CodeFormatUnknown     Code = "format_unknown"      // no such format
	CodeMalformed         Code = "malformed"           // not of the format's shape, or beyond its limits
	CodeMissing           Code = "missing"             // nothing was sent about the key
	CodeChallengeMismatch Code = "challenge_mismatch"  // made for another enrollment
	CodeKeyMismatch       Code = "key_mismatch"        // speaks of another key
	CodeLevelTooLow       Code = "level_too_low"       // the key is not in hardware
	CodeKeyPurpose        Code = "key_purpose"         // the key may do more, or other things, than sign
	CodeUserAuthMissing   Code = "user_auth_missing"   // the approval key can be used without the person
	CodeApplication       Code = "application_unknown" // made by an application that is not one of ours
	CodeKeyOrigin         Code = "key_origin"          // the key was not made in the hardware, or may leave it
)

// The codes of certificate chains.
const (
	CodeAlgorithm       Code = "algorithm_unsupported"
	CodeSignature       Code = "signature_invalid"
	CodeNames           Code = "issuer_mismatch"
	CodeRootUntrusted   Code = "root_untrusted"
	CodeExpired         Code = "certificate_expired"
	CodeNotYetValid     Code = "certificate_not_yet_valid"
	CodeChain           Code = "chain_invalid" // refused by the standard path check, or too short
	CodeRevoked         Code = "certificate_revoked"
	CodeStatusMissing   Code = "status_list_missing"
	CodeStatusStale     Code = "status_list_stale"
	CodeCertificateType Code = "certificate_type" // tpm: not the certificate of an attestation key
)

// The codes of android-key.
const (
	CodeExtensionMissing   Code = "extension_missing"
	CodeExtensionMisplaced Code = "extension_misplaced" // also on a certificate that is not the leaf
	CodeBootState          Code = "boot_state"          // not verified boot
	CodeUnlocked           Code = "bootloader_unlocked"
	CodeSigner             Code = "application_signer" // the package is ours, its signature is not
)

// The codes of apple-appattest and tpm.
const (
	CodeIdentifier  Code = "credential_mismatch" // the credential id is not the hash of the certified key
	CodeCounter     Code = "counter_not_zero"
	CodeEnvironment Code = "environment" // development where production is asked, or the reverse
	CodeStatement   Code = "statement"   // tpm: not what TPM2_Certify of a real chip makes
)

// Error is a refusal. Detail is for a log: it holds nothing secret and may change.
type Error struct {
	Code   Code
	Detail string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Detail == "" {
		return "attestation: " + string(e.Code)
	}
	return "attestation: " + string(e.Code) + ": " + e.Detail
}

func fail(code Code, format string, args ...any) error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of an error that this package made, "" for nil and any other.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
