package software

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nod-auth/nod/mobile/keystore"
)

// disk reads and replaces one file atomically while holding a lock beside it.
type disk struct {
	path string
	lock *os.File
	// wrap and after are the test's hands: a writer that dies at a byte, a
	// process that dies after a step. Both are nil in a program.
	wrap  func(io.Writer) io.Writer
	after func(step string)
}

const (
	dirMode  = 0o700
	fileMode = 0o600
)

// SetAside renames a file that can no longer be opened (passphrase forgotten,
// keyring reset, damaged), so that [Open] makes a new one. Nothing is deleted:
// the result is the path where the old file stays. The store must be closed.
func SetAside(dir, name string, now time.Time) (string, error) {
	d, err := openDisk(dir, name)
	if err != nil {
		return "", err
	}
	defer func() { _ = d.close() }()
	aside := d.path + ".aside-" + now.UTC().Format("20060102T150405.000000000")
	if _, err := os.Lstat(aside); err == nil {
		return "", fmt.Errorf("%w: %s is taken", keystore.ErrUnavailable, filepath.Base(aside))
	}
	if err := os.Rename(d.path, aside); err != nil {
		return "", fmt.Errorf("%w: set key file aside: %w", keystore.ErrUnavailable, err)
	}
	if err := syncDir(dir); err != nil {
		return "", fmt.Errorf("%w: sync directory: %w", keystore.ErrUnavailable, err)
	}
	return aside, nil
}

// openDisk makes the directory if it is missing and takes the lock.
func openDisk(dir, name string) (*disk, error) {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("%w: make directory: %w", keystore.ErrUnavailable, err)
	}
	path := filepath.Join(dir, name+".nodkeys")
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, fileMode)
	if err != nil {
		return nil, fmt.Errorf("%w: open lock: %w", keystore.ErrUnavailable, err)
	}
	if err := lockFile(lock); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return &disk{path: path, lock: lock}, nil
}

func (d *disk) close() error { return d.lock.Close() } // closing releases the lock

// read returns nil without error if there is no file yet.
func (d *disk) read() ([]byte, error) {
	f, err := os.Open(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: open key file: %w", keystore.ErrUnavailable, err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%w: read key file: %w", keystore.ErrUnavailable, err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%w: larger than %d bytes", keystore.ErrCorrupt, maxFile)
	}
	return data, nil
}

// write replaces the file: temporary file, sync, rename, sync of the directory.
// The temporary name is fixed, since the lock keeps everybody else away; what a
// kill leaves there is overwritten by the next write and never read.
func (d *disk) write(data []byte) error {
	temporary := d.path + ".tmp"
	if err := d.fill(temporary, data); err != nil {
		_ = os.Remove(temporary)
		return fmt.Errorf("%w: write key file: %w", keystore.ErrUnavailable, err)
	}
	if err := os.Rename(temporary, d.path); err != nil {
		return fmt.Errorf("%w: replace key file: %w", keystore.ErrUnavailable, err)
	}
	d.step("renamed")
	if err := syncDir(filepath.Dir(d.path)); err != nil {
		return fmt.Errorf("%w: sync directory: %w", keystore.ErrUnavailable, err)
	}
	d.step("directory synced")
	return nil
}

func (d *disk) fill(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	d.step("created")
	var w io.Writer = f
	if d.wrap != nil {
		w = d.wrap(f)
	}
	if _, err := w.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	d.step("written")
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	d.step("synced")
	return f.Close()
}

func (d *disk) step(name string) {
	if d.after != nil {
		d.after(name)
	}
}
