// Package trust reads the attestation file: which roots and applications an operator trusts, as an attestation.Policy.
//
// It owns the file's form and its checks, so that a wrong file is told at the start with the place of the mistake. It fetches nothing: the
// roots are files, and Android's status list is a file that the operator keeps current; its age is the file's time, and
// the file is read again when it changes. Paths are relative to the attestation file.
package trust

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nod-auth/nod/backend/internal/attestation"
	"github.com/nod-auth/nod/shared/protocol"
)

// maxFile bounds the attestation file and the files of roots; maxStatus bounds the status list.
const (
	maxFile   = 1 << 20
	maxStatus = 16 << 20
)

// File is the attestation file, a JSON object. A platform that is left out proves nothing.
type File struct {
	// Required refuses devices whose keys are not both proven: computers without a TPM that attests, and phones of unknown make.
	Required bool     `json:"required"`
	Android  *Android `json:"android"`
	Apple    *Apple   `json:"apple"`
	TPM      *TPM     `json:"tpm"`
}

// Android is for Android Key Attestation.
type Android struct {
	RootsFile string `json:"roots_file"` // Google's hardware attestation roots (PEM: certificates or public keys)
	// StatusFile is Google's status list as it was fetched (JSON), which a timer replaces daily.
	StatusFile        string `json:"status_file"`
	StatusMaxAgeHours int    `json:"status_max_age_hours"` // 0: 96
	WithoutStatus     bool   `json:"without_status"`       // accept phones while the list is missing or too old
	Apps              []App  `json:"apps"`
}

// App is one Android application: a brand or a flavor.
type App struct {
	Package string   `json:"package"`
	Signers []string `json:"signers"` // SHA-256 of the signing certificates, hexadecimal, with or without colons
}

// Apple is for App Attest.
type Apple struct {
	RootsFile   string   `json:"roots_file"` // Apple's App Attestation Root CA (PEM)
	Apps        []string `json:"apps"`       // team and bundle: "A1B2C3D4E5.com.example.authenticator"
	Development bool     `json:"development"`
}

// TPM is for TPM2_Certify.
type TPM struct {
	RootsFile string `json:"roots_file"` // of whoever certifies attestation keys (PEM)
}

// Trust is a loaded attestation file. It is safe for concurrent use.
type Trust struct {
	policy attestation.Policy
	status string // path of the status list, "" for none

	mu   sync.Mutex
	read time.Time // the status file's time when it was read
	list *attestation.StatusList
}

// Load reads and checks an attestation file and the files that it names. A status list that is missing is no error: policy says what then.
func Load(path string) (*Trust, error) {
	raw, err := read(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("attestation file: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	var f File
	if err := decoder.Decode(&f); err != nil {
		return nil, fmt.Errorf("attestation file: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("attestation file: something follows the object")
	}
	if f.Android == nil && f.Apple == nil && f.TPM == nil {
		return nil, errors.New("attestation file: it trusts nobody: name android, apple or tpm")
	}
	t := &Trust{policy: attestation.Policy{Required: f.Required}}
	for name, load := range map[string]func(*File, string) error{"android": t.android, "apple": t.apple, "tpm": t.tpm} {
		if err := load(&f, filepath.Dir(path)); err != nil {
			return nil, fmt.Errorf("attestation file: %s: %w", name, err)
		}
	}
	return t, nil
}

func (t *Trust) android(f *File, dir string) error {
	in := f.Android
	if in == nil {
		return nil
	}
	pem, err := read(within(dir, in.RootsFile), maxFile)
	if err != nil {
		return fmt.Errorf("roots_file: %w", err)
	}
	a := &attestation.Android{StatusMaxAge: time.Duration(in.StatusMaxAgeHours) * time.Hour, WithoutStatus: in.WithoutStatus}
	if a.Roots, err = attestation.ParseRootKeys(pem); err != nil {
		return fmt.Errorf("roots_file: %w", err)
	}
	if in.StatusMaxAgeHours < 0 || in.StatusFile == "" && !in.WithoutStatus {
		return errors.New("status_file: name the list, or set without_status and know that stolen attestation keys pass")
	}
	if len(in.Apps) == 0 {
		return errors.New("apps: none is allowed")
	}
	for i, app := range in.Apps {
		signers, err := app.signers()
		if err != nil {
			return fmt.Errorf("apps[%d]: %w", i, err)
		}
		a.Apps = append(a.Apps, attestation.AndroidApp{Package: app.Package, Signers: signers})
	}
	if in.StatusFile != "" {
		t.status = within(dir, in.StatusFile)
	}
	t.policy.Android = a
	return nil
}

func (a App) signers() ([][32]byte, error) {
	if a.Package == "" || len(a.Signers) == 0 {
		return nil, errors.New("package and signers are needed")
	}
	var out [][32]byte
	for i, text := range a.Signers {
		digest, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
		if err != nil || len(digest) != sha256.Size {
			return nil, fmt.Errorf("signers[%d] is not the hexadecimal of 32 bytes", i)
		}
		out = append(out, [32]byte(digest))
	}
	return out, nil
}

func (t *Trust) apple(f *File, dir string) error {
	in := f.Apple
	if in == nil {
		return nil
	}
	if len(in.Apps) == 0 {
		return errors.New("apps: none is allowed")
	}
	for i, app := range in.Apps {
		if team, bundle, ok := strings.Cut(app, "."); !ok || len(team) != 10 || bundle == "" {
			return fmt.Errorf("apps[%d] is not a team of 10 characters, a dot and a bundle", i)
		}
	}
	pem, err := read(within(dir, in.RootsFile), maxFile)
	if err != nil {
		return fmt.Errorf("roots_file: %w", err)
	}
	a := &attestation.Apple{Apps: in.Apps, Development: in.Development}
	if a.Roots, err = attestation.ParseRoots(pem); err != nil {
		return fmt.Errorf("roots_file: %w", err)
	}
	t.policy.Apple = a
	return nil
}

func (t *Trust) tpm(f *File, dir string) error {
	if f.TPM == nil {
		return nil
	}
	pem, err := read(within(dir, f.TPM.RootsFile), maxFile)
	if err != nil {
		return fmt.Errorf("roots_file: %w", err)
	}
	roots, err := attestation.ParseRoots(pem)
	if err != nil {
		return fmt.Errorf("roots_file: %w", err)
	}
	t.policy.TPM = &attestation.TPM{Roots: roots}
	return nil
}

// Enrollment is attestation.Policy.Enrollment with the status list of this moment; it is what enrollment.Params.Attest takes.
func (t *Trust) Enrollment(e *protocol.Enrollment, now time.Time) (attestation.Result, error) {
	p := t.policy
	if p.Android != nil {
		a := *p.Android
		a.Status = t.current()
		p.Android = &a
	}
	return p.Enrollment(e, now)
}

// current returns the status list, read again if its file changed. A file that is gone or broken leaves the last good list in force,
// until that is too old.
func (t *Trust) current() *attestation.StatusList {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.status == "" {
		return nil
	}
	info, err := os.Stat(t.status)
	if err != nil || info.ModTime().Equal(t.read) {
		return t.list
	}
	document, err := read(t.status, maxStatus)
	if err != nil {
		return t.list
	}
	t.read = info.ModTime()
	if list, err := attestation.ParseStatusList(document, info.ModTime()); err == nil {
		t.list = list
	}
	return t.list
}

func within(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// read reads a file of a bounded size; its errors name no path but the one that the operator wrote.
func read(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > most {
		return nil, fmt.Errorf("%s is over %d bytes", path, most)
	}
	return raw, nil
}
