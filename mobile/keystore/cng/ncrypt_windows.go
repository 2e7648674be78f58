package cng

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/nod-auth/nod/mobile/keystore"
)

var (
	ncrypt             = windows.NewLazySystemDLL("ncrypt.dll")
	procOpenProvider   = ncrypt.NewProc("NCryptOpenStorageProvider")
	procCreateKey      = ncrypt.NewProc("NCryptCreatePersistedKey")
	procFinalizeKey    = ncrypt.NewProc("NCryptFinalizeKey")
	procOpenKey        = ncrypt.NewProc("NCryptOpenKey")
	procDeleteKey      = ncrypt.NewProc("NCryptDeleteKey")
	procExportKey      = ncrypt.NewProc("NCryptExportKey")
	procSignHash       = ncrypt.NewProc("NCryptSignHash")
	procGetProperty    = ncrypt.NewProc("NCryptGetProperty")
	procSetProperty    = ncrypt.NewProc("NCryptSetProperty")
	procFreeObject     = ncrypt.NewProc("NCryptFreeObject")
	errProcedureAbsent = errors.New("ncrypt.dll lacks a procedure")
)

// Constants of ncrypt.h.
const (
	algorithmECDSAP256 = "ECDSA_P256"
	blobECCPublic      = "ECCPUBLICBLOB"
	propertyImplType   = "Impl Type"
	propertyExport     = "Export Policy"
	propertyUIPolicy   = "UI Policy"
	propertyUseContext = "Use Context"
	implHardware       = 0x1        // NCRYPT_IMPL_HARDWARE_FLAG
	flagSilent         = 0x40       // NCRYPT_SILENT_FLAG
	uiForceHigh        = 0x2        // NCRYPT_UI_FORCE_HIGH_PROTECTION_FLAG
	magicECDSAPublic   = 0x31534345 // BCRYPT_ECDSA_PUBLIC_P256_MAGIC
)

// status is a SECURITY_STATUS; the numbers are winerror.h's.
type status uint32

const (
	nteNoKey             status = 0x8009000D
	nteNotFound          status = 0x80090011
	nteBadKeyset         status = 0x80090016
	nteIncorrectPassword status = 0x80090033
	nteUserCancelled     status = 0x80090036
	errorCancelled       status = 0x800704C7
	scardCancelled       status = 0x8010006E
	scardWrongPIN        status = 0x8010006B
	scardBlocked         status = 0x8010006C
	tpmDefendLock        status = 0x80280803
	tpmAuthFail          status = 0x8028008E
	tpmBadAuth           status = 0x802800A2
	tpmIntegrity         status = 0x8028009F
	tpmLockout           status = 0x80280921
)

// Error shows the number, which Windows' documentation is searched by.
func (s status) Error() string { return fmt.Sprintf("NCrypt status 0x%08x", uint32(s)) }

// explain makes a status one of keystore's errors.
func explain(doing string, err error) error {
	var s status
	if err == nil {
		return nil
	}
	if !errors.As(err, &s) {
		return fmt.Errorf("%w: %s: %w", keystore.ErrUnavailable, doing, err)
	}
	switch s {
	case nteNoKey, nteNotFound, nteBadKeyset:
		return fmt.Errorf("%w: %s: %w", keystore.ErrNotFound, doing, err)
	case nteUserCancelled, errorCancelled, scardCancelled:
		return fmt.Errorf("%w: %s", keystore.ErrCanceled, doing)
	case nteIncorrectPassword, scardWrongPIN, tpmAuthFail, tpmBadAuth:
		return &keystore.PINError{TriesLeft: keystore.TriesUnknown}
	case scardBlocked, tpmDefendLock, tpmLockout:
		return &keystore.LockedOutError{}
	case tpmIntegrity:
		return fmt.Errorf("%w: %s: %w", keystore.ErrCleared, doing, err)
	default:
		return fmt.Errorf("%w: %s: %w", keystore.ErrUnavailable, doing, err)
	}
}

// call runs one procedure whose result is a SECURITY_STATUS. The directive moves
// whatever its arguments point to off the stack and keeps it alive meanwhile.
//
//go:uintptrescapes
func call(p *windows.LazyProc, args ...uintptr) error {
	if p.Find() != nil {
		return errProcedureAbsent
	}
	r, _, _ := p.Call(args...)
	if r != 0 {
		return status(uint32(r))
	}
	return nil
}

// object is an NCRYPT_HANDLE: a provider or a key.
type object uintptr

func (o object) free() {
	if o != 0 {
		_ = call(procFreeObject, uintptr(o))
	}
}

