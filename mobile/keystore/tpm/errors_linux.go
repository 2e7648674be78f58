//go:build !android

package tpm

import (
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"

	"github.com/nod-auth/nod/mobile/keystore"
)

// errStale marks an answer after which reaching the chip anew can help: the
// connection broke, or the chip was reset and what was loaded is gone.
var errStale = errors.New("TPM forgot its state")

// isWrongAuth reports a refused authorization value, or the refusal of every
// one of them during a lock-out.
func isWrongAuth(err error) bool {
	return errors.Is(err, tpm2.TPMRCAuthFail) || errors.Is(err, tpm2.TPMRCBadAuth) || errors.Is(err, tpm2.TPMRCLockout)
}

// explain makes an error of go-tpm one of keystore's. The kernel repeats
// commands that the chip asks to repeat, so no such loop is here.
func explain(doing string, err error) error {
	var rc tpm2.TPMRC
	switch {
	case err == nil:
		return nil
	case isWrongAuth(err):
		return fmt.Errorf("%s: %w", doing, err)
	case !errors.As(err, &rc), // not the chip's answer: the connection's
		errors.Is(err, tpm2.TPMRCReferenceH0), errors.Is(err, tpm2.TPMRCHandle),
		errors.Is(err, tpm2.TPMRCReboot), errors.Is(err, tpm2.TPMRCInitialize):
		return fmt.Errorf("%w: %w: %s: %w", keystore.ErrUnavailable, errStale, doing, err)
	default:
		return fmt.Errorf("%w: %s: %w", keystore.ErrUnavailable, doing, err)
	}
}
