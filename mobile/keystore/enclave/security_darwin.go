package enclave

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/nod-auth/nod/mobile/keystore"
)

// ref is any Core Foundation reference.
type ref uintptr

// security holds the functions and constants used, by their Apple names.
type security struct {
	keyCreateRandomKey           func(parameters ref, err *ref) ref
	keyCopyPublicKey             func(key ref) ref
	keyCopyExternal              func(key ref, err *ref) ref
	keyCreateSignature           func(key, algorithm, data ref, err *ref) ref
	accessControlCreateWithFlags func(allocator, protection ref, flags uint64, err *ref) ref
	itemCopyMatching             func(query ref, result *ref) int32
	itemDelete                   func(query ref) int32
	dictionaryCreateMutable      func(allocator ref, capacity int, keys, values ref) ref
	dictionarySetValue           func(dictionary, key, value ref)
	numberCreate                 func(allocator ref, kind int, value *int32) ref
	dataCreate                   func(allocator ref, bytes *byte, length int) ref
	dataGetLength                func(data ref) int
	dataGetBytes                 func(data ref, from, length int, buffer *byte)
	stringCreate                 func(allocator ref, bytes *byte, length int, encoding uint32, external bool) ref
	errorGetCode                 func(err ref) int
	release                      func(ref)

	libraries [2]uintptr
	constants map[string]ref
}

// Flags of SecAccessControl.h, kinds of CFNumber.h, encodings of CFString.h.
const (
	accessUserPresence    = 1 << 0
	accessPrivateKeyUsage = 1 << 30
	numberSInt32          = 3
	encodingUTF8          = 0x08000100
)

// values are constants that hold a reference; tables are structures whose
// address is the value.
var (
	values = []string{
		"kSecClass", "kSecClassKey", "kSecAttrKeyType", "kSecAttrKeyTypeECSECPrimeRandom",
		"kSecAttrKeySizeInBits", "kSecAttrTokenID", "kSecAttrTokenIDSecureEnclave", "kSecPrivateKeyAttrs",
		"kSecAttrIsPermanent", "kSecAttrApplicationTag", "kSecAttrAccessControl", "kSecReturnRef",
		"kSecUseDataProtectionKeychain", "kSecUseOperationPrompt", "kSecAttrKeyClass", "kSecAttrKeyClassPrivate",
		"kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly", "kSecAttrAccessibleWhenPasscodeSetThisDeviceOnly",
		"kSecKeyAlgorithmECDSASignatureDigestX962SHA256", "kCFBooleanTrue",
	}
	tables = []string{"kCFTypeDictionaryKeyCallBacks", "kCFTypeDictionaryValueCallBacks"}
)

// loadSecurity opens both frameworks and resolves everything named above.
func loadSecurity() (*security, error) {
	s := &security{constants: map[string]ref{}}
	for i, name := range []string{"Security", "CoreFoundation"} {
		path := "/System/Library/Frameworks/" + name + ".framework/" + name
		library, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", name, err)
		}
		s.libraries[i] = library
	}
	for name, function := range map[string]any{
		"SecKeyCreateRandomKey": &s.keyCreateRandomKey, "SecKeyCopyPublicKey": &s.keyCopyPublicKey,
		"SecKeyCopyExternalRepresentation": &s.keyCopyExternal, "SecKeyCreateSignature": &s.keyCreateSignature,
		"SecAccessControlCreateWithFlags": &s.accessControlCreateWithFlags,
		"SecItemCopyMatching":             &s.itemCopyMatching, "SecItemDelete": &s.itemDelete,
		"CFDictionaryCreateMutable": &s.dictionaryCreateMutable, "CFDictionarySetValue": &s.dictionarySetValue,
		"CFNumberCreate": &s.numberCreate, "CFDataCreate": &s.dataCreate, "CFDataGetLength": &s.dataGetLength,
		"CFStringCreateWithBytes": &s.stringCreate, "CFErrorGetCode": &s.errorGetCode, "CFRelease": &s.release,
	} {
		address, err := s.symbol(name)
		if err != nil {
			return nil, err
		}
		purego.RegisterFunc(function, address)
	}
	for _, name := range append(values, tables...) {
		address, err := s.symbol(name)
		if err != nil {
			return nil, err
		}
		s.constants[name] = ref(address)
	}
	for _, name := range values {
		address := s.constants[name]
		// The address is C memory, so it may be read through; the detour keeps
		// vet, which cannot know that, content.
		s.constants[name] = **(**ref)(unsafe.Pointer(&address))
	}
	return s, nil
}

