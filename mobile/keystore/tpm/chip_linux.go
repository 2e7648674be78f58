//go:build !android

package tpm

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxtpm"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	"github.com/nod-auth/nod/mobile/keystore"
)

// chip is one connection with the storage root key loaded. Not safe for
// concurrent use: Store.mu guards it.
type chip struct {
	path    string
	conn    transport.TPMCloser
	root    tpm2.NamedHandle
	rootPub tpm2.TPMTPublic
	ekName  []byte // filled when first needed
}

// reach opens the device and makes the storage root key, unless that is done.
// The root is made anew from the owner seed (about 0.2 s on a discrete chip)
// rather than kept in the chip: persistent slots belong to the system.
func (c *chip) reach() error {
	if c.conn != nil {
		return nil
	}
	conn, err := dial(c.path)
	if err != nil {
		return err
	}
	c.conn = conn
	root, err := tpm2.CreatePrimary{
		PrimaryHandle: tpm2.TPMRHOwner,
		InPublic:      tpm2.New2B(tpm2.ECCSRKTemplate),
	}.Execute(conn)
	if err != nil {
		c.release()
		if isWrongAuth(err) {
			return fmt.Errorf("%w: the TPM's owner hierarchy has a password", keystore.ErrUnavailable)
		}
		return fmt.Errorf("%w: make storage root key: %w", keystore.ErrUnavailable, err)
	}
	public, err := root.OutPublic.Contents()
	if err != nil {
		c.release()
		return fmt.Errorf("%w: read storage root key: %w", keystore.ErrUnavailable, err)
	}
	name, err := tpm2.ObjectName(public) // computed here: what the chip says may not differ
	if err != nil {
		c.release()
		return fmt.Errorf("%w: name storage root key: %w", keystore.ErrUnavailable, err)
	}
	c.rootPub, c.root = *public, tpm2.NamedHandle{Handle: root.ObjectHandle, Name: *name}
	return nil
}

func dial(path string) (transport.TPMCloser, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: no TPM 2.0 in this machine, or it is switched off in the firmware", keystore.ErrUnavailable)
	case err != nil:
		return nil, fmt.Errorf("%w: find TPM: %w", keystore.ErrUnavailable, err)
	}
	open := linuxtpm.Open
	if info.Mode()&os.ModeSocket != 0 {
		open = linuxudstpm.Open
	}
	conn, err := open(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w: no permission for the TPM (its device usually belongs to the group tss)", keystore.ErrUnavailable)
	case err != nil:
		return nil, fmt.Errorf("%w: open TPM: %w", keystore.ErrUnavailable, err)
	}
	return conn, nil
}

// release forgets the connection; the root key goes with it, or by flushing
// where several share one (a software TPM).
func (c *chip) release() {
	if c.conn == nil {
		return
	}
	if c.root.Handle != 0 {
		_ = c.flush(c.root.Handle)
	}
	_ = c.conn.Close()
	*c = chip{path: c.path, ekName: c.ekName}
}

func (c *chip) flush(h tpm2.TPMHandle) error {
	_, err := tpm2.FlushContext{FlushHandle: h}.Execute(c.conn)
	return explain("flush", err)
}

// template is the public area of every key; noDA is the only difference.
func template(use keystore.Use) tpm2.TPMTPublic {
	return tpm2.TPMTPublic{
		Type:    tpm2.TPMAlgECC,
		NameAlg: tpm2.TPMAlgSHA256,
		ObjectAttributes: tpm2.TPMAObject{
			FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true,
			UserWithAuth: true, SignEncrypt: true, NoDA: use == keystore.UseDevice,
		},
		Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{
			CurveID: tpm2.TPMECCNistP256,
			Scheme: tpm2.TPMTECCScheme{
				Scheme:  tpm2.TPMAlgECDSA,
				Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA256}),
			},
		}),
	}
}

// session is salted to the root key and encrypts the first parameter, so that
// neither the PIN's value nor a proof of it can be used by a listener.
func (c *chip) session(auth []byte) tpm2.Session {
	return tpm2.HMAC(tpm2.TPMAlgSHA256, 16, tpm2.Auth(auth),
		tpm2.AESEncryption(128, tpm2.EncryptIn), tpm2.Salted(c.root.Handle, c.rootPub))
}

// authValue turns a PIN of any length into the 32 bytes that a SHA-256 object
// can hold. Base64, because the chip drops trailing zero bytes.
func authValue(salt, pin []byte) []byte {
	mac := hmac.New(sha256.New, salt)
	mac.Write(pin)
	sum := mac.Sum(nil)
	defer clear(sum)
	out := make([]byte, base64.RawURLEncoding.EncodedLen(len(sum)))
	base64.RawURLEncoding.Encode(out, sum)
	return out[:sha256.Size]
}

// create makes a key; pin is not used for a device key.
func (c *chip) create(use keystore.Use, pin []byte) (handle, *ecdsa.PublicKey, error) {
	h := handle{use: use, rootName: c.root.Name.Buffer}
	_, _ = rand.Read(h.salt[:])
	var auth []byte
	if use == keystore.UseApproval {
		auth = authValue(h.salt[:], pin)
		defer clear(auth)
	}
	made, err := tpm2.Create{
		ParentHandle: tpm2.AuthHandle{Handle: c.root.Handle, Name: c.root.Name, Auth: c.session(nil)},
		InPublic:     tpm2.New2B(template(use)),
		InSensitive: tpm2.TPM2BSensitiveCreate{
			Sensitive: &tpm2.TPMSSensitiveCreate{UserAuth: tpm2.TPM2BAuth{Buffer: auth}},
		},
	}.Execute(c.conn)
	if err != nil {
		return handle{}, nil, explain("create key", err)
	}
	h.public, h.private = made.OutPublic.Bytes(), made.OutPrivate.Buffer
	if h.ekHash, err = c.ekHash(h.salt[:]); err != nil {
		return handle{}, nil, err
	}
	public, err := h.publicKey()
	if err != nil {
		return handle{}, nil, err
	}
	return h, public, nil
}

