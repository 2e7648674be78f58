package software

import (
	"context"
	"crypto/ecdsa"
	"encoding/base64"
	"fmt"
	"sync"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/protocol"
)

const (
	idSize     = 16
	scalarSize = 32 // P-256
)

// PassphraseName is the name of the file that a passphrase opens.
const PassphraseName = "passphrase"

// Params says which file to open.
type Params struct {
	// Dir is made with mode 0700 if missing.
	Dir string
	// Name is the file's name without extension, and the kind in its handles;
	// "" means [PassphraseName].
	Name string
	// Source gives the key that seals the file; see [Passphrase].
	Source KeySource

	cost Cost        // for PINs; tests lower it
	hook func(*disk) // tests only
}

// Store is a [keystore.Store] in one encrypted file or in memory.
type Store struct {
	// attempt admits one PIN at a time, so that Argon2 runs outside mu and
	// device keys sign meanwhile.
	attempt sync.Mutex

	mu      sync.Mutex // guards all below
	kind    string     // in handles; does not change
	disk    *disk      // nil in a simulation
	header  header
	key     []byte
	records map[string]*record
	cost    Cost
	closed  bool
}

var _ keystore.Store = (*Store)(nil)

// Open opens the file, or makes an empty one if there is none. Errors:
// [keystore.ErrWrongPassphrase], [keystore.ErrCorrupt], [keystore.ErrFormat],
// [keystore.ErrInUse], [keystore.ErrUnavailable], and those of the source; none
// of them changes the file.
func Open(ctx context.Context, params Params) (*Store, error) {
	if params.Name == "" {
		params.Name = PassphraseName
	}
	if params.cost == (Cost{}) {
		params.cost = DefaultCost
	}
	d, err := openDisk(params.Dir, params.Name)
	if err != nil {
		return nil, err
	}
	if params.hook != nil {
		params.hook(d)
	}
	s := &Store{kind: params.Name, disk: d, records: map[string]*record{}, cost: params.cost}
	if err := s.load(ctx, params.Source); err != nil {
		_ = d.close()
		return nil, err
	}
	return s, nil
}

// NewSimulation returns a store in memory for thousands of simulated devices.
// PINs cost the least that Argon2 can and protect nothing; the keys die with
// the process. Never for a person's keys.
func NewSimulation() *Store {
	return &Store{
		kind:    "simulation",
		header:  header{ID: base64.RawURLEncoding.EncodeToString(random(idSize)), Source: "simulation"},
		records: map[string]*record{},
		cost:    simulationCost,
	}
}

// load reads the file or makes it.
func (s *Store) load(ctx context.Context, source KeySource) error {
	data, err := s.disk.read()
	if err != nil {
		return err
	}
	if data == nil {
		return s.found(ctx, source)
	}
	p, err := parseFile(data)
	if err != nil {
		return err
	}
	if p.header.Source != source.Name() {
		return fmt.Errorf("%w: the file is sealed by another source", keystore.ErrFormat)
	}
	key, err := source.Find(ctx, p.header.ID, p.header.Hint)
	if err != nil {
		return err
	}
	content, err := p.open(key, source.Mismatch())
	if err != nil {
		clear(key)
		return err
	}
	s.header, s.key = p.header, key
	for _, r := range content.Keys {
		if r.Guard != nil && r.Guard.TriesLeft == 0 {
			r.Guard.erase() // the process died between the last try and its verdict
		}
		s.records[string(r.ID)] = r
	}
	return nil
}

// found makes a new, empty file at once, so that a later wrong passphrase is
// noticed before any key exists.
func (s *Store) found(ctx context.Context, source KeySource) error {
	id := base64.RawURLEncoding.EncodeToString(random(idSize))
	key, hint, err := source.Make(ctx, id)
	if err != nil {
		return err
	}
	s.header, s.key = header{ID: id, Source: source.Name(), Hint: hint}, key
	return s.save()
}

// save writes all records; the caller holds mu.
func (s *Store) save() error {
	if s.disk == nil {
		return nil
	}
	b := body{Keys: make([]*record, 0, len(s.records))}
	for _, r := range s.records {
		b.Keys = append(b.Keys, r)
	}
	data, err := encodeFile(s.header, b, s.key)
	if err != nil {
		return err
	}
	return s.disk.write(data)
}

// Level is always software.
func (s *Store) Level() protocol.KeyLevel { return protocol.LevelSoftware }

// UserVerification is always by PIN.
func (s *Store) UserVerification() keystore.UserVerification { return keystore.VerifyByPIN }

// Create implements [keystore.Store].
func (s *Store) Create(ctx context.Context, params keystore.CreateParams) (keystore.Key, error) {
	if err := params.Validate(keystore.VerifyByPIN); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	r, public, err := newRecord(params, s.cost)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("%w: closed", keystore.ErrUnavailable)
	}
	s.records[string(r.ID)] = r
	if err := s.save(); err != nil {
		delete(s.records, string(r.ID))
		return nil, err
	}
	return s.keyFor(r, public), nil
}

// Open implements [keystore.Store].
func (s *Store) Open(_ context.Context, handle []byte) (keystore.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(handle)
	if err != nil {
		return nil, err
	}
	if r.Guard != nil && r.Guard.erased() {
		return nil, keystore.ErrDestroyed
	}
	public, err := parsePublic(r.Public)
	if err != nil {
		return nil, fmt.Errorf("%w: public key", keystore.ErrCorrupt)
	}
	return s.keyFor(r, public), nil
}

// Delete implements [keystore.Store].
func (s *Store) Delete(_ context.Context, handle []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("%w: closed", keystore.ErrUnavailable)
	}
	r, err := s.find(handle)
	if err != nil {
		return nil // already gone is what the caller wants
	}
	delete(s.records, string(r.ID))
	if err := s.save(); err != nil {
		s.records[string(r.ID)] = r
		return err
	}
	r.wipe()
	return nil
}

// Close implements [keystore.Store].
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	clear(s.key)
	for _, r := range s.records {
		r.wipe()
	}
	s.records = nil
	if s.disk == nil {
		return nil
	}
	return s.disk.close()
}

// find returns the record of a handle; the caller holds mu.
func (s *Store) find(handle []byte) (*record, error) {
	if s.closed {
		return nil, fmt.Errorf("%w: closed", keystore.ErrUnavailable)
	}
	data, err := keystore.OwnHandle(s.kind, handle)
	if err != nil {
		return nil, err
	}
	if len(data) < idSize || string(data[idSize:]) != s.header.ID {
		return nil, fmt.Errorf("%w: it belongs to another key file", keystore.ErrNotFound)
	}
	r, ok := s.records[string(data[:idSize])]
	if !ok {
		return nil, keystore.ErrNotFound
	}
	return r, nil
}

func (s *Store) keyFor(r *record, public *ecdsa.PublicKey) *key {
	data := append(append([]byte(nil), r.ID...), s.header.ID...)
	return &key{store: s, handle: keystore.JoinHandle(s.kind, data), public: public, use: r.Use}
}
