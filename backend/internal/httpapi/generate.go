package httpapi

// The contract is docs/openapi.yaml. After a change run `make generate`, which has the pinned oapi-codegen on its path.
//
//go:generate cp ../../../docs/openapi.yaml spec/openapi.yaml
//go:generate oapi-codegen -config oapi-codegen.yaml spec/openapi.yaml
