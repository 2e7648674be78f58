package sqlstore_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	sqlite3 "github.com/mattn/go-sqlite3"
	"go.uber.org/goleak"

	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func set(key, value string) func(*sqlstore.Tx) error {
	return func(tx *sqlstore.Tx) error { return tx.SetMeta(key, value) }
}

func get(t testing.TB, db *sqlstore.DB, key string) (v string) {
	t.Helper()
	err := db.View(context.Background(), func(tx *sqlstore.Tx) (err error) { v, err = tx.Meta(key); return err })
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// other opens the file as another program would.
func other(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func exec(t testing.TB, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		t.Fatal(err)
	}
}

func reopen(t testing.TB, path string) error {
	t.Helper()
	db, err := sqlstore.Open(context.Background(), sqlstore.Options{Path: path, Migrate: true})
	if err == nil {
		t.Cleanup(func() { _ = db.Close() })
	}
	return err
}

func TestT41_OnlyTheOwnerReadsTheFiles(t *testing.T) {
	dir := t.TempDir()
	db := open(t, filepath.Join(dir, "nod.db"))
	if err := db.Update(t.Context(), set("a", "b")); err != nil {
		t.Fatal(err)
	}
	if err := db.Backup(t.Context(), filepath.Join(dir, "backup.db")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nod.db", "nod.db-wal", "nod.db-shm", "backup.db"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", name, info.Mode().Perm())
		}
	}
	if err := db.Backup(t.Context(), filepath.Join(dir, "backup.db")); err == nil {
		t.Error("a backup overwrites a file")
	}
	if got := get(t, open(t, filepath.Join(dir, "backup.db")), "a"); got != "b" {
		t.Errorf("the backup has %q", got)
	}
}

func TestAFileThatIsNoDatabaseOfOurs(t *testing.T) {
	ours := filepath.Join(t.TempDir(), "ours.db")
	if err := open(t, ours).Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		make func(t *testing.T, path string)
		want error
	}{
		{"missing", func(*testing.T, string) {}, sqlstore.ErrMissing},
		{"of a newer program", func(t *testing.T, path string) {
			copyFile(t, ours, path)
			exec(t, other(t, path), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)")
		}, sqlstore.ErrNewer},
		{"of another program", func(t *testing.T, path string) { exec(t, other(t, path), "CREATE TABLE bookmarks (url TEXT)") }, sqlstore.ErrForeign},
		{"not a database at all", func(t *testing.T, path string) { write(t, path, bytes.Repeat([]byte("no database "), 1000)) }, sqlite3.ErrNotADB},
		{"cut short", func(t *testing.T, path string) {
			raw, err := os.ReadFile(ours)
			if err != nil {
				t.Fatal(err)
			}
			write(t, path, raw[:len(raw)/3])
		}, sqlite3.ErrCorrupt},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			c.make(t, path)
			before, _ := os.ReadFile(path)
			err := reopen(t, path)
			var e sqlite3.Error
			if !errors.Is(err, c.want) && !(errors.As(err, &e) && errors.Is(e.Code, c.want)) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
}

func write(t *testing.T, path string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, raw)
}

func TestAFileThatMayNotBeWrittenIsToldAtTheStart(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everything")
	}
	path := filepath.Join(t.TempDir(), "nod.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if err := reopen(t, path); err == nil {
		t.Error("it opens for writing")
	}
}

func TestAFullDatabaseRefusesAndLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nod.db")
	db := open(t, path)
	if err := db.Update(t.Context(), set("kept", "yes")); err != nil {
		t.Fatal(err)
	}
	limit := func(pages int) {
		if err := db.Update(t.Context(), func(tx *sqlstore.Tx) error { return tx.Run(fmt.Sprintf("PRAGMA max_page_count = %d", pages)) }); err != nil {
			t.Fatal(err)
		}
	}
	limit(1) // SQLite takes the present size for it
	written := 0
	var err error
	for ; err == nil && written < 1000; written++ {
		err = db.Update(t.Context(), set(fmt.Sprint("filler", written), strings.Repeat("x", 5000)))
	}
	if fault.CodeOf(err) != fault.StorageFull {
		t.Fatalf("after %d writes: %v", written, err)
	}
	if get(t, db, "kept") != "yes" {
		t.Error("something that was acknowledged is gone")
	}
	limit(1 << 20)
	if err := db.Update(t.Context(), set("after", "yes")); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if n := written - 1; n > 0 && get(t, db, fmt.Sprint("filler", n-1)) == "" || get(t, db, fmt.Sprint("filler", n)) != "" {
		t.Error("what was acknowledged and what is stored differ")
	}
}

