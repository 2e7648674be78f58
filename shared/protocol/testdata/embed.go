// Package testdata carries the protocol's test vectors into Go programs; package vectors reads them.
package testdata

import "embed"

// Vectors holds the files of the folder vectors.
//
//go:embed vectors
var Vectors embed.FS
