package flow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/software"
	"github.com/nod-auth/nod/mobile/keystore/system"
	"github.com/nod-auth/nod/shared/protocol"
)

// Keys is the key store of the app: opened when it is first needed, because the
// last resort asks for a passphrase. It is safe for concurrent use.
type Keys struct {
	dir, application, device string
	core                     *device.Core
	best                     func(ctx context.Context, params system.Params) (keystore.Store, []system.Considered, error)
	// ask asks the person for the passphrase; new is a first one, wrong says that
	// the last was not right. It returns keystore.ErrCanceled when the person will not.
	ask func(ctx context.Context, fresh, wrong bool) ([]byte, error)

	opening sync.Mutex // one opening at a time
	mu      sync.Mutex
	store   keystore.Store
	looked  []system.Considered
}

// KeysParams says where keys may live.
type KeysParams struct {
	Dir         string // of file-based stores
	Application string // the brand's name
	TPMDevice   string // "" is the usual one
	Core        *device.Core
	// Best picks the store; nil means system.Best.
	Best func(ctx context.Context, params system.Params) (keystore.Store, []system.Considered, error)
}

// NewKeys opens nothing yet.
func NewKeys(p KeysParams) *Keys {
	if p.Best == nil {
		p.Best = system.Best
	}
	return &Keys{best: p.Best, dir: p.Dir, application: p.Application, device: p.TPMDevice, core: p.Core}
}

// Store returns the open store, or nil.
func (k *Keys) Store() keystore.Store {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.store
}

// Looked lists the stores that were considered, strongest first.
func (k *Keys) Looked() []system.Considered {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]system.Considered(nil), k.looked...)
}

// Level is what a new key gets: of the open store, or of the one that a
// passphrase would open.
func (k *Keys) Level() protocol.KeyLevel {
	if s := k.Store(); s != nil {
		return s.Level()
	}
	return protocol.LevelSoftware
}

// hasFile tells whether a file of the last resort exists.
func (k *Keys) hasFile() bool {
	_, err := os.Stat(filepath.Join(k.dir, software.PassphraseName+".nodkeys"))
	return !errors.Is(err, fs.ErrNotExist)
}

// Open opens the strongest store and gives it to the core. With fresh a first
// passphrase is asked for if there is no better place; without it that case is
// keystore.ErrUnavailable.
func (k *Keys) Open(ctx context.Context, fresh bool) (keystore.Store, error) {
	k.opening.Lock()
	defer k.opening.Unlock()
	if s := k.Store(); s != nil {
		return s, nil
	}
	wrong := false
	for {
		params := system.Params{Dir: k.dir, Application: k.application, TPMDevice: k.device}
		if have := k.hasFile(); have || fresh {
			params.Passphrase = func(ctx context.Context) ([]byte, error) { return k.ask(ctx, !have, wrong) }
		}
		store, looked, err := k.best(ctx, params)
		k.mu.Lock()
		k.looked = looked
		if err == nil {
			k.store = store
		}
		k.mu.Unlock()
		if errors.Is(err, keystore.ErrWrongPassphrase) {
			wrong = true
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("open the keys: %w", err)
		}
		k.core.AddStore(store, true)
		return store, nil
	}
}

// Close closes the store. Close the core first.
func (k *Keys) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.store == nil {
		return nil
	}
	err := k.store.Close()
	k.store = nil
	return err
}
