package device

import (
	"errors"
	"fmt"
)

// The errors of this package. Callers branch with errors.Is; a server's own
// problem code is found by problem.CodeOf, a key store's error by the values of
// package keystore.
var (
	// ErrOffline: the server did not answer, or asked to try later. What was to
	// be sent once is kept and sent again.
	ErrOffline = errors.New("server cannot be reached")
	// ErrInvitation: the text is no invitation, or is damaged.
	ErrInvitation = errors.New("not an invitation")
	// ErrInsecure: the invitation names an address that must not be used: plain
	// http beyond loopback, an IP address, user information (T12, T37).
	ErrInsecure = errors.New("server address is not secure")
	// ErrHostNotAllowed: this brand's app accepts other hosts only.
	ErrHostNotAllowed = errors.New("this app does not accept that server")
	// ErrHintsDiffer: company or user in the signed reply are not those that the
	// invitation showed. The account was not added.
	ErrHintsDiffer = errors.New("the server's reply differs from the invitation")
	// ErrUntrusted: what the server sent is not signed as the pinned root demands.
	ErrUntrusted = errors.New("the server's signature cannot be trusted")
	// ErrRefused: the server refused; problem.CodeOf(err) says why.
	ErrRefused = errors.New("the server refused")
	// ErrRevoked: the server no longer knows this device.
	ErrRevoked = errors.New("the device is not registered at the server")

	// ErrNoAccount: there is no such account here.
	ErrNoAccount = errors.New("no such account")
	// ErrNotEnrolled: the account's enrollment is not finished yet.
	ErrNotEnrolled = errors.New("the account is not enrolled yet")
	// ErrNoChallenge: there is no such challenge here, or it cannot be answered like that any more.
	ErrNoChallenge = errors.New("no such challenge")
	// ErrCannotApprove: see [Challenge.Blockers].
	ErrCannotApprove = errors.New("the challenge cannot be approved on this device")
	// ErrNumber: the number has not the form that the challenge asks for. Nothing was sent and no try used.
	ErrNumber = errors.New("the number is incomplete")
	// ErrNoStore: no key store is open, or none that holds this key; see [Core.AddStore].
	ErrNoStore = errors.New("no open key store holds the key")

	// ErrInUse: another process has this profile open.
	ErrInUse = errors.New("the profile is in use by another process")
	// ErrRunning: Run is running already.
	ErrRunning = errors.New("already running")
	// ErrClosed: the core is closed.
	ErrClosed = errors.New("closed")
	// ErrStateCorrupt: the state file is damaged; see [StateError].
	ErrStateCorrupt = errors.New("the state file is damaged")
	// ErrStateNewer: a newer version of the program wrote the state file.
	ErrStateNewer = errors.New("the state file was written by a newer version")
	// ErrStateIO: the state file cannot be read or written: permission, space, disk.
	ErrStateIO = errors.New("the state file cannot be read or written")
)

// StateError says what is wrong with the state file. No file was changed.
type StateError struct {
	// Path is the file.
	Path string
	// Backup is the previous good copy, "" if there is none. Opening with
	// Params.UseBackup sets the damaged file aside and goes on from the copy.
	Backup string
	// Err answers errors.Is for ErrStateCorrupt, ErrStateNewer or ErrStateIO.
	Err error
}

// Error names file, fault and the copy.
func (e *StateError) Error() string {
	if e.Backup == "" {
		return fmt.Sprintf("%s: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("%s: %v (previous copy: %s)", e.Path, e.Err, e.Backup)
}

// Unwrap returns the cause.
func (e *StateError) Unwrap() error { return e.Err }
