package sqlstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Tx is a transaction with the methods of every domain package. It is used by one goroutine and not kept.
type Tx struct {
	conn     *conn
	writable bool
}

// scanner reads a row.
type scanner interface{ Scan(...any) error }

// row runs a statement that returns one row; no row is txn.ErrNotFound. Arguments stand in the order of the placeholders.
func (t *Tx) row(query string, args ...any) scanner {
	r, err := t.conn.query(query, args)
	return one{r, err}
}

// exec runs a statement and returns how many rows it changed.
func (t *Tx) exec(query string, args ...any) (int64, error) {
	if !t.writable {
		return 0, errReadOnly
	}
	n, err := t.conn.count(query, args)
	return n, explain(err)
}

// store is exec for statements whose count does not matter.
func (t *Tx) store(query string, args ...any) error {
	if !t.writable {
		return errReadOnly
	}
	return explain(t.conn.run(query, args...))
}

var errReadOnly = errors.New("write in a read-only transaction")

// list runs a query and scans each row. scan makes no query of its own.
func list[T any](t *Tx, scan func(scanner) (T, error), query string, args ...any) (out []T, err error) {
	r, err := t.conn.query(query, args)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.raw.Close()) }()
	for {
		more, err := r.next()
		if err != nil || !more {
			return out, err
		}
		v, err := scan(r)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
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
	var raw []byte
	switch s := v.(type) {
	case string:
		raw = []byte(s)
	case []byte:
		raw = s
	case nil:
	default:
		return fmt.Errorf("a JSON column has %T", v)
	}
	if len(raw) == 0 || string(raw) == "{}" {
		return nil
	}
	return json.Unmarshal(raw, p.v)
}

// listed reads a column with a JSON array of texts.
type listed[T ~string] struct{ v *[]T }

func (l listed[T]) Scan(v any) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("a list column has %T", v)
	}
	inner, open := strings.CutPrefix(s, `["`)
	inner, closed := strings.CutSuffix(inner, `"]`)
	if !open || !closed || strings.ContainsAny(inner, "\\[]{} \n\t") {
		return json.Unmarshal([]byte(s), l.v) // empty, or not of plain names
	}
	parts := strings.Split(inner, `","`)
	out := make([]T, len(parts))
	for i, part := range parts {
		if strings.Contains(part, `"`) {
			return errors.New("a list column has a stray quote")
		}
		out[i] = T(part)
	}
	*l.v = out
	return nil
}
