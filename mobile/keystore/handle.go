package keystore

import (
	"bytes"
	"encoding/base64"
	"fmt"
)

// JoinHandle builds a handle from the kind of store that made it and that
// store's own data. Adapters call it; everybody else treats handles as opaque.
func JoinHandle(kind string, data []byte) []byte {
	return []byte(kind + ":" + base64.RawURLEncoding.EncodeToString(data))
}

// SplitHandle takes apart what [JoinHandle] built. A handle that is none gives
// [ErrNotFound]: it names no key.
func SplitHandle(handle []byte) (kind string, data []byte, err error) {
	k, encoded, ok := bytes.Cut(handle, []byte(":"))
	if !ok || len(k) == 0 || len(handle) > MaxHandle {
		return "", nil, fmt.Errorf("%w: not a key handle", ErrNotFound)
	}
	data, err = base64.RawURLEncoding.Strict().DecodeString(string(encoded))
	if err != nil || bytes.ContainsAny(encoded, "\r\n") { // the decoder skips line ends
		return "", nil, fmt.Errorf("%w: not a key handle", ErrNotFound)
	}
	return string(k), data, nil
}

// OwnHandle returns the data of a handle of the given kind; any other handle
// gives [ErrNotFound].
func OwnHandle(kind string, handle []byte) ([]byte, error) {
	k, data, err := SplitHandle(handle)
	if err != nil {
		return nil, err
	}
	if k != kind {
		return nil, fmt.Errorf("%w: handle of another store (%s)", ErrNotFound, printable(k))
	}
	return data, nil
}

// printable keeps a damaged handle's kind from spoiling a log line.
func printable(kind string) string {
	for _, c := range []byte(kind) {
		if c < '!' || c > '~' {
			return "unreadable"
		}
	}
	return kind
}
