package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	sqlite3 "github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"

	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/txn"
)

//go:embed migrations/*.sql
var migrations embed.FS

// DB is an open database. It is safe for concurrent use.
type DB struct {
	path    string
	writer  *conn // of writeLoop until stopped
	readers chan *conn
	writes  chan *unit
	stopped chan struct{}

	mu     sync.RWMutex
	closed bool
}

// Options for Open.
type Options struct {
	Path    string // of the database file; its directory must exist
	Create  bool   // make the file when it is missing
	Migrate bool   // bring the schema up to date; otherwise an older schema is refused
	Readers int    // concurrent readers; 0: 4
}

// What can be wrong with a database file.
var (
	ErrMissing = errors.New("the database file does not exist")
	ErrNewer   = errors.New("the database was written by a newer version of this program")
	ErrOlder   = errors.New("the database has an older schema")
	ErrForeign = errors.New("the file is the database of another program")
	ErrClosed  = errors.New("the database is closed")
)

const defaultReaders = 4

// Open opens, and if asked creates and migrates, a database.
func Open(ctx context.Context, o Options) (*DB, error) {
	if _, err := os.Stat(o.Path); errors.Is(err, fs.ErrNotExist) && !o.Create {
		return nil, fmt.Errorf("%w: %s", ErrMissing, o.Path)
	}
	if dir := filepath.Dir(o.Path); o.Create {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("the directory %s does not exist", dir)
		}
	}
	if o.Create {
		if err := makeFile(o.Path); err != nil {
			return nil, err
		}
	}
	if o.Readers <= 0 {
		o.Readers = defaultReaders
	}
	db := &DB{path: o.Path, readers: make(chan *conn, o.Readers), writes: make(chan *unit, maxGroup), stopped: make(chan struct{})}
	if err := db.open(ctx, o); err != nil {
		return nil, errors.Join(explain(err), db.closeConns())
	}
	return db, nil
}

func (db *DB) open(ctx context.Context, o Options) (err error) {
	if err = db.migrate(ctx, o); err != nil {
		return err
	}
	if db.writer, err = newConn(dsn(o.Path, "rw"), writerSettings...); err != nil {
		return err
	}
	go db.writeLoop(db.writer)
	for range o.Readers {
		c, err := newConn(dsn(o.Path, "ro"), readerSettings...)
		if err != nil {
			return err
		}
		db.readers <- c
	}
	return nil
}

// readerSettings keep a reader's cache small: every commit empties it, and what empties a large one walks all of it.
var readerSettings = []string{"PRAGMA cache_size = 100"}

// writerSettings spare the writer work that has nothing to do with durability: what a savepoint would take back stays in memory, and
// the write-ahead log goes into the file every 16 MB instead of every 4, since a page that changed often goes there once.
var writerSettings = []string{"PRAGMA temp_store = MEMORY", "PRAGMA cache_size = -16000", "PRAGMA wal_autocheckpoint = 4000"}

// dsn names the file and the settings of each connection. A connection is used by one goroutine at a time, so SQLite
// needs no lock of its own on it.
func dsn(path, mode string) string {
	q := url.Values{"mode": {mode}, "_busy_timeout": {"5000"}, "_foreign_keys": {"on"}, "_synchronous": {"FULL"}, "_txlock": {"immediate"}, "_mutex": {"no"}}
	if mode != "ro" {
		q.Set("_journal_mode", "WAL")
	} else {
		q.Set("_query_only", "on")
	}
	return (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: q.Encode()}).String()
}

// migrate makes the file if that is asked for, and looks at its schema.
func (db *DB) migrate(ctx context.Context, o Options) (err error) {
	if err := checkOurs(o.Path); err != nil {
		return err
	}
	pool, err := sql.Open("sqlite3", dsn(o.Path, "rw"))
	if err != nil {
		return fmt.Errorf("open %s: %w", o.Path, err)
	}
	pool.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, pool.Close()) }()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, pool, files, goose.WithVerbose(false))
	if err != nil {
		return fmt.Errorf("prepare the migrations: %w", err)
	}
	current, target, err := provider.GetVersions(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("read the schema version: %w", err)
	case current > target:
		return fmt.Errorf("%w: schema %d, this program knows %d", ErrNewer, current, target)
	case current < target && !o.Migrate:
		return fmt.Errorf("%w: schema %d, this program needs %d", ErrOlder, current, target)
	case current == target:
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

// Path returns the database file's path.
func (db *DB) Path() string { return db.path }

// Ping tells whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	return db.View(ctx, func(tx *Tx) error {
		var one int
		return tx.row("SELECT 1").Scan(&one)
	})
}

// Close waits for the writes in hand and closes the database. Calls after it fail with [ErrClosed].
func (db *DB) Close() error {
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		return nil
	}
	db.closed = true
	close(db.writes)
	db.mu.Unlock()
	<-db.stopped
	return db.closeConns()
}

// closeConns closes the readers before the writer: the last connection takes the write-ahead log into the file, which a
// reader cannot. A stopped server leaves one whole file.
func (db *DB) closeConns() error {
	var errs []error
	for len(db.readers) > 0 {
		errs = append(errs, (<-db.readers).Close())
	}
	if db.writer != nil {
		errs = append(errs, db.writer.Close())
	}
	return errors.Join(errs...)
}

// For gives a domain package its view of the database. T must be an interface that *Tx has.
func For[T any](db *DB) txn.Store[T] {
	_ = any(&Tx{}).(T) // at start, not at the first request
	return view[T]{db}
}

type view[T any] struct{ db *DB }

func (v view[T]) View(ctx context.Context, fn func(T) error) error {
	return v.db.View(ctx, func(tx *Tx) error { return fn(any(tx).(T)) })
}

func (v view[T]) Update(ctx context.Context, fn func(T) error) error {
	return v.db.Update(ctx, func(tx *Tx) error { return fn(any(tx).(T)) })
}

// explain turns the driver's errors into ones that say what to do; others pass.
func explain(err error) error {
	if err == nil {
		return nil
	}
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code { //nolint:exhaustive // the rest has no better words
	case sqlite3.ErrFull:
		return fault.Wrap(fault.StorageFull, err)
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return fault.Wrap(fault.DatabaseBusy, err)
	case sqlite3.ErrConstraint:
		return fmt.Errorf("%w: %w", txn.ErrConflict, err)
	}
	return err
}