// ekHash is a salted hash of the endorsement key's name, which stays when a
// chip is cleared. An unusable endorsement hierarchy gives zeros.
func (c *chip) ekHash(salt []byte) (hash [sha256.Size]byte, err error) {
	if c.ekName == nil {
		ek, err := tpm2.CreatePrimary{
			PrimaryHandle: tpm2.TPMRHEndorsement,
			InPublic:      tpm2.New2B(tpm2.ECCEKTemplate),
		}.Execute(c.conn)
		var rc tpm2.TPMRC
		if errors.As(err, &rc) {
			return hash, nil
		}
		if err != nil {
			return hash, explain("make endorsement key", err)
		}
		c.ekName = ek.Name.Buffer
		if err := c.flush(ek.ObjectHandle); err != nil {
			return hash, err
		}
	}
	mac := hmac.New(sha256.New, salt)
	mac.Write(c.ekName)
	mac.Sum(hash[:0])
	return hash, nil
}

// load brings a wrapped key into the chip; the caller flushes it.
func (c *chip) load(h handle) (tpm2.NamedHandle, error) {
	if !hmac.Equal(h.rootName, c.root.Name.Buffer) {
		return tpm2.NamedHandle{}, c.whyForeign(h)
	}
	loaded, err := tpm2.Load{
		ParentHandle: c.root,
		InPrivate:    tpm2.TPM2BPrivate{Buffer: h.private},
		InPublic:     tpm2.BytesAs2B[tpm2.TPMTPublic](h.public),
	}.Execute(c.conn)
	if errors.Is(err, tpm2.TPMRCIntegrity) || errors.Is(err, tpm2.TPMRCSize) || errors.Is(err, tpm2.TPMRCBinding) ||
		errors.Is(err, tpm2.TPMRCSensitive) || errors.Is(err, tpm2.TPMRCAttributes) {
		return tpm2.NamedHandle{}, fmt.Errorf("%w: the TPM refuses the wrapped key", keystore.ErrCorrupt)
	}
	if err != nil {
		return tpm2.NamedHandle{}, explain("load key", err)
	}
	return tpm2.NamedHandle{Handle: loaded.ObjectHandle, Name: loaded.Name}, nil
}

// whyForeign tells a cleared chip from another machine's.
func (c *chip) whyForeign(h handle) error {
	here, err := c.ekHash(h.salt[:])
	if err != nil {
		return err
	}
	if here == h.ekHash && here != [sha256.Size]byte{} {
		return fmt.Errorf("%w: the TPM was cleared", keystore.ErrCleared)
	}
	return fmt.Errorf("%w: another TPM made it", keystore.ErrOtherMachine)
}

// sign returns an ASN.1 DER signature. pin is not used for a device key.
func (c *chip) sign(h handle, digest, pin []byte) ([]byte, error) {
	loaded, err := c.load(h)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.flush(loaded.Handle) }()
	var auth []byte
	if h.use == keystore.UseApproval {
		auth = authValue(h.salt[:], pin)
		defer clear(auth)
	}
	made, err := tpm2.Sign{
		KeyHandle:  tpm2.AuthHandle{Handle: loaded.Handle, Name: loaded.Name, Auth: c.session(auth)},
		Digest:     tpm2.TPM2BDigest{Buffer: digest},
		InScheme:   tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgNull},
		Validation: tpm2.TPMTTKHashCheck{Tag: tpm2.TPMSTHashCheck, Hierarchy: tpm2.TPMRHNull},
	}.Execute(c.conn)
	if err != nil {
		return nil, explain("sign", err)
	}
	ec, err := made.Signature.Signature.ECDSA()
	if err != nil {
		return nil, explain("read signature", err)
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{
		new(big.Int).SetBytes(ec.SignatureR.Buffer), new(big.Int).SetBytes(ec.SignatureS.Buffer),
	})
	return der, explain("encode signature", err)
}

// dictionary is the state of the chip's protection against guessing.
type dictionary struct {
	failed, max uint32
	interval    time.Duration // until one failure is forgotten
}

func (c *chip) dictionary() (d dictionary, err error) {
	got, err := tpm2.GetCapability{
		Capability: tpm2.TPMCapTPMProperties, Property: uint32(tpm2.TPMPTLockoutCounter), PropertyCount: 3,
	}.Execute(c.conn)
	if err != nil {
		return d, explain("read lock-out state", err)
	}
	list, err := got.CapabilityData.Data.TPMProperties()
	if err != nil {
		return d, explain("read lock-out state", err)
	}
	for _, p := range list.TPMProperty {
		switch p.Property {
		case tpm2.TPMPTLockoutCounter:
			d.failed = p.Value
		case tpm2.TPMPTMaxAuthFail:
			d.max = p.Value
		case tpm2.TPMPTLockoutInterval:
			d.interval = time.Duration(p.Value) * time.Second
		default: // asked for three in a row: no other comes
		}
	}
	return d, nil
}

// verdict turns a refused PIN into tries left or a lock-out's end.
func (c *chip) verdict(now func() time.Time) error {
	d, err := c.dictionary()
	if err != nil {
		return errors.Join(&keystore.PINError{TriesLeft: keystore.TriesUnknown}, err)
	}
	if d.failed >= d.max {
		return &keystore.LockedOutError{Until: now().Add(d.interval)}
	}
	return &keystore.PINError{TriesLeft: int(d.max - d.failed)}
}
