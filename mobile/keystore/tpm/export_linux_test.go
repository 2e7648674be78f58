//go:build !android

package tpm

import (
	"testing"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"github.com/nod-auth/nod/mobile/keystore"
)

func mustParse(t *testing.T, encoded []byte) handle {
	t.Helper()
	h, err := parseHandle(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// WithPublic returns the handle with its public area changed.
func WithPublic(t *testing.T, encoded []byte, change func(*tpm2.TPMTPublic)) []byte {
	t.Helper()
	h := mustParse(t, encoded)
	area, err := tpm2.Unmarshal[tpm2.TPMTPublic](h.public)
	if err != nil {
		t.Fatal(err)
	}
	change(area)
	h.public = tpm2.Marshal(*area)
	return h.encode()
}

// WithUse returns the handle with its use changed.
func WithUse(t *testing.T, encoded []byte, use keystore.Use) []byte {
	t.Helper()
	h := mustParse(t, encoded)
	h.use = use
	return h.encode()
}

// AuthValue is what the chip compares for a PIN.
func AuthValue(t *testing.T, encoded []byte, pin string) string {
	t.Helper()
	h := mustParse(t, encoded)
	return string(authValue(h.salt[:], []byte(pin)))
}

// Export asks the chip for the private key (TPM2_Duplicate).
func Export(t *testing.T, conn transport.TPMCloser, encoded []byte) error {
	t.Helper()
	c := &chip{conn: nil, path: ""}
	root, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHOwner, InPublic: tpm2.New2B(tpm2.ECCSRKTemplate)}.Execute(conn)
	if err != nil {
		t.Fatal(err)
	}
	c.conn, c.root = conn, tpm2.NamedHandle{Handle: root.ObjectHandle, Name: root.Name}
	key, err := c.load(mustParse(t, encoded))
	if err != nil {
		t.Fatal(err)
	}
	_, err = tpm2.Duplicate{
		ObjectHandle:    tpm2.AuthHandle{Handle: key.Handle, Name: key.Name, Auth: tpm2.PasswordAuth(nil)},
		NewParentHandle: tpm2.NamedHandle{Handle: tpm2.TPMRHNull},
		Symmetric:       tpm2.TPMTSymDef{Algorithm: tpm2.TPMAlgNull},
	}.Execute(conn)
	return err
}

// FuzzParseHandle: what parses encodes to the same bytes.
func FuzzParseHandle(f *testing.F) {
	h := handle{use: keystore.UseDevice, rootName: []byte("name"), public: []byte("public"), private: []byte("private")}
	f.Add(h.encode())
	f.Fuzz(func(t *testing.T, encoded []byte) {
		h, err := parseHandle(encoded)
		if err != nil {
			return
		}
		if string(h.encode()) != string(encoded) {
			t.Errorf("%q comes back as %q", encoded, h.encode())
		}
		_, _ = h.publicKey()
	})
}
