// Package guard is the person's PIN as the app knows it: a key of its own in the
// key store that signs only with the right PIN.
//
// It owns one small file with that key's handle. It leaves tries, lock-outs and
// the PIN itself to the store, so that the PIN is protected as well here as for
// approvals: there is no hash of it that could be guessed against (T14), and a
// chip counts the tries.
package guard

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/nod-auth/nod/mobile/keystore"
)

// Guard is one profile's PIN. It is safe for concurrent use.
type Guard struct {
	path string

	mu     sync.Mutex
	handle []byte
}

type file struct {
	Handle []byte `json:"handle"`
}

// Open reads the file; a missing one means that no PIN was chosen yet.
func Open(path string) (*Guard, error) {
	g := &Guard{path: path}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return g, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the PIN's file: %w", err)
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("read the PIN's file: %w", err)
	}
	g.handle = f.Handle
	return g, nil
}

// Set tells whether a PIN was chosen.
func (g *Guard) Set() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.handle) > 0
}

// Check proves the PIN to the store. Errors are the store's: a wrong PIN, locked
// out, destroyed, unavailable; keystore.ErrNotFound when no PIN was chosen.
func (g *Guard) Check(ctx context.Context, store keystore.Store, v keystore.Verification) error {
	g.mu.Lock()
	handle := g.handle
	g.mu.Unlock()
	if len(handle) == 0 {
		return keystore.ErrNotFound
	}
	key, err := store.Open(ctx, handle)
	if err != nil {
		return fmt.Errorf("check the PIN: %w", err)
	}
	digest := make([]byte, keystore.DigestSize)
	_, _ = rand.Read(digest) // never fails
	if _, err := key.Sign(ctx, digest, v); err != nil {
		return fmt.Errorf("check the PIN: %w", err)
	}
	return nil
}

// Choose makes v the PIN from now on. The file names the new key before the old
// one is deleted, so that a crash leaves one of them in force.
func (g *Guard) Choose(ctx context.Context, store keystore.Store, v keystore.Verification) error {
	key, err := store.Create(ctx, keystore.CreateParams{Use: keystore.UseApproval, Verification: v})
	if err != nil {
		return fmt.Errorf("choose a PIN: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := write(g.path, file{Handle: key.Handle()}); err != nil {
		return errors.Join(err, store.Delete(ctx, key.Handle()))
	}
	old := g.handle
	g.handle = key.Handle()
	if len(old) > 0 {
		_ = store.Delete(ctx, old) // a key nobody knows of any more harms nobody
	}
	return nil
}

// Forget removes the PIN and its key.
func (g *Guard) Forget(ctx context.Context, store keystore.Store) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := os.Remove(g.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the PIN: %w", err)
	}
	old := g.handle
	g.handle = nil
	if store != nil && len(old) > 0 {
		_ = store.Delete(ctx, old)
	}
	return nil
}

// write replaces the file as a whole.
func write(path string, f file) error {
	data, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("write the PIN's file: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write the PIN's file: %w", err)
	}
	next := path + ".new"
	if err := os.WriteFile(next, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the PIN's file: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write the PIN's file: %w", err)
	}
	return nil
}
