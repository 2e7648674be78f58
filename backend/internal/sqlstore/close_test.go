package sqlstore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nod-auth/nod/backend/internal/sqlstore"
)

// A closed database is one whole file: it can be copied without what stands beside it.
func TestACloseLeavesOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nod.db")
	db, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: path, Create: true, Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(t.Context(), func(tx *sqlstore.Tx) error { return tx.SetMeta("a", "b") }); err != nil {
		t.Fatal(err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(path + suffix); err == nil {
			t.Errorf("%s%s is left", filepath.Base(path), suffix)
		}
	}
}
