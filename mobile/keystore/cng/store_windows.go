package cng

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"sync"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/protocol"
)

// Provider is one of Windows' places for keys. Its text is the handles' kind.
type Provider string

const (
	// Platform is the TPM.
	Platform Provider = "cng-platform"
	// Software is guarded by the operating system.
	Software Provider = "cng-software"
)

var providerName = map[Provider]string{
	Platform: "Microsoft Platform Crypto Provider",
	Software: "Microsoft Software Key Storage Provider",
}

// Params says where keys are kept.
type Params struct {
	Provider Provider
	// Title names the program in Windows' prompts, for example the brand's name.
	Title string
}

// Store is a [keystore.Store] over one provider.
type Store struct {
	kind  Provider
	title string
	level protocol.KeyLevel

	mu       sync.RWMutex // held for reading during calls: prompts may take long
	provider object
}

var _ keystore.Store = (*Store)(nil)

// Open opens the provider and checks that it makes P-256 keys; otherwise
// [keystore.ErrUnavailable].
func Open(_ context.Context, params Params) (*Store, error) {
	name, ok := providerName[params.Provider]
	if !ok {
		return nil, fmt.Errorf("%w: unknown provider %q", keystore.ErrUnavailable, params.Provider)
	}
	provider, err := openProvider(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", keystore.ErrUnavailable, name, err)
	}
	probe, err := provider.createKey(newName()) // not finalized: nothing stays
	if err != nil {
		provider.free()
		return nil, fmt.Errorf("%w: %s makes no P-256 key: %w", keystore.ErrUnavailable, name, err)
	}
	probe.free()
	s := &Store{kind: params.Provider, title: params.Title, level: protocol.LevelOSKeystore, provider: provider}
	implementation, err := provider.dword(propertyImplType)
	if params.Provider == Platform && err == nil && implementation&implHardware != 0 {
		s.level = protocol.LevelTPM
	}
	return s, nil
}

func newName() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return "nod-" + hex.EncodeToString(b[:])
}

// Level is tpm or os_keystore, see the package comment.
func (s *Store) Level() protocol.KeyLevel { return s.level }

// UserVerification is always by Windows itself.
func (s *Store) UserVerification() keystore.UserVerification { return keystore.VerifyByPlatform }

// enter keeps Close away until the returned function is called.
func (s *Store) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("use key store: %w", err)
	}
	s.mu.RLock()
	if s.provider == 0 {
		s.mu.RUnlock()
		return nil, fmt.Errorf("%w: closed", keystore.ErrUnavailable)
	}
	return s.mu.RUnlock, nil
}

// Create implements [keystore.Store]. For an approval key Windows lets the
// person choose how it is protected.
func (s *Store) Create(ctx context.Context, params keystore.CreateParams) (keystore.Key, error) {
	if err := params.Validate(keystore.VerifyByPlatform); err != nil {
		return nil, err
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	name := newName()
	o, err := s.provider.createKey(name)
	if err != nil {
		return nil, explain("create key", err)
	}
	defer o.free()
	if err := s.finish(o, params); err != nil {
		return nil, err
	}
	public, err := publicKey(o)
	if err != nil {
		_ = s.remove(name)
		return nil, err
	}
	return &key{store: s, name: name, use: params.Use, public: public}, nil
}

// finish sets the policies and makes the key.
func (s *Store) finish(o object, params keystore.CreateParams) error {
	flags := uintptr(flagSilent)
	if s.kind == Software { // the platform provider never exports
		if err := o.setDword(propertyExport, 0); err != nil {
			return explain("forbid export", err)
		}
	}
	if params.Use == keystore.UseApproval {
		if err := o.protect(s.title, params.Verification.Reason); err != nil {
			return explain("protect key", err)
		}
		flags = 0
	}
	return explain("make key", o.finalize(flags))
}

// Open implements [keystore.Store].
func (s *Store) Open(ctx context.Context, handle []byte) (keystore.Key, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	k, sum, err := s.parse(handle)
	if err != nil {
		return nil, err
	}
	o, err := s.provider.openKey(k.name, flagSilent)
	if err != nil {
		return nil, explain("open key", err)
	}
	defer o.free()
	if k.public, err = publicKey(o); err != nil {
		return nil, err
	}
	if sum != fingerprint(k.public) {
		return nil, fmt.Errorf("%w: another key has its name", keystore.ErrNotFound)
	}
	return k, nil
}

// Delete implements [keystore.Store].
func (s *Store) Delete(ctx context.Context, handle []byte) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	k, _, err := s.parse(handle)
	if err != nil {
		return nil // names no key here
	}
	err = s.remove(k.name)
	if errors.Is(err, keystore.ErrNotFound) {
		return nil
	}
	return err
}

