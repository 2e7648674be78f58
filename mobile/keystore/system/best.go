package system

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/software"
	"github.com/nod-auth/nod/shared/protocol"
)

// Params says what the stores may use.
type Params struct {
	// Dir is where file-based stores keep their file.
	Dir string
	// Application is the brand's name, for the system's prompts and lists.
	Application string
	// Passphrase asks the person for the passphrase of the last resort. It is
	// called only if every other store is unavailable, or for a key that was
	// made under a passphrase; its result is wiped. nil: there is no last resort.
	Passphrase func(ctx context.Context) ([]byte, error)
	// TPMDevice is used on Linux instead of the usual device, if not "".
	TPMDevice string
}

// Considered says what became of one store during the choice.
type Considered struct {
	// Name is a fixed English word or two for the diagnostics page.
	Name string
	// Level is what it would give, or gives if it was taken.
	Level protocol.KeyLevel
	// Taken is true for the last one at most.
	Taken bool
	// Reason says why it was not taken; nil if it was. It holds no secret.
	Reason error
}

// candidate is a store that may be there.
type candidate struct {
	kind  string // of its handles
	name  string
	level protocol.KeyLevel
	open  func(ctx context.Context) (keystore.Store, error)
}

// Best opens the strongest store and returns it with the stores it looked at,
// strongest first. The store also opens and deletes keys that another store of
// this machine made earlier, so that a person can move to a stronger one by
// replacing keys: compare [keystore.Key.Level] with [keystore.Store.Level].
//
// Without any store the error is [keystore.ErrUnavailable]; a store that is
// there but cannot be used now stops the search with its own error.
func Best(ctx context.Context, params Params) (keystore.Store, []Considered, error) {
	list := append(candidates(params), passphrase(params))
	var looked []Considered
	for _, c := range list {
		store, err := c.open(ctx)
		if err == nil {
			looked = append(looked, Considered{Name: c.name, Level: store.Level(), Taken: true})
			return newSet(c.kind, store, list), looked, nil
		}
		looked = append(looked, Considered{Name: c.name, Level: c.level, Reason: err})
		if !errors.Is(err, keystore.ErrUnavailable) {
			return nil, looked, fmt.Errorf("open %s: %w", c.name, err)
		}
	}
	return nil, looked, fmt.Errorf("%w: none of the stores of this machine", keystore.ErrUnavailable)
}

func passphrase(params Params) candidate {
	return candidate{
		kind: software.PassphraseName, name: "passphrase", level: protocol.LevelSoftware,
		open: func(ctx context.Context) (keystore.Store, error) {
			if params.Passphrase == nil {
				return nil, fmt.Errorf("%w: no passphrase is asked for", keystore.ErrUnavailable)
			}
			secret, err := params.Passphrase(ctx)
			if err != nil {
				return nil, fmt.Errorf("ask for passphrase: %w", err)
			}
			defer clear(secret)
			source, wipe := software.Passphrase(secret)
			defer wipe()
			return opened(software.Open(ctx, software.Params{Dir: params.Dir, Source: source}))
		},
	}
}

// opened keeps a nil pointer from becoming a store that is not nil.
func opened[S keystore.Store](s S, err error) (keystore.Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// set makes keys in the best store and finds keys in any.
type set struct {
	keystore.Store // the best
	candidates     map[string]candidate

	mu     sync.Mutex
	stores map[string]keystore.Store // nil after Close
}

func newSet(kind string, best keystore.Store, list []candidate) *set {
	s := &set{Store: best, candidates: map[string]candidate{}, stores: map[string]keystore.Store{kind: best}}
	for _, c := range list {
		s.candidates[c.kind] = c
	}
	return s
}

// of returns the store that made the handle, opened if need be.
func (s *set) of(ctx context.Context, handle []byte) (keystore.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stores == nil {
		return nil, fmt.Errorf("%w: closed", keystore.ErrUnavailable)
	}
	kind, _, err := keystore.SplitHandle(handle)
	if err != nil {
		return nil, err
	}
	if store, ok := s.stores[kind]; ok {
		return store, nil
	}
	c, ok := s.candidates[kind]
	if !ok {
		return nil, fmt.Errorf("%w: this system has no store of its kind", keystore.ErrOtherMachine)
	}
	store, err := c.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", c.name, err)
	}
	s.stores[kind] = store
	return store, nil
}

// Open implements [keystore.Store].
func (s *set) Open(ctx context.Context, handle []byte) (keystore.Key, error) {
	store, err := s.of(ctx, handle)
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, handle)
}

// Delete implements [keystore.Store].
func (s *set) Delete(ctx context.Context, handle []byte) error {
	store, err := s.of(ctx, handle)
	if errors.Is(err, keystore.ErrNotFound) || errors.Is(err, keystore.ErrOtherMachine) {
		return nil
	}
	if err != nil {
		return err
	}
	return store.Delete(ctx, handle)
}

// Close implements [keystore.Store].
func (s *set) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var failed []error
	for _, store := range s.stores {
		failed = append(failed, store.Close())
	}
	s.stores = nil
	return errors.Join(failed...)
}
