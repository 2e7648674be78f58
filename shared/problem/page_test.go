package problem_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/nod-auth/nod/shared/problem"
)

var update = flag.Bool("update", false, "write docs/errors.md from the registry")

const pagePath = "../../docs/errors.md"

// The page is generated, so that it cannot lag behind the registry: go generate ./problem, in shared.
func TestErrorsPageIsCurrent(t *testing.T) {
	want := page()
	if *update {
		if err := os.WriteFile(pagePath, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(pagePath)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the registry says: run `go generate ./problem` in shared", pagePath)
	}
}

func page() []byte {
	var b bytes.Buffer
	b.WriteString(`# Errors

<!-- Written by: cd shared && go generate ./problem. Edit shared/problem/registry.go instead. -->

Every error is a problem document (RFC 9457), ` + "`application/problem+json`" + `:

` + "```json" + `
{
  "type": "urn:nod:problem:validation_failed",
  "title": "Validation failed",
  "status": 400,
  "detail": "The request does not match the API's description.",
  "code": "validation_failed",
  "request_id": "5mZ0rY3WbVQ1kS8t",
  "errors": [{"pointer": "#/details/0/label", "detail": "is required"}]
}
` + "```" + `

Branch on ` + "`code`" + `. Texts may change and are not for end users. ` + "`request_id`" + ` finds the request in the server's log; it is
also in the header ` + "`X-Request-Id`" + `. Where waiting helps there is a header ` + "`Retry-After`" + `, in seconds.
[openapi.yaml](openapi.yaml) lists the codes of each operation under ` + "`x-problems`" + `.

| code | status | meaning | what to do |
|---|---|---|---|
`)
	for _, e := range problem.Registry() {
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", e.Code, e.Status, cell(e.Detail), cell(e.Remedy))
	}
	return b.Bytes()
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
