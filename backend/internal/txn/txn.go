// Package txn owns the contract between domain packages and a store: units of work over a small interface that each
// domain package declares for itself.
//
// A store's transaction type has the methods of all of them; a domain package sees only its own. Methods of a
// transaction return [ErrNotFound] and [ErrConflict] and nothing else that a domain package needs to tell apart.
package txn

import (
	"context"
	"errors"
)

// What a store's methods return beside success and plain failure.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("conflict with what is stored")
)

// Store runs units of work over transactions that offer T.
//
// Update runs fn in a transaction that is durable when Update returns nil; fn may run again if it must be retried, so
// it has no effects of its own outside the transaction. View runs fn over a consistent snapshot and writes nothing.
// Both are safe for concurrent use. fn must not keep its argument.
type Store[T any] interface {
	View(ctx context.Context, fn func(T) error) error
	Update(ctx context.Context, fn func(T) error) error
}
