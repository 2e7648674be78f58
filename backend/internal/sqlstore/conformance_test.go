package sqlstore_test

import (
	"path/filepath"
	"testing"

	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/storetest"
	"github.com/nod-auth/nod/backend/internal/txn"
)

func TestSQLiteIsAStore(t *testing.T) {
	storetest.Run(t, func(t testing.TB) txn.Store[storetest.Tx] {
		return sqlstore.For[storetest.Tx](open(t, filepath.Join(t.TempDir(), "nod.db")))
	})
}

// open makes or opens a database that is closed with the test.
func open(t testing.TB, path string) *sqlstore.DB {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: path, Create: true, Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
