package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nod-auth/nod/backend/internal/txn"
)

// Tx is a transaction with the methods of every domain package. It is used by one goroutine and not kept.
type Tx struct {
	conn     *conn
	writable bool
}

// query runs a statement that returns rows. Arguments stand in the order of the placeholders.
func (t *Tx) query(query string, args ...any) (*sql.Rows, error) {
	s, err := t.conn.stmt(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(context.Background(), args...)
}

// scanner is what *sql.Row and *sql.Rows share.
type scanner interface{ Scan(...any) error }

type failed struct{ err error }

func (f failed) Scan(...any) error { return f.err }

// row runs a statement that returns one row; no row is txn.ErrNotFound.
func (t *Tx) row(query string, args ...any) scanner {
	s, err := t.conn.stmt(query)
	if err != nil {
		return failed{err}
	}
	return notFound{s.QueryRowContext(context.Background(), args...)}
}

type notFound struct{ *sql.Row }

func (n notFound) Scan(dest ...any) error {
	if err := n.Row.Scan(dest...); !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return txn.ErrNotFound
}

// exec runs a statement and returns how many rows it changed.
func (t *Tx) exec(query string, args ...any) (int64, error) {
	if !t.writable {
		return 0, errors.New("write in a read-only transaction")
	}
	s, err := t.conn.stmt(query)
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, explain(err)
	}
	return result.RowsAffected()
}

// store is exec for statements whose count does not matter.
func (t *Tx) store(query string, args ...any) error {
	_, err := t.exec(query, args...)
	return err
}

// list runs a query and scans each row.
func list[T any](t *Tx, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := t.query(query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// Times are Unix milliseconds; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// at reads a column of milliseconds into a time.
type at struct{ t *time.Time }

func (a at) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time column has %T", v)
	}
	if n == 0 {
		*a.t = time.Time{}
		return nil
	}
	*a.t = time.UnixMilli(n).UTC()
	return nil
}

// text writes a value as JSON.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("sqlstore: a record does not encode: " + err.Error()) // can't happen: records have no such types
	}
	return string(b)
}

// parsed reads a JSON column; an empty one leaves the value as it is.
type parsed struct{ v any }

func (p parsed) Scan(v any) error {
	switch s := v.(type) {
	case string:
		if s == "" {
			return nil
		}
		return json.Unmarshal([]byte(s), p.v)
	case []byte:
		if len(s) == 0 {
			return nil
		}
		return json.Unmarshal(s, p.v)
	case nil:
		return nil
	}
	return fmt.Errorf("a JSON column has %T", v)
}
