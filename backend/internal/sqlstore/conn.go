package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"

	sqlite3 "github.com/mattn/go-sqlite3"

	"github.com/nod-auth/nod/backend/internal/txn"
)

// conn is one connection with its prepared statements, used by one goroutine at a time. It speaks to the driver without
// database/sql, whose locks, contexts and conversions cost more than most statements here (docs/adr/0002).
type conn struct {
	driver.Conn
	stmts map[string]*statement
}

// newConn opens a connection and applies settings, which are statements.
func newConn(dsn string, settings ...string) (*conn, error) {
	raw, err := (&sqlite3.SQLiteDriver{}).Open(dsn)
	if err != nil {
		return nil, fmt.Errorf("open a connection: %w", err)
	}
	c := &conn{Conn: raw, stmts: map[string]*statement{}}
	for _, setting := range settings {
		if err := c.run(setting); err != nil {
			return nil, errors.Join(fmt.Errorf("set up a connection: %w", err), c.Close())
		}
	}
	return c, nil
}

// Close ends the statements and then the connection: with one left open SQLite would keep the files.
func (c *conn) Close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.Conn.Close())...)
}

// statement is a prepared statement with room for its arguments and one row.
type statement struct {
	prepared
	args []driver.NamedValue
	row  []driver.Value
}

// prepared is what a statement of the driver can do.
type prepared interface {
	driver.Stmt
	driver.StmtQueryContext
	driver.StmtExecContext
}

// parameter is a numbered placeholder.
var parameter = regexp.MustCompile(`\$\d+`)

// stmt prepares once. SQLite from 3.49 on plans by the values that are bound and prepares a statement anew at every
// execution for it, which costs more than the execution; behind a unary plus, which changes no value, it does not look.
func (c *conn) stmt(query string) (*statement, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	raw, err := c.Prepare(parameter.ReplaceAllString(query, "+$0"))
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	p, ok := raw.(prepared)
	if !ok {
		return nil, errors.New("the driver's statements take no context") // can't happen: this driver's do
	}
	s := &statement{prepared: p, args: make([]driver.NamedValue, p.NumInput())}
	for i := range s.args {
		s.args[i].Ordinal = i + 1
	}
	c.stmts[query] = s
	return s, nil
}

// bind keeps the arguments for the next execution.
func (s *statement) bind(args []any) error {
	if len(args) != len(s.args) {
		return fmt.Errorf("a statement has %d parameters and got %d", len(s.args), len(args))
	}
	for i, v := range args {
		var err error
		if s.args[i].Value, err = toDriver(v); err != nil {
			return err
		}
	}
	return nil
}

// query runs a statement up to its first row. The context has no Done channel on purpose: the driver would start a goroutine for
// every statement to watch it, and a statement here takes microseconds.
func (c *conn) query(query string, args []any) (*rows, error) {
	s, err := c.stmt(query)
	if err != nil {
		return nil, err
	}
	if err := s.bind(args); err != nil {
		return nil, err
	}
	r, err := s.QueryContext(context.Background(), s.args)
	if err != nil {
		return nil, err
	}
	if s.row == nil {
		s.row = make([]driver.Value, len(r.Columns()))
	}
	return &rows{raw: r, row: s.row}, nil
}

// run executes a statement whose outcome is only whether it failed.
func (c *conn) run(query string, args ...any) error {
	r, err := c.query(query, args)
	if err != nil {
		return err
	}
	return r.raw.Close()
}

// count executes a statement and returns how many rows it changed.
func (c *conn) count(query string, args []any) (int64, error) {
	s, err := c.stmt(query)
	if err != nil {
		return 0, err
	}
	if err := s.bind(args); err != nil {
		return 0, err
	}
	result, err := s.ExecContext(context.Background(), s.args)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// rows walks the rows of an execution; the values are its statement's and are good until the next one.
type rows struct {
	raw driver.Rows
	row []driver.Value
}

// next steps to a row; false without an error is the end.
func (r *rows) next() (bool, error) {
	err := r.raw.Next(r.row)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return err == nil, err
}

// Scan reads the row into destinations, one per column.
func (r *rows) Scan(dest ...any) error {
	if len(dest) != len(r.row) {
		return fmt.Errorf("a row has %d columns and is read into %d values", len(r.row), len(dest))
	}
	for i, d := range dest {
		if err := assign(d, r.row[i]); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

// one reads the only row of an execution, and ends it.
type one struct {
	rows *rows
	err  error
}

// Scan reads the row; no row is txn.ErrNotFound.
func (o one) Scan(dest ...any) error {
	if o.err != nil {
		return o.err
	}
	found, err := o.rows.next()
	if err == nil && !found {
		return txn.ErrNotFound // it has ended by itself
	}
	if err == nil {
		err = o.rows.Scan(dest...)
	}
	if closeErr := o.rows.raw.Close(); err == nil {
		err = closeErr
	}
	return err
}

// toDriver makes an argument one of the driver's types. The named string types of the domain are texts.
func toDriver(v any) (driver.Value, error) {
	switch v := v.(type) {
	case nil, string, int64, bool, []byte:
		return v, nil
	case int:
		return int64(v), nil
	case uint32:
		return int64(v), nil
	case uint64:
		if v > 1<<63-1 {
			return nil, fmt.Errorf("%d is too large for a column", v)
		}
		return int64(v), nil
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.String {
		return r.String(), nil
	}
	return nil, fmt.Errorf("no column takes a %T", v)
}

// column is a destination that reads a column by itself.
type column interface{ Scan(any) error }

// assign puts a column's value into a destination of exactly its kind. A NULL is only a nil []byte.
func assign(dest any, v driver.Value) error {
	if c, ok := dest.(column); ok {
		return c.Scan(v)
	}
	switch v := v.(type) {
	case string:
		return assignText(dest, v)
	case int64:
		return assignNumber(dest, v)
	case bool:
		if d, ok := dest.(*bool); ok {
			*d = v
			return nil
		}
	case []byte:
		if d, ok := dest.(*[]byte); ok {
			*d = v // the driver made a copy
			return nil
		}
	case nil:
		if d, ok := dest.(*[]byte); ok {
			*d = nil
			return nil
		}
	}
	return fmt.Errorf("a %T does not go into a %T", v, dest)
}

func assignText(dest any, v string) error {
	if d, ok := dest.(*string); ok {
		*d = v
		return nil
	}
	if r := reflect.ValueOf(dest); r.Kind() == reflect.Pointer && r.Elem().Kind() == reflect.String {
		r.Elem().SetString(v)
		return nil
	}
	return fmt.Errorf("a text does not go into a %T", dest)
}

func assignNumber(dest any, v int64) error {
	switch d := dest.(type) {
	case *int64:
		*d = v
	case *int:
		*d = int(v)
	case *bool:
		*d = v != 0
	case *uint64:
		if v < 0 {
			return fmt.Errorf("%d is negative", v)
		}
		*d = uint64(v)
	case *uint32:
		if v < 0 || v > 1<<32-1 {
			return fmt.Errorf("%d is out of range", v)
		}
		*d = uint32(v)
	default:
		return fmt.Errorf("a number does not go into a %T", dest)
	}
	return nil
}
