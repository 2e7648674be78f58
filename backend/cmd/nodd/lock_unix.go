//go:build unix

package main

import (
	"os"
	"syscall"
)

// keepPrivate makes every file that this process writes its user's own: the database, what SQLite keeps beside it, backups.
func keepPrivate() { syscall.Umask(0o077) }

// lockServing makes sure that one process serves a database: the audit chain has one sealer, and events reach waiters
// only inside a process. The lock ends with the process, however it ends.
func lockServing(data string) (unlock func(), err error) {
	path := data + ".lock"
	if err := checkDirectory(data); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, failure("let the server's user write the directory of the database", "the lock file %s cannot be made: %w", path, pathless(err))
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, failure("end the other server first; commands like `nodd user` work while it runs", "another server has the database %s open", data)
	}
	return func() { _ = f.Close() }, nil
}
