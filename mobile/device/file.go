package device

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	stateName = "device.json"
	dirMode   = 0o700
	fileMode  = 0o600
	// maxState bounds what is read: hundreds of accounts need far less.
	maxState = 32 << 20
)

// file is the state file of a profile, held under a lock.
//
// A save writes a temporary file, syncs it, keeps the file that it replaces as
// the previous copy, renames, and syncs the directory. A kill at any byte leaves
// the old file or the new one.
type file struct {
	path string
	lock *os.File
	// wrap and after are the test's hands: a writer that dies at a byte, a
	// process that dies after a step. Both are nil in a program.
	wrap  func(io.Writer) io.Writer
	after func(step string) error
}

func (f *file) backup() string { return f.path + ".bak" }

// openFile makes the directory if it is missing, and takes the lock.
func openFile(dir string) (*file, error) {
	path := filepath.Join(dir, stateName)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, &StateError{Path: path, Err: fmt.Errorf("%w: %w", ErrStateIO, err)}
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, fileMode)
	if err != nil {
		return nil, &StateError{Path: path, Err: fmt.Errorf("%w: %w", ErrStateIO, err)}
	}
	if err := lockFile(lock); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &file{path: path, lock: lock}, nil
}

func (f *file) close() error { return f.lock.Close() } // closing releases the lock

// load reads the state; a profile without a file is new. With useBackup a
// damaged file is set aside and the previous copy read.
func (f *file) load(useBackup bool, now time.Time) (*state, error) {
	s, err := readState(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, statErr := os.Stat(f.backup()); errors.Is(statErr, fs.ErrNotExist) {
			return &state{}, nil
		}
		err = fmt.Errorf("%w: the file is missing", ErrStateCorrupt)
	}
	if err == nil {
		return s, nil
	}
	if !errors.Is(err, ErrStateCorrupt) {
		return nil, &StateError{Path: f.path, Err: err}
	}
	previous, backupErr := readState(f.backup())
	if backupErr != nil {
		return nil, &StateError{Path: f.path, Err: err}
	}
	if !useBackup {
		return nil, &StateError{Path: f.path, Backup: f.backup(), Err: err}
	}
	aside := f.path + ".damaged-" + now.UTC().Format("20060102T150405")
	if err := os.Rename(f.path, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &StateError{Path: f.path, Backup: f.backup(), Err: fmt.Errorf("%w: %w", ErrStateIO, err)}
	}
	previous.skipCounters()
	return previous, f.save(previous)
}

// counterSkip is more than the decisions that can lie between a state and its previous copy.
const counterSkip = 64

// skipCounters keeps a counter from being used twice after going back by one save (T13).
func (s *state) skipCounters() {
	for _, a := range s.Accounts {
		a.Counter += counterSkip
	}
}

func readState(path string) (*state, error) {
	in, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", ErrStateIO, err)
	}
	defer func() { _ = in.Close() }()
	data, err := io.ReadAll(io.LimitReader(in, maxState+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStateIO, err)
	}
	if len(data) > maxState {
		return nil, fmt.Errorf("%w: over %d bytes", ErrStateCorrupt, maxState)
	}
	return decodeState(data)
}

func (f *file) save(s *state) error {
	data, err := encodeState(s)
	if err != nil {
		return err
	}
	if err := f.replace(data); err != nil {
		return &StateError{Path: f.path, Err: fmt.Errorf("%w: %w", ErrStateIO, err)}
	}
	return nil
}

func (f *file) replace(data []byte) error {
	temporary := f.path + ".tmp" // the lock keeps everybody else away from this name
	if err := f.fill(temporary, data); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if err := f.keepPrevious(); err != nil {
		return err
	}
	if err := os.Rename(temporary, f.path); err != nil {
		return err
	}
	if err := f.step("renamed"); err != nil {
		return err
	}
	return syncDir(filepath.Dir(f.path))
}

func (f *file) fill(path string, data []byte) error {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	var w io.Writer = out
	if f.wrap != nil {
		w = f.wrap(out)
	}
	if _, err := w.Write(data); err != nil {
		return errors.Join(err, out.Close())
	}
	if err := out.Sync(); err != nil {
		return errors.Join(err, out.Close())
	}
	if err := out.Close(); err != nil {
		return err
	}
	return f.step("written")
}

// keepPrevious makes the file that is about to be replaced the previous copy: by
// a hard link, or by copying where the file system has none (Android).
func (f *file) keepPrevious() error {
	fresh := f.backup() + ".tmp"
	_ = os.Remove(fresh)
	err := os.Link(f.path, fresh)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		data, readErr := os.ReadFile(f.path)
		if readErr != nil {
			return readErr
		}
		if err := f.fill(fresh, data); err != nil {
			return err
		}
	}
	if err := os.Rename(fresh, f.backup()); err != nil {
		return err
	}
	return f.step("kept")
}

func (f *file) step(name string) error {
	if f.after == nil {
		return nil
	}
	return f.after(name)
}
