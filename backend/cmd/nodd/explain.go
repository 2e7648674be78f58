package main

import (
	"errors"
	"strings"

	sqlite3 "github.com/mattn/go-sqlite3"
)

// remedyByText says what to do about an error of the database engine.
func remedyByText(err error) string {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		if strings.Contains(err.Error(), "permission denied") {
			return "let the server's user read and write the file and its directory"
		}
		return ""
	}
	switch e.Code { //nolint:exhaustive // the rest needs no word of its own
	case sqlite3.ErrReadonly, sqlite3.ErrPerm:
		return "let the server's user write the file and its directory; SQLite keeps two files beside it"
	case sqlite3.ErrCantOpen:
		return "check that the path is a file in a directory that the server's user may read and write"
	case sqlite3.ErrNotADB, sqlite3.ErrCorrupt:
		return "the file is damaged or no database of Nod: restore a backup (docs/operations.md, Restore)"
	case sqlite3.ErrIoErr:
		return "the disk reports an error: check it, then restore a backup if the file is damaged"
	default:
		return ""
	}
}
