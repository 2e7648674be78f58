// Package user owns a tenant's directory entry for a person and everything that can stop that person from being
// asked: the account's state and the lock-out of a factor class after wrong answers.
//
// [Authorize] is the one function that create, decision and result of every adapter pass (T24). Failures are counted per user
// and factor class, across devices, challenges and nodes: [ThrottleStreak] in a row lock the class for [LockBase],
// doubling each time; [DisableAfter] without a success disable it until recovery. A success resets only its own
// class, a new challenge resets nothing, and only a validly signed wrong number counts, so that nobody is locked by a
// stranger (docs/protocol.md, "Failures").
package user

import (
	"errors"
	"fmt"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/shared/protocol"
)

// The lock-out's numbers (docs/protocol.md).
const (
	ThrottleStreak = 5                // wrong answers in a row that lock the class
	LockBase       = 30 * time.Minute // of the first lock; each further one is twice as long
	lockDoublings  = 10               // the longest lock is LockBase << lockDoublings, about three weeks
	DisableAfter   = 100              // wrong answers without a success that disable the class
)

// Class is a factor class: each has its own count.
type Class string

// The factor classes.
const (
	ClassSigned Class = "signed"     // decisions signed by a device
	ClassTyped  Class = "typed_code" // codes that a person types
)

// Phase is the point at which Authorize is asked.
type Phase string

// The phases.
const (
	PhaseCreate   Phase = "create"
	PhaseDecision Phase = "decision"
	PhaseResult   Phase = "result"
	PhaseEnroll   Phase = "enroll"
)

// User is a person of a tenant.
type User struct {
	Tenant    protocol.TenantID
	ID        protocol.UserID
	Ref       string // the application's own stable name, unique in the tenant
	Name      string // to show; may be empty
	Disabled  bool
	CreatedAt time.Time
}

// Lockout is the state of one factor class of one user.
type Lockout struct {
	Class       Class
	Streak      int       // wrong answers in a row since the last lock or success
	Total       int       // wrong answers since the last success
	Locks       int       // locks since the last success
	LockedUntil time.Time // zero: not locked
	Disabled    bool      // until recovery
}

// Tx is what this package needs of a transaction.
type Tx interface {
	audit.Appender
	User(protocol.TenantID, protocol.UserID) (User, error)
	UserByRef(protocol.TenantID, string) (User, error)
	SaveUser(User) error
	// Lockout returns the state of a class, its zero value with the class when nothing is stored. In an Update it
	// locks the row, so that concurrent guesses of other nodes wait.
	Lockout(protocol.TenantID, protocol.UserID, Class) (Lockout, error)
	SaveLockout(protocol.TenantID, protocol.UserID, Lockout) error
}

// Authorize refuses when the user's account or factor class may not go on: user_disabled, user_locked, or
// locked_out with the time left. Deny and report never ask it.
func Authorize(tx Tx, u User, _ Phase, class Class, now time.Time) error {
	if u.Disabled {
		return fault.New(fault.UserDisabled, "")
	}
	l, err := tx.Lockout(u.Tenant, u.ID, class)
	if err != nil {
		return fmt.Errorf("read the lock-out: %w", err)
	}
	return l.check(now)
}

func (l Lockout) check(now time.Time) error {
	if l.Disabled {
		return fault.New(fault.UserLocked, "")
	}
	if now.Before(l.LockedUntil) {
		return fault.Later(fault.LockedOut, "", l.LockedUntil.Sub(now))
	}
	return nil
}

// Guess lets one answer be compared. The state of the class is read first, and with it locked against guesses of other nodes until the
// transaction ends; a class that is locked compares nothing. A wrong answer is counted, and the state after it tells whether it
// locked the class; a right one clears the count of this class and of no other (T7).
func Guess(tx Tx, u User, class Class, now time.Time, compare func() bool) (right bool, l Lockout, err error) {
	if l, err = tx.Lockout(u.Tenant, u.ID, class); err != nil {
		return false, l, fmt.Errorf("read the lock-out: %w", err)
	}
	if err := l.check(now); err != nil {
		return false, l, err
	}
	if compare() {
		if l == (Lockout{Class: class}) {
			return true, l, nil
		}
		return true, Lockout{Class: class}, Succeed(tx, u, class)
	}
	l = l.fail(now)
	if err := tx.SaveLockout(u.Tenant, u.ID, l); err != nil {
		return false, l, fmt.Errorf("count the guess: %w", err)
	}
	return false, l, nil
}

// fail is the pure step of one wrong answer.
func (l Lockout) fail(now time.Time) Lockout {
	l.Streak++
	l.Total++
	if l.Streak >= ThrottleStreak {
		l.LockedUntil = now.Add(LockBase << min(l.Locks, lockDoublings))
		l.Locks++
		l.Streak = 0
	}
	l.Disabled = l.Total >= DisableAfter
	return l
}

// Locked tells whether the class is locked at now.
func (l Lockout) Locked(now time.Time) bool { return l.check(now) != nil }

// Succeed clears the count of one class after a right answer, and of no other.
func Succeed(tx Tx, u User, class Class) error {
	if err := tx.SaveLockout(u.Tenant, u.ID, Lockout{Class: class}); err != nil {
		return fmt.Errorf("clear the count: %w", err)
	}
	return nil
}

// NoteLocked records that a class was locked by the failure that gave l; it does nothing when it was not.
func NoteLocked(tx Tx, u User, l Lockout, now time.Time) error {
	if !l.Locked(now) {
		return nil
	}
	return tx.AppendAudit(audit.Event{Tenant: u.Tenant, At: now, Type: audit.UserLocked, Actor: "server", User: u.ID, Detail: string(l.Class)})
}

// Ensure returns the user of ref, created when new. A name that differs from the stored one replaces it; an empty one does not.
func Ensure(tx Tx, tenant protocol.TenantID, ref, name string, now time.Time) (User, error) {
	u, err := tx.UserByRef(tenant, ref)
	switch {
	case errors.Is(err, txn.ErrNotFound):
		u = User{Tenant: tenant, ID: protocol.NewID[protocol.UserID](), Ref: ref, Name: name, CreatedAt: now}
	case err != nil:
		return User{}, fmt.Errorf("read the user: %w", err)
	case name == "" || name == u.Name:
		return u, nil
	default:
		u.Name = name
	}
	if err := tx.SaveUser(u); err != nil {
		return User{}, fmt.Errorf("store the user: %w", err)
	}
	return u, nil
}

// SetDisabled disables or enables an account by the operator.
func SetDisabled(tx Tx, u User, disabled bool, now time.Time) error {
	u.Disabled = disabled
	event := audit.UserEnabled
	if disabled {
		event = audit.UserDisabled
	}
	if err := tx.SaveUser(u); err != nil {
		return fmt.Errorf("store the user: %w", err)
	}
	return tx.AppendAudit(audit.Event{Tenant: u.Tenant, At: now, Type: event, Actor: "operator", User: u.ID})
}

// Unlock is the operator's recovery of a locked or disabled class.
func Unlock(tx Tx, u User, class Class, now time.Time) error {
	if err := Succeed(tx, u, class); err != nil {
		return err
	}
	return tx.AppendAudit(audit.Event{Tenant: u.Tenant, At: now, Type: audit.UserUnlocked, Actor: "operator", User: u.ID, Detail: string(class)})
}
