package device

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// classify tells an answer of the server from no answer: it wraps err with
// ErrOffline (try later), ErrRevoked or ErrRefused. Errors of this package and
// of the key stores stay as they are.
func classify(err error) error {
	var p *problem.Problem
	switch {
	case err == nil, errors.Is(err, ErrOffline), errors.Is(err, ErrRefused), errors.Is(err, ErrRevoked):
		return err
	case errors.As(err, &p) && transient(p):
		return fmt.Errorf("%w: %w", ErrOffline, err)
	case p != nil && p.Code == problem.DeviceUnauthorized:
		return fmt.Errorf("%w: %w", ErrRevoked, err)
	case p != nil:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case isLocal(err):
		return err
	default:
		return fmt.Errorf("%w: %w", ErrOffline, err)
	}
}

// transient tells the answers after which the same bytes may be sent again.
func transient(p *problem.Problem) bool {
	return p.Status >= http.StatusInternalServerError || p.Status == http.StatusRequestTimeout ||
		p.Code == problem.RateLimited || p.Code == problem.UseDPoPNonce
}

// local are the errors that arise before anything is sent.
var local = []error{
	ErrNoStore, ErrNoAccount, ErrClosed, ErrUntrusted, ErrStateIO,
	keystore.ErrNotFound, keystore.ErrLocked, keystore.ErrUnavailable, keystore.ErrPINRequired, keystore.ErrWeakPIN,
	keystore.ErrWrongPIN, keystore.ErrLockedOut, keystore.ErrDestroyed, keystore.ErrCanceled, keystore.ErrOtherMachine,
	keystore.ErrCleared, keystore.ErrCorrupt,
}

func isLocal(err error) bool {
	for _, l := range local {
		if errors.Is(err, l) {
			return true
		}
	}
	var own *protocol.Error
	return errors.As(err, &own)
}
