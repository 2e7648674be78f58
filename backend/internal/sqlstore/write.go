package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	sqlite3 "github.com/mattn/go-sqlite3"
)

// maxGroup is how many transactions may share a commit.
const maxGroup = 128

// unit is one transaction on its way to the writer.
type unit struct {
	ctx  context.Context
	fn   func(*Tx) error
	done chan error
}

// View runs fn over a consistent snapshot.
func (db *DB) View(ctx context.Context, fn func(*Tx) error) error {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.closed {
		return ErrClosed
	}
	var c *conn
	select {
	case c = <-db.readers:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { db.readers <- c }()
	if err := c.run("BEGIN"); err != nil {
		return explain(err)
	}
	defer func() { _ = c.run("COMMIT") }() // of nothing; it is cheaper than ROLLBACK
	return explain(run(&unit{fn: fn}, &Tx{conn: c}))
}

// Update runs fn in a transaction; when it returns nil, everything that fn wrote is on disk. Transactions that wait
// together share one commit.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	u := &unit{ctx: ctx, fn: fn, done: make(chan error, 1)}
	db.mu.RLock()
	if db.closed {
		db.mu.RUnlock()
		return ErrClosed
	}
	select {
	case db.writes <- u:
		db.mu.RUnlock()
	case <-ctx.Done():
		db.mu.RUnlock()
		return ctx.Err()
	}
	// No select on ctx here: a transaction that was handed over may be committed, and its caller must know.
	return explain(<-u.done)
}

// writeLoop is the only writer.
func (db *DB) writeLoop(c *conn) {
	defer close(db.stopped)
	group := make([]*unit, 0, maxGroup)
	for u := range db.writes {
		group = append(group[:0], u)
		for waiting := -1; waiting < len(db.writes); { // who is about to write joins in
			waiting = len(db.writes)
			runtime.Gosched()
		}
	collect:
		for len(group) < maxGroup {
			select {
			case more, open := <-db.writes:
				if !open {
					break collect
				}
				group = append(group, more)
			default:
				break collect
			}
		}
		commitGroup(c, group)
	}
}

// commitGroup runs a group in one transaction, each unit in its savepoint, and answers all of them after the commit.
func commitGroup(c *conn, group []*unit) {
	errs := make([]error, len(group))
	fatal := c.run("BEGIN IMMEDIATE")
	for i, u := range group {
		if fatal != nil {
			break
		}
		errs[i], fatal = runInSavepoint(c, u)
	}
	if fatal == nil {
		fatal = c.run("COMMIT")
	}
	if fatal != nil {
		_ = c.run("ROLLBACK") // it may be rolled back already
	}
	for i, u := range group {
		if fatal != nil {
			u.done <- fmt.Errorf("commit: %w", fatal)
			continue
		}
		u.done <- errs[i]
	}
}

// runInSavepoint runs one unit. fatal means that the whole transaction is broken.
func runInSavepoint(c *conn, u *unit) (err, fatal error) {
	if u.ctx.Err() != nil {
		return u.ctx.Err(), nil // its caller is gone: nothing was begun
	}
	if fatal = c.run("SAVEPOINT unit"); fatal != nil {
		return nil, fatal
	}
	if err = run(u, &Tx{conn: c, writable: true}); err != nil {
		if breaksTransaction(err) {
			return err, err
		}
		if fatal = c.run("ROLLBACK TO unit"); fatal != nil {
			return err, fatal
		}
	}
	return err, c.run("RELEASE unit")
}

// run calls fn and makes a panic an error, so that one bad unit does not take the writer with it.
func run(u *unit, tx *Tx) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic in a transaction: %v\n%s", r, debug.Stack())
		}
	}()
	return u.fn(tx)
}

// breaksTransaction tells whether SQLite may have rolled the whole transaction back (sqlite.org/lang_transaction.html, section 3).
func breaksTransaction(err error) bool {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code { //nolint:exhaustive // only these
	case sqlite3.ErrFull, sqlite3.ErrIoErr, sqlite3.ErrNomem, sqlite3.ErrBusy, sqlite3.ErrInterrupt, sqlite3.ErrCorrupt, sqlite3.ErrReadonly:
		return true
	}
	return false
}
