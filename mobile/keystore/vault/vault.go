package vault

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/software"
)

// Name is the file's name, and the kind in its handles.
const Name = "vault"

// Params says where the file is and how the secret is labeled.
type Params struct {
	// Dir holds the file.
	Dir string
	// Application names the program to the person in the system's own list of
	// secrets, for example the brand's name; "" means "Nod".
	Application string

	machine string // tests only: instead of the machine's id
	service string // tests only: instead of [service]
}

// service is what secrets are filed under in Credential Manager and Keychain.
const service = "nod key file"

// Open reaches the system's service, finds or makes the file's key there and
// opens the file. It may show the system's own prompt to unlock the keyring,
// for as long as ctx lasts. Besides the errors of software.Open:
// [keystore.ErrLocked], [keystore.ErrCleared], [keystore.ErrOtherMachine].
func Open(ctx context.Context, params Params) (*software.Store, error) {
	if params.service == "" {
		params.service = service
	}
	if params.Application == "" {
		params.Application = "Nod"
	}
	k, err := reach(ctx, params)
	if err != nil {
		return nil, err
	}
	defer k.close()
	if params.machine == "" {
		params.machine = machineID()
	}
	return software.Open(ctx, software.Params{
		Dir: params.Dir, Name: Name, Source: &source{keeper: k, machine: params.machine},
	})
}

// keeper is a service of the operating system that keeps small secrets.
type keeper interface {
	// get gives keystore.ErrNotFound if there is no such secret.
	get(ctx context.Context, id string) ([]byte, error)
	set(ctx context.Context, id string, secret []byte) error
	close()
}

// source is the software.KeySource over a keeper.
type source struct {
	keeper  keeper
	machine string // "" if the system does not tell
}

type hint struct {
	Machine string `json:"machine,omitempty"`
}

const keySize = 32

func (s *source) Name() string { return Name }
func (s *source) Mismatch() error {
	return fmt.Errorf("%w: the keyring's key does not fit", keystore.ErrCorrupt)
}

func (s *source) Make(ctx context.Context, id string) ([]byte, json.RawMessage, error) {
	h, err := json.Marshal(hint{Machine: s.mark(id)})
	if err != nil {
		return nil, nil, fmt.Errorf("encode vault hint: %w", err)
	}
	key := make([]byte, keySize)
	_, _ = rand.Read(key)
	if err := s.keeper.set(ctx, id, key); err != nil {
		return nil, nil, err
	}
	return key, h, nil
}

func (s *source) Find(ctx context.Context, id string, raw json.RawMessage) ([]byte, error) {
	var h hint
	if err := json.Unmarshal(raw, &h); err != nil {
		return nil, fmt.Errorf("%w: vault hint", keystore.ErrCorrupt)
	}
	key, err := s.keeper.get(ctx, id)
	switch {
	case errors.Is(err, keystore.ErrNotFound) && h.Machine != "" && h.Machine != s.mark(id):
		return nil, fmt.Errorf("%w: the key file was copied here", keystore.ErrOtherMachine)
	case errors.Is(err, keystore.ErrNotFound):
		return nil, fmt.Errorf("%w: the keyring no longer has the key of the file", keystore.ErrCleared)
	case err != nil:
		return nil, err
	case len(key) != keySize:
		return nil, s.Mismatch()
	}
	return key, nil
}

// mark is a hash of the machine's id salted with the file's, so that the file
// does not carry an id that other programs know.
func (s *source) mark(id string) string {
	if s.machine == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("nod-vault\n" + id + "\n" + s.machine))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
