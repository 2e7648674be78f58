package enclave

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/protocol"
)

// Kind names this store in handles.
const Kind = "enclave"

// Store is a [keystore.Store] in the Secure Enclave of this device.
type Store struct {
	mu  sync.RWMutex // held for reading during calls: prompts may take long
	api *security    // nil after Close
}

var _ keystore.Store = (*Store)(nil)

// Open loads Security.framework and makes and deletes one key, to be sure that
// there is an enclave and that this program may use it; otherwise
// [keystore.ErrUnavailable].
func Open(ctx context.Context) (*Store, error) {
	api, err := loadSecurity()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", keystore.ErrUnavailable, err)
	}
	s := &Store{api: api}
	probe, err := s.Create(ctx, keystore.CreateParams{Use: keystore.UseDevice})
	if err != nil {
		return nil, err
	}
	if err := s.Delete(ctx, probe.Handle()); err != nil {
		return nil, err
	}
	return s, nil
}

// Level is always secure_enclave.
func (s *Store) Level() protocol.KeyLevel { return protocol.LevelSecureEnclave }

// UserVerification is always by the system.
func (s *Store) UserVerification() keystore.UserVerification { return keystore.VerifyByPlatform }

// enter gives a scope and keeps Close away until leave is called.
func (s *Store) enter(ctx context.Context) (c *scope, leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("use Secure Enclave: %w", err)
	}
	s.mu.RLock()
	if s.api == nil {
		s.mu.RUnlock()
		return nil, nil, fmt.Errorf("%w: closed", keystore.ErrUnavailable)
	}
	c = &scope{security: s.api}
	return c, func() { c.end(); s.mu.RUnlock() }, nil
}

// Create implements [keystore.Store].
func (s *Store) Create(ctx context.Context, params keystore.CreateParams) (keystore.Key, error) {
	if err := params.Validate(keystore.VerifyByPlatform); err != nil {
		return nil, err
	}
	c, leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	k := &key{store: s, use: params.Use, tag: make([]byte, 16)}
	_, _ = rand.Read(k.tag)
	access, err := c.access(params.Use)
	if err != nil {
		return nil, err
	}
	yes := c.constants["kCFBooleanTrue"]
	private := c.dictionary(map[string]ref{
		"kSecAttrIsPermanent": yes, "kSecAttrApplicationTag": c.data(k.tag), "kSecAttrAccessControl": access,
	})
	var failed ref
	made := c.own(c.keyCreateRandomKey(c.dictionary(map[string]ref{
		"kSecAttrKeyType":               c.constants["kSecAttrKeyTypeECSECPrimeRandom"],
		"kSecAttrKeySizeInBits":         c.number(256),
		"kSecAttrTokenID":               c.constants["kSecAttrTokenIDSecureEnclave"],
		"kSecUseDataProtectionKeychain": yes,
		"kSecPrivateKeyAttrs":           private,
	}), &failed))
	if made == 0 {
		return nil, explain("create key", c.failure(failed))
	}
	if k.public, err = c.publicKey(made); err != nil {
		return nil, err
	}
	return k, nil
}

// access says when the key may be used.
func (s *scope) access(use keystore.Use) (ref, error) {
	when, flags := "kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly", uint64(accessPrivateKeyUsage)
	if use == keystore.UseApproval {
		when, flags = "kSecAttrAccessibleWhenPasscodeSetThisDeviceOnly", flags|accessUserPresence
	}
	var failed ref
	access := s.own(s.accessControlCreateWithFlags(0, s.constants[when], flags, &failed))
	if access == 0 {
		return 0, explain("make access control", s.failure(failed))
	}
	return access, nil
}

// query names one private key.
func (s *scope) query(tag []byte) map[string]ref {
	return map[string]ref{
		"kSecClass":                     s.constants["kSecClassKey"],
		"kSecAttrKeyClass":              s.constants["kSecAttrKeyClassPrivate"],
		"kSecAttrApplicationTag":        s.data(tag),
		"kSecUseDataProtectionKeychain": s.constants["kCFBooleanTrue"],
	}
}

