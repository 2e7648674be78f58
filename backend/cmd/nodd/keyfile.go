package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/nod-auth/nod/backend/internal/config"
	"github.com/nod-auth/nod/backend/internal/seal"
)

// loadKey returns the key that seals the database's secrets: NOD_KEY, or the key file. The file is made only for a database that
// does not exist yet: a new key could not open an old database, and would hide that the right one is missing.
func (p *program) loadKey(c *config.Config, fresh bool) ([]byte, error) {
	if c.Key != "" {
		key, err := seal.ParseKey(c.Key.Reveal())
		if err != nil {
			return nil, failure("set it to 32 bytes in base64, as the key file has them", "NOD_KEY is no key: %w", err)
		}
		return key, nil
	}
	path := c.KeyPath()
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && fresh:
		return p.makeKey(path)
	case errors.Is(err, fs.ErrNotExist):
		return nil, failure("put back the key file that was made with this database, or give it with --key-file or NOD_KEY; without it the secrets in the database cannot be opened",
			"the key file %s is missing, and the database %s exists", path, c.Data)
	case err != nil:
		return nil, failure("let the server's user read it: chown and chmod 0600", "the key file %s cannot be read: %w", path, pathless(err))
	}
	if err := checkMode(path); err != nil {
		return nil, err
	}
	key, err := seal.ParseKey(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, failure("put back the key file that was made with this database", "the key file %s holds no key: %w", path, err)
	}
	return key, nil
}

func checkMode(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("look at the key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return failure("chmod 0600 "+path, "the key file %s can be read by others (mode %04o)", path, info.Mode().Perm())
	}
	return nil
}

// makeKey writes a new key file. It never overwrites one.
func (p *program) makeKey(path string) ([]byte, error) {
	text := seal.NewKey()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, failure("let the server's user write there, or name another place with --key-file", "the key file %s cannot be made: %w", path, pathless(err))
	}
	_, err = f.WriteString(text + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return nil, errors.Join(failure("make room, or name another place with --key-file", "the key file %s cannot be written: %w", path, pathless(err)), os.Remove(path))
	}
	_, _ = fmt.Fprintf(p.Err, "nodd: made the key file %s\n  -> it opens the secrets in the database: back it up, apart from the database, and keep it secret\n", path)
	return seal.ParseKey(text)
}

// pathless drops the path from an error whose text names it already.
func pathless(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