func (s *Store) remove(name string) error {
	o, err := s.provider.openKey(name, flagSilent)
	if err != nil {
		return explain("open key", err)
	}
	if err := o.deleteKey(); err != nil {
		o.free()
		return explain("delete key", err)
	}
	return nil
}

// Close implements [keystore.Store].
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.provider.free()
	s.provider = 0
	return nil
}

// key is a [keystore.Key] that Windows keeps under a name.
type key struct {
	store  *Store
	name   string
	use    keystore.Use
	public *ecdsa.PublicKey
}

// Handle is the use's first letter, the public key's hash and the name.
func (k *key) Handle() []byte {
	sum := fingerprint(k.public)
	data := append([]byte{k.use[0]}, sum[:]...)
	return keystore.JoinHandle(string(k.store.kind), append(data, k.name...))
}

func (s *Store) parse(handle []byte) (k *key, sum [sha256.Size]byte, err error) {
	data, err := keystore.OwnHandle(string(s.kind), handle)
	if err != nil {
		return nil, sum, err
	}
	if len(data) <= 1+len(sum) {
		return nil, sum, fmt.Errorf("%w: handle cut short", keystore.ErrNotFound)
	}
	k = &key{store: s, name: string(data[1+len(sum):])}
	for _, use := range []keystore.Use{keystore.UseDevice, keystore.UseApproval} {
		if use[0] == data[0] {
			k.use = use
		}
	}
	if k.use == "" {
		return nil, sum, fmt.Errorf("%w: handle of unknown use", keystore.ErrNotFound)
	}
	copy(sum[:], data[1:])
	return k, sum, nil
}

func (k *key) Public() *ecdsa.PublicKey           { return k.public }
func (k *key) Use() keystore.Use                  { return k.use }
func (k *key) Level() protocol.KeyLevel           { return k.store.level }
func (k *key) Attestation() *keystore.Attestation { return nil }

// Sign implements [keystore.Key].
func (k *key) Sign(ctx context.Context, digest []byte, v keystore.Verification) ([]byte, error) {
	if err := keystore.CheckDigest(digest); err != nil {
		return nil, err
	}
	leave, err := k.store.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	flags := uintptr(flagSilent)
	if k.use == keystore.UseApproval {
		flags = 0
	}
	o, err := k.store.provider.openKey(k.name, flags)
	if err != nil {
		return nil, explain("open key", err)
	}
	defer o.free()
	if k.use == keystore.UseApproval && v.Reason != "" {
		_ = o.setText(propertyUseContext, v.Reason) // a provider may not show it
	}
	raw, err := o.signHash(digest, flags)
	if err != nil {
		return nil, explain("sign", err)
	}
	half := len(raw) / 2
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:])})
	if err != nil {
		return nil, fmt.Errorf("encode signature: %w", err)
	}
	if !ecdsa.VerifyASN1(k.public, digest, der) {
		return nil, fmt.Errorf("%w: Windows made a signature that does not verify", keystore.ErrUnavailable)
	}
	return der, nil
}

// publicKey reads the public half from Windows.
func publicKey(o object) (*ecdsa.PublicKey, error) {
	blob, err := o.exportPublic()
	if err != nil {
		return nil, explain("read public key", err)
	}
	le := binary.LittleEndian
	if len(blob) != 72 || le.Uint32(blob) != magicECDSAPublic || le.Uint32(blob[4:]) != 32 {
		return nil, fmt.Errorf("%w: not a P-256 key", keystore.ErrCorrupt)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append([]byte{4}, blob[8:]...))
	if err != nil {
		return nil, fmt.Errorf("%w: public point", keystore.ErrCorrupt)
	}
	return public, nil
}

func fingerprint(public *ecdsa.PublicKey) [sha256.Size]byte {
	point, err := public.Bytes()
	if err != nil {
		return [sha256.Size]byte{}
	}
	return sha256.Sum256(point)
}
