package protocol_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nod-auth/nod/shared/protocol"
)

func readDocument(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheDocumentsExamplesAreVectors(t *testing.T) {
	examples := regexp.MustCompile("(?s)<!-- vector: ([a-z]+)\\.json: ([^\n]*) -->\n```json\n(.*?)\n```").FindAllStringSubmatch(readDocument(t), -1)
	if len(examples) < 8 {
		t.Fatalf("only %d examples", len(examples))
	}
	for _, e := range examples {
		raw, err := os.ReadFile(filepath.Join("testdata/vectors", e[1]+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Vectors []struct {
				Name    string `json:"name"`
				Payload any    `json:"payload"`
			} `json:"vectors"`
		}
		if err := json.Unmarshal(raw, &file); err != nil {
			t.Fatal(err)
		}
		var shown any
		if err := json.Unmarshal([]byte(e[3]), &shown); err != nil {
			t.Errorf("%s: %v", e[2], err)
		}
		found := false
		for _, v := range file.Vectors {
			if v.Name == e[2] {
				found = true
				if want, got := asJSON(t, shortened(v.Payload)), asJSON(t, shown); want != got {
					t.Errorf("%s: the document shows\n%s\nand the vector is\n%s", e[2], got, want)
				}
			}
		}
		if !found {
			t.Errorf("there is no vector %q in %s", e[2], e[1])
		}
	}
}

// shortened cuts messages within a payload as the document does.
func shortened(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = shortened(v[name])
		}
	case []any:
		for i := range v {
			v[i] = shortened(v[i])
		}
	case string:
		if len(v) > 200 && strings.Count(v, ".") == 2 {
			return v[:12] + "..."
		}
	}
	return v
}

func TestTheDocumentNamesEveryTypeWithItsCapAndEveryCode(t *testing.T) {
	text := readDocument(t)
	for _, typ := range []protocol.Type{protocol.TypeEnrollment, protocol.TypeEnrolled, protocol.TypeApprovalProof, protocol.TypeKeyProof, protocol.TypeChallenge,
		protocol.TypeDecision, protocol.TypeUpdate, protocol.TypeProof, protocol.TypeResult, protocol.TypeKeys, protocol.TypeCheckpoint} {
		row := regexp.MustCompile(fmt.Sprintf("(?m)^\\| `%s` \\| [^|]+ \\| %d \\|", regexp.QuoteMeta(string(typ)), protocol.MaxSize(typ)))
		if !row.MatchString(text) {
			t.Errorf("no row for %s with %d bytes", typ, protocol.MaxSize(typ))
		}
	}
	for _, code := range []protocol.ErrorCode{protocol.CodeTooLarge, protocol.CodeMalformed, protocol.CodeAlgorithm, protocol.CodeCritical, protocol.CodeType, protocol.CodeUnknownKey,
		protocol.CodeSignature, protocol.CodeUnknownMember, protocol.CodeInvalid, protocol.CodeMismatch, protocol.CodeExpired, protocol.CodeEvidence, protocol.CodeInsecure, protocol.CodeRollback} {
		if !strings.Contains(text, "`"+string(code)+"`") {
			t.Errorf("the code %s is not explained", code)
		}
	}
}

func TestASecondImplementationAgreesOnEveryVector(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("skipped: no python3 on this machine")
	}
	if err := exec.Command(python, "-c", "import sys, cryptography; sys.exit(sys.version_info < (3, 10))").Run(); err != nil {
		t.Skip("skipped: python3 is older than 3.10 or lacks the package cryptography")
	}
	out, err := exec.Command(python, "-B", "testdata/interop/verify.py").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