func (s *security) symbol(name string) (uintptr, error) {
	for _, library := range s.libraries {
		if address, err := purego.Dlsym(library, name); err == nil {
			return address, nil
		}
	}
	return 0, fmt.Errorf("this system has no %s", name)
}

// scope releases what was made in it, last first.
type scope struct {
	*security
	owned []ref
}

func (s *scope) own(r ref) ref {
	if r != 0 {
		s.owned = append(s.owned, r)
	}
	return r
}

func (s *scope) end() {
	for i := len(s.owned) - 1; i >= 0; i-- {
		s.release(s.owned[i])
	}
}

func (s *scope) data(b []byte) ref {
	if len(b) == 0 {
		return s.own(s.dataCreate(0, nil, 0))
	}
	return s.own(s.dataCreate(0, &b[0], len(b)))
}

func (s *scope) text(t string) ref {
	b := append([]byte(t), 0)
	return s.own(s.stringCreate(0, &b[0], len(t), encodingUTF8, false))
}

func (s *scope) number(n int32) ref { return s.own(s.numberCreate(0, numberSInt32, &n)) }

// dictionary maps constants' names to values.
func (s *scope) dictionary(entries map[string]ref) ref {
	d := s.own(s.dictionaryCreateMutable(0, 0, s.constants[tables[0]], s.constants[tables[1]]))
	for name, value := range entries {
		s.dictionarySetValue(d, s.constants[name], value)
	}
	return d
}

func (s *scope) bytes(data ref) []byte {
	b := make([]byte, s.dataGetLength(data))
	if len(b) > 0 {
		s.dataGetBytes(data, 0, len(b), &b[0])
	}
	return b
}

// code is an OSStatus or the code of a CFError.
type code int

// Codes of SecBase.h and, below -1 to -11, of LAError.h.
const (
	codeUserCanceled          code = -128
	codeAuthFailed            code = -25293
	codeItemNotFound          code = -25300
	codeInteractionNotAllowed code = -25308
	codeMissingEntitlement    code = -34018
	codeLAFailed              code = -1
	codeLAUserCancel          code = -2
	codeLASystemCancel        code = -4
	codeLALockout             code = -8
	codeLAAppCancel           code = -9
)

// Error shows the number, which Apple's documentation is searched by.
func (c code) Error() string { return fmt.Sprintf("OSStatus %d", int(c)) }

// failure reads and releases a CFError.
func (s *scope) failure(err ref) error {
	if err == 0 {
		return errors.New("no reason given")
	}
	return code(s.errorGetCode(s.own(err)))
}

// explain makes a code one of keystore's errors.
func explain(doing string, err error) error {
	var c code
	if err == nil {
		return nil
	}
	if !errors.As(err, &c) {
		return fmt.Errorf("%w: %s: %w", keystore.ErrUnavailable, doing, err)
	}
	switch c {
	case codeItemNotFound:
		return fmt.Errorf("%w: %s", keystore.ErrNotFound, doing)
	case codeUserCanceled, codeLAUserCancel, codeLASystemCancel, codeLAAppCancel:
		return fmt.Errorf("%w: %s", keystore.ErrCanceled, doing)
	case codeInteractionNotAllowed:
		return fmt.Errorf("%w: %s", keystore.ErrLocked, doing)
	case codeAuthFailed, codeLAFailed:
		return &keystore.PINError{TriesLeft: keystore.TriesUnknown}
	case codeLALockout:
		return &keystore.LockedOutError{}
	case codeMissingEntitlement:
		return fmt.Errorf("%w: %s: the program is not signed with a keychain access group: %w", keystore.ErrUnavailable, doing, err)
	default:
		return fmt.Errorf("%w: %s: %w", keystore.ErrUnavailable, doing, err)
	}
}
