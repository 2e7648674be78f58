// Package credentials reads the push file: which apps a server or a relay may push to, and with which keys.
//
// It owns the file's form and its checks, so that a wrong file is told at the start with the place of the mistake. It
// makes no client and keeps no key longer than its caller. Paths in the file are relative to the file.
package credentials

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/nod-auth/nod/backend/internal/delivery"
)

// maxFile bounds the push file and each key file.
const maxFile = 1 << 20

// File is the push file, a JSON object. Every member may be left out.
type File struct {
	// APNs lists the iOS and macOS apps.
	APNs []APNs `json:"apns"`
	// FCM lists the Android apps that use Firebase.
	FCM []FCM `json:"fcm"`
	// WebPush is for UnifiedPush, browsers and nod-relay, which need no credentials.
	WebPush WebPush `json:"webpush"`
	// RootsFile names certificates (PEM) to trust instead of the system's, for the fakes of `nodd fakepush`.
	RootsFile string `json:"roots_file"`

	Roots *x509.CertPool `json:"-"` // content of RootsFile; nil: the system's
}

// APNs is one app of one team.
type APNs struct {
	BundleID    string `json:"bundle_id"`   // of the app: "com.example.authenticator"
	Environment string `json:"environment"` // "production", or "sandbox" for builds from Xcode
	KeyFile     string `json:"key_file"`    // the AuthKey_*.p8 that Apple gave
	KeyID       string `json:"key_id"`      // 10 characters, in the name of that file
	TeamID      string `json:"team_id"`     // 10 characters, on Apple's membership page
	Host        string `json:"host"`        // empty: Apple's; else a fake's URL

	Key []byte `json:"-"` // content of KeyFile
}

// FCM is one app of one Firebase project.
type FCM struct {
	Package            string `json:"package"`              // of the app; empty: every app that names none
	ServiceAccountFile string `json:"service_account_file"` // the JSON key of an account that may send messages
	Endpoint           string `json:"endpoint"`             // empty: Google's; else a fake's URL

	ServiceAccount []byte `json:"-"` // content of ServiceAccountFile
}

// WebPush says whom endpoints may lead to (T21).
type WebPush struct {
	Contact         string         `json:"contact"`          // mailto: or https: URI for push services; empty: the server's own URL
	AllowedNetworks []netip.Prefix `json:"allowed_networks"` // private networks with a push server of yours
	AllowedPorts    []uint16       `json:"allowed_ports"`    // empty: 443 only
}

// Load reads and checks a push file and the key files that it names. Errors name the member, never a key.
func Load(path string) (File, error) {
	var f File
	raw, err := read(path)
	if err != nil {
		return f, err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return f, fmt.Errorf("push file: %w", err)
	}
	dir := filepath.Dir(path)
	for i := range f.APNs {
		if err := f.APNs[i].load(dir); err != nil {
			return f, fmt.Errorf("push file: apns[%d]: %w", i, err)
		}
	}
	for i := range f.FCM {
		if f.FCM[i].ServiceAccount, err = readIn(dir, f.FCM[i].ServiceAccountFile); err != nil {
			return f, fmt.Errorf("push file: fcm[%d]: service_account_file: %w", i, err)
		}
	}
	if err := f.loadRoots(dir); err != nil {
		return f, fmt.Errorf("push file: roots_file: %w", err)
	}
	return f, f.check()
}

func (f *File) loadRoots(dir string) error {
	if f.RootsFile == "" {
		return nil
	}
	raw, err := readIn(dir, f.RootsFile)
	if err != nil {
		return err
	}
	f.Roots = x509.NewCertPool()
	if !f.Roots.AppendCertsFromPEM(raw) {
		return errors.New("there is no certificate in it")
	}
	return nil
}

func (f File) check() error {
	seen := map[string]bool{}
	for i, a := range f.APNs {
		name := delivery.APNsApp(a.BundleID, a.Environment)
		if seen[name] {
			return fmt.Errorf("push file: apns[%d]: %s %s is there twice", i, a.BundleID, a.Environment)
		}
		seen[name] = true
	}
	for i, a := range f.FCM {
		if seen["fcm "+a.Package] {
			return fmt.Errorf("push file: fcm[%d]: package %q is there twice", i, a.Package)
		}
		seen["fcm "+a.Package] = true
	}
	c := f.WebPush.Contact
	if c != "" && !strings.HasPrefix(c, "mailto:") && !strings.HasPrefix(c, "https://") {
		return errors.New("push file: webpush: contact is a mailto: or https: URI")
	}
	return nil
}

func (a *APNs) load(dir string) (err error) {
	switch {
	case a.BundleID == "":
		return errors.New("bundle_id is missing")
	case a.Environment != delivery.KindProduction && a.Environment != delivery.KindSandbox:
		return errors.New(`environment is "production" or "sandbox"`)
	case a.KeyID == "" || a.TeamID == "":
		return errors.New("key_id or team_id is missing")
	}
	if a.Key, err = readIn(dir, a.KeyFile); err != nil {
		return fmt.Errorf("key_file: %w", err)
	}
	return nil
}

func readIn(dir, name string) ([]byte, error) {
	if name == "" {
		return nil, errors.New("no file is named")
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	return read(name)
}

func read(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s is larger than a key", name)
	}
	return os.ReadFile(name) //nolint:gosec // the operator's own files
}