// find returns a reference to the key; reason is shown when it is used.
func (s *scope) find(tag []byte, reason string) (ref, error) {
	q := s.query(tag)
	q["kSecReturnRef"] = s.constants["kCFBooleanTrue"]
	if reason != "" {
		q["kSecUseOperationPrompt"] = s.text(reason)
	}
	var found ref
	if status := s.itemCopyMatching(s.dictionary(q), &found); status != 0 {
		return 0, explain("find key", code(status))
	}
	return s.own(found), nil
}

func (s *scope) publicKey(key ref) (*ecdsa.PublicKey, error) {
	public := s.own(s.keyCopyPublicKey(key))
	if public == 0 {
		return nil, fmt.Errorf("%w: no public key", keystore.ErrUnavailable)
	}
	var failed ref
	data := s.own(s.keyCopyExternal(public, &failed))
	if data == 0 {
		return nil, explain("read public key", s.failure(failed))
	}
	parsed, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), s.bytes(data))
	if err != nil {
		return nil, fmt.Errorf("%w: public point", keystore.ErrCorrupt)
	}
	return parsed, nil
}

// Open implements [keystore.Store].
func (s *Store) Open(ctx context.Context, handle []byte) (keystore.Key, error) {
	c, leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	k, sum, err := s.parse(handle)
	if err != nil {
		return nil, err
	}
	found, err := c.find(k.tag, "")
	if err != nil {
		return nil, err
	}
	if k.public, err = c.publicKey(found); err != nil {
		return nil, err
	}
	if sum != fingerprint(k.public) {
		return nil, fmt.Errorf("%w: another key has its tag", keystore.ErrNotFound)
	}
	return k, nil
}

// Delete implements [keystore.Store].
func (s *Store) Delete(ctx context.Context, handle []byte) error {
	c, leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	k, _, err := s.parse(handle)
	if err != nil {
		return nil // names no key here
	}
	status := code(c.itemDelete(c.dictionary(c.query(k.tag))))
	if status == 0 || status == codeItemNotFound {
		return nil
	}
	return explain("delete key", status)
}

// Close implements [keystore.Store].
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.api = nil
	return nil
}

// key is a [keystore.Key] that the keychain keeps under a tag.
type key struct {
	store  *Store
	tag    []byte
	use    keystore.Use
	public *ecdsa.PublicKey
}

// Handle is the use's first letter, the public key's hash and the tag.
func (k *key) Handle() []byte {
	sum := fingerprint(k.public)
	return keystore.JoinHandle(Kind, append(append([]byte{k.use[0]}, sum[:]...), k.tag...))
}

func (s *Store) parse(handle []byte) (k *key, sum [sha256.Size]byte, err error) {
	data, err := keystore.OwnHandle(Kind, handle)
	if err != nil {
		return nil, sum, err
	}
	if len(data) <= 1+len(sum) {
		return nil, sum, fmt.Errorf("%w: handle cut short", keystore.ErrNotFound)
	}
	k = &key{store: s, tag: data[1+len(sum):]}
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
func (k *key) Level() protocol.KeyLevel           { return protocol.LevelSecureEnclave }
func (k *key) Attestation() *keystore.Attestation { return nil }

// Sign implements [keystore.Key]. For an approval key it blocks while the
// system's prompt is open.
func (k *key) Sign(ctx context.Context, digest []byte, v keystore.Verification) ([]byte, error) {
	if err := keystore.CheckDigest(digest); err != nil {
		return nil, err
	}
	c, leave, err := k.store.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	found, err := c.find(k.tag, v.Reason)
	if err != nil {
		return nil, err
	}
	var failed ref
	algorithm := c.constants["kSecKeyAlgorithmECDSASignatureDigestX962SHA256"]
	made := c.own(c.keyCreateSignature(found, algorithm, c.data(digest), &failed))
	if made == 0 {
		return nil, explain("sign", c.failure(failed))
	}
	der := c.bytes(made)
	if !ecdsa.VerifyASN1(k.public, digest, der) {
		return nil, errors.Join(keystore.ErrUnavailable, errors.New("the enclave made a signature that does not verify"))
	}
	return der, nil
}

func fingerprint(public *ecdsa.PublicKey) [sha256.Size]byte {
	point, err := public.Bytes()
	if err != nil {
		return [sha256.Size]byte{}
	}
	return sha256.Sum256(point)
}
