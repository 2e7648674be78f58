package software

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"

	"github.com/nod-auth/nod/mobile/keystore"
)

// CheapParams opens a file at the least cost, with a hand on its writes.
func CheapParams(dir string, secret string, wrap func(io.Writer) io.Writer, after func(string)) Params {
	return Params{
		Dir:    dir,
		Source: &passphrase{secret: []byte(secret), cost: simulationCost},
		cost:   simulationCost,
		hook:   func(d *disk) { d.wrap, d.after = wrap, after },
	}
}

// Recheck puts a right checksum behind a changed file.
func Recheck(data []byte) []byte {
	if len(data) < sha256.Size {
		return data
	}
	data = bytes.Clone(data[:len(data)-sha256.Size])
	sum := sha256.Sum256(data)
	return append(data, sum[:]...)
}

var (
	errTest = errors.New("does not fit")
	testPIN = keystore.Verification{PIN: []byte("831947")}
)