// utf16 never fails: every string here is a constant or hexadecimal; a reason
// with a zero character in it is shown as none.
func utf16(s string) *uint16 {
	p, err := windows.UTF16PtrFromString(s)
	if err != nil {
		p = new(uint16)
	}
	return p
}

func openProvider(name string) (o object, err error) {
	n := utf16(name)
	err = call(procOpenProvider, uintptr(unsafe.Pointer(&o)), uintptr(unsafe.Pointer(n)), 0)
	return o, err
}

// createKey starts a key; finalize makes and persists it.
func (o object) createKey(name string) (k object, err error) {
	algorithm, n := utf16(algorithmECDSAP256), utf16(name)
	err = call(procCreateKey, uintptr(o), uintptr(unsafe.Pointer(&k)),
		uintptr(unsafe.Pointer(algorithm)), uintptr(unsafe.Pointer(n)), 0, 0)
	return k, err
}

func (o object) finalize(flags uintptr) error { return call(procFinalizeKey, uintptr(o), flags) }

func (o object) openKey(name string, flags uintptr) (k object, err error) {
	n := utf16(name)
	err = call(procOpenKey, uintptr(o), uintptr(unsafe.Pointer(&k)), uintptr(unsafe.Pointer(n)), 0, flags)
	return k, err
}

// deleteKey removes the key and frees its handle, if it succeeds.
func (o object) deleteKey() error { return call(procDeleteKey, uintptr(o), flagSilent) }

func (o object) dword(property string) (value uint32, err error) {
	var size uint32
	p := utf16(property)
	err = call(procGetProperty, uintptr(o), uintptr(unsafe.Pointer(p)),
		uintptr(unsafe.Pointer(&value)), unsafe.Sizeof(value), uintptr(unsafe.Pointer(&size)), 0)
	return value, err
}

func (o object) setDword(property string, value uint32) error {
	p := utf16(property)
	err := call(procSetProperty, uintptr(o), uintptr(unsafe.Pointer(p)),
		uintptr(unsafe.Pointer(&value)), unsafe.Sizeof(value), 0)
	return err
}

// setText shows a sentence in Windows' own prompt.
func (o object) setText(property, text string) error {
	p := utf16(property)
	units, err := windows.UTF16FromString(text)
	if err != nil {
		units = []uint16{0}
	}
	err = call(procSetProperty, uintptr(o), uintptr(unsafe.Pointer(p)),
		uintptr(unsafe.Pointer(&units[0])), uintptr(2*len(units)), 0)
	return err
}

// uiPolicy is NCRYPT_UI_POLICY, version 1.
type uiPolicy struct {
	version, flags                           uint32
	creationTitle, friendlyName, description *uint16
}

// protect makes Windows ask the person at each use of the key.
func (o object) protect(title, description string) error {
	p := utf16(propertyUIPolicy)
	policy := &uiPolicy{
		version: 1, flags: uiForceHigh,
		creationTitle: utf16(title), friendlyName: utf16(title), description: utf16(description),
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	for _, text := range []*uint16{policy.creationTitle, policy.friendlyName, policy.description} {
		pin.Pin(text)
	}
	err := call(procSetProperty, uintptr(o), uintptr(unsafe.Pointer(p)),
		uintptr(unsafe.Pointer(policy)), unsafe.Sizeof(*policy), 0)
	return err
}

// exportPublic returns a BCRYPT_ECCKEY_BLOB: magic, length, x, y.
func (o object) exportPublic() ([]byte, error) {
	var blob [128]byte
	var size uint32
	kind := utf16(blobECCPublic)
	err := call(procExportKey, uintptr(o), 0, uintptr(unsafe.Pointer(kind)), 0,
		uintptr(unsafe.Pointer(&blob[0])), uintptr(len(blob)), uintptr(unsafe.Pointer(&size)), 0)
	if err != nil {
		return nil, err
	}
	return blob[:min(int(size), len(blob))], nil
}

// signHash returns r || s, 64 bytes.
func (o object) signHash(digest []byte, flags uintptr) ([]byte, error) {
	var signature [64]byte
	var size uint32
	err := call(procSignHash, uintptr(o), 0, uintptr(unsafe.Pointer(&digest[0])), uintptr(len(digest)),
		uintptr(unsafe.Pointer(&signature[0])), uintptr(len(signature)), uintptr(unsafe.Pointer(&size)), flags)
	if err != nil {
		return nil, err
	}
	if size != uint32(len(signature)) {
		return nil, fmt.Errorf("signature has %d bytes", size)
	}
	return signature[:], nil
}