func TestALockOfAnotherProgramIsWaitedForAndThenTold(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "nod.db")
	db := open(t, path)
	if err := db.Update(t.Context(), func(tx *sqlstore.Tx) error { return tx.Run("PRAGMA busy_timeout = 50") }); err != nil {
		t.Fatal(err)
	}
	thief := other(t, path)
	exec(t, thief, "BEGIN IMMEDIATE")
	err := db.Update(context.Background(), set("a", "during"))
	if fault.CodeOf(err) != fault.DatabaseBusy {
		t.Errorf("got %v", err)
	}
	if got := get(t, db, "a"); got != "" {
		t.Errorf("reads see %q", got)
	}
	exec(t, thief, "COMMIT")
	if err := db.Update(context.Background(), set("a", "after")); err != nil || get(t, db, "a") != "after" {
		t.Errorf("with the lock gone: %v", err)
	}
}

// hold keeps the writer busy until release is called: what is handed over meanwhile becomes one group.
func hold(t testing.TB, db *sqlstore.DB) (release func()) {
	t.Helper()
	held, done := make(chan struct{}), make(chan struct{})
	finished := make(chan error, 1)
	go func() {
		finished <- db.Update(context.Background(), func(*sqlstore.Tx) error { close(held); <-done; return nil })
	}()
	<-held
	return func() {
		close(done)
		if err := <-finished; err != nil {
			t.Error(err)
		}
	}
}

func TestNobodyIsAnsweredBeforeTheGroupsCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nod.db")
	db := open(t, path)
	ctx := context.Background()
	release := hold(t, db)
	first, last := make(chan error, 1), make(chan error, 1)
	ran := make(chan struct{})
	inLast, goOn := make(chan struct{}), make(chan struct{})
	go func() {
		first <- db.Update(ctx, func(tx *sqlstore.Tx) error { close(ran); return tx.SetMeta("first", "yes") })
	}()
	go func() {
		<-ran // the first one's turn has begun, so this one joins its group or comes after it
		last <- db.Update(ctx, func(*sqlstore.Tx) error { close(inLast); <-goOn; return nil })
	}()
	release()
	<-inLast
	stored := get(t, db, "first") == "yes" // a reader sees what is committed, no more
	select {
	case err := <-first:
		if !stored || err != nil {
			t.Errorf("answered (%v) before its commit", err)
		}
	default:
	}
	close(goOn)
	if err := errors.Join(<-last); err != nil {
		t.Error(err)
	}
	if !stored {
		if err := <-first; err != nil {
			t.Error(err)
		}
	}
	var seen string
	if err := other(t, path).QueryRowContext(ctx, "SELECT value FROM meta WHERE key = 'first'").Scan(&seen); err != nil || seen != "yes" {
		t.Errorf("another program sees %q, %v", seen, err)
	}
}

func TestACloseFinishesWhatItHasTakenAndRefusesTheRest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nod.db")
	db := open(t, path)
	ctx := context.Background()
	release := hold(t, db)
	var stored, refused atomic.Int32
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			switch err := db.Update(ctx, set(fmt.Sprint("k", i), "yes")); {
			case err == nil:
				stored.Add(1)
			case errors.Is(err, sqlstore.ErrClosed):
				refused.Add(1)
			default:
				t.Errorf("update during close: %v", err)
			}
		})
	}
	closed := make(chan error, 1)
	go func() { closed <- db.Close() }()
	release()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := db.View(ctx, func(*sqlstore.Tx) error { return nil }); !errors.Is(err, sqlstore.ErrClosed) {
		t.Errorf("a view afterwards: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Errorf("a second close: %v", err)
	}
	again := open(t, path)
	n := 0
	for i := range 64 {
		if get(t, again, fmt.Sprint("k", i)) == "yes" {
			n++
		}
	}
	if n != int(stored.Load()) || stored.Load()+refused.Load() != 64 {
		t.Errorf("%d acknowledged, %d refused, %d stored", stored.Load(), refused.Load(), n)
	}
}

func TestReadersGoOnWhileAWriteIsUnderWay(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "nod.db"))
	if err := db.Update(t.Context(), set("a", "before")); err != nil {
		t.Fatal(err)
	}
	release := hold(t, db)
	var wg sync.WaitGroup
	for range 16 { // more than there are readers
		wg.Go(func() {
			for range 20 {
				if got := get(t, db, "a"); got != "before" {
					t.Errorf("read %q", got)
				}
			}
		})
	}
	wg.Wait()
	release()
}
