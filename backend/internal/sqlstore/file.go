package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// fileMode is that of the database and of its backups: they hold who signs in where, and sealed keys. SQLite gives the files that it
// keeps beside a database the database's own mode.
const fileMode = 0o600

// makeFile makes the file that SQLite then fills; one that exists stays as it is.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, fileMode)
	if err != nil {
		return fmt.Errorf("make the database file: %w", err)
	}
	return f.Close()
}

// checkOurs refuses a file in which another program keeps its tables, before a single byte of it is changed.
func checkOurs(path string) error {
	c, err := newConn(dsn(path, "ro"))
	if err != nil {
		return err
	}
	var tables, ours int
	r, err := c.query(`SELECT count(*), coalesce(sum(name = 'goose_db_version'), 0) FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'`, nil)
	err = errors.Join(one{r, err}.Scan(&tables, &ours), c.Close())
	if err != nil {
		return fmt.Errorf("read the schema: %w", err)
	}
	if tables > 0 && ours == 0 {
		return ErrForeign
	}
	return nil
}

// Backup writes a consistent copy into a new file while the database is in use. A backup that fails leaves no file.
func (db *DB) Backup(_ context.Context, target string) (err error) {
	f, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already: choose another name", target)
	}
	if err != nil {
		return fmt.Errorf("make the backup file: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(target))
		}
	}()
	if err := f.Close(); err != nil {
		return fmt.Errorf("make the backup file: %w", err)
	}
	c, err := newConn(dsn(db.path, "ro"))
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.run("PRAGMA query_only = off"); err != nil {
		return fmt.Errorf("prepare the backup: %w", err)
	}
	if err := c.run("VACUUM INTO $1", target); err != nil { // into an empty file
		return fmt.Errorf("write the backup: %w", explain(err))
	}
	return nil
}
