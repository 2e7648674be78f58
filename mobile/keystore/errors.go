package keystore

import (
	"errors"
	"fmt"
	"time"
)

// The errors of every store. Callers branch on them with errors.Is and show
// their own translated words; the comment says what the person must be told.
// None of them, nor what they wrap, carries a PIN, a passphrase or key bytes.
var (
	// ErrNotFound: the store has no such key. Tell: this account's key is no
	// longer on this computer; add the account again.
	ErrNotFound = errors.New("key not found")
	// ErrLocked: the key is there but its store is locked. Tell: unlock your
	// keyring (or sign in to the computer) and try again. Nothing is lost.
	ErrLocked = errors.New("key store is locked")
	// ErrUnavailable: the store cannot be reached now: no such chip, service
	// stopped, no permission. Tell: the reason, and that nothing is lost.
	ErrUnavailable = errors.New("key store is not available")
	// ErrInUse: another process holds the store. Tell: the app already runs.
	ErrInUse = errors.New("key store is in use by another process")
	// ErrPINRequired: an approval key was asked to sign, or to be made,
	// without a PIN. Tell: enter your PIN. No try is used up.
	ErrPINRequired = errors.New("PIN required")
	// ErrWeakPIN: a new PIN is too short, too long or too easily guessed.
	// Tell: choose at least six characters that are not a row or a repetition.
	ErrWeakPIN = errors.New("PIN is too easily guessed")
	// ErrWrongPIN: the PIN did not fit; see [PINError] for the tries left.
	// Tell: wrong PIN, and how many tries are left.
	ErrWrongPIN = errors.New("wrong PIN")
	// ErrLockedOut: too many wrong PINs, wait; see [LockedOutError].
	// Tell: try again after the time given; deny and report still work.
	ErrLockedOut = errors.New("too many wrong PINs")
	// ErrDestroyed: the last try was used and the key was erased.
	// Tell: the approval key was erased after ten wrong PINs; enroll again.
	ErrDestroyed = errors.New("key was erased after too many wrong PINs")
	// ErrCanceled: the person closed the platform's prompt. Tell: nothing.
	ErrCanceled = errors.New("canceled by the user")
	// ErrOtherMachine: the handle was made by another machine's chip, or for
	// another store file. Tell: this data was copied from another computer;
	// its keys cannot be moved. Add the account again on this one.
	ErrOtherMachine = errors.New("key belongs to another machine")
	// ErrCleared: same machine, but its chip or keyring was reset and the key
	// went with it. Tell: the security chip (or keyring) was reset; add the
	// account again. The old file is kept untouched.
	ErrCleared = errors.New("key store was reset")
	// ErrWrongPassphrase: the passphrase does not open the file. Tell: wrong
	// passphrase. The file is untouched.
	ErrWrongPassphrase = errors.New("wrong passphrase")
	// ErrCorrupt: the file is damaged. Tell: the key file is damaged; restore
	// it from this computer's backup or move it away and enroll again.
	ErrCorrupt = errors.New("key file is damaged")
	// ErrFormat: the file was written by another version of the program.
	// Tell: update the app. The file is untouched.
	ErrFormat = errors.New("key file has an unknown format version")
)

// TriesUnknown stands in [PINError] where a platform does not tell.
const TriesUnknown = -1

// PINError says that the PIN was wrong and how many tries are left before the
// store locks or erases the key. It answers errors.Is for [ErrWrongPIN].
type PINError struct {
	// TriesLeft is at least 1, or [TriesUnknown].
	TriesLeft int
}

// Error names the tries left.
func (e *PINError) Error() string {
	if e.TriesLeft == TriesUnknown {
		return ErrWrongPIN.Error()
	}
	return fmt.Sprintf("%s, tries left: %d", ErrWrongPIN, e.TriesLeft)
}

// Is reports whether target is ErrWrongPIN.
func (e *PINError) Is(target error) bool { return target == ErrWrongPIN }

// LockedOutError says until when a store refuses every PIN. It answers
// errors.Is for [ErrLockedOut].
type LockedOutError struct {
	// Until is when one more try will be possible at the latest; zero if the
	// platform does not tell.
	Until time.Time
}

// Error names the time in UTC.
func (e *LockedOutError) Error() string {
	if e.Until.IsZero() {
		return ErrLockedOut.Error()
	}
	return fmt.Sprintf("%s, locked until %s", ErrLockedOut, e.Until.UTC().Format(time.RFC3339))
}

// Is reports whether target is ErrLockedOut.
func (e *LockedOutError) Is(target error) bool { return target == ErrLockedOut }
