package problem_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nod-auth/nod/shared/problem"
)

func TestRegistryIsComplete(t *testing.T) {
	seen := map[problem.Code]bool{}
	for _, e := range problem.Registry() {
		if seen[e.Code] {
			t.Errorf("%s is registered twice", e.Code)
		}
		seen[e.Code] = true
		if e.Status < 400 || e.Status > 599 || e.Title == "" || e.Detail == "" || e.Remedy == "" {
			t.Errorf("%s lacks a status, title, detail or remedy", e.Code)
		}
	}
	declared := declaredCodes(t)
	for _, c := range declared {
		if !seen[c] {
			t.Errorf("%s is declared and not registered", c)
		}
	}
	if len(declared) != len(seen) {
		t.Errorf("%d codes declared, %d registered", len(declared), len(seen))
	}
}

// declaredCodes reads the constants of type Code from the source.
func declaredCodes(t *testing.T) []problem.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "code.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []problem.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for _, v := range spec.Values {
			s, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, problem.Code(s))
		}
		return false
	})
	if len(codes) < 40 {
		t.Fatalf("found only %d codes in code.go", len(codes))
	}
	return codes
}

func TestRegistryCannotBeChangedByCallers(t *testing.T) {
	problem.Registry()[0].Status = 200
	if e, _ := problem.Lookup(problem.Unauthorized); e.Status != 401 {
		t.Fatalf("status is %d", e.Status)
	}
}

func TestDocumentRoundTrip(t *testing.T) {
	p := problem.Invalid("#/details/0/label", "is required").WithCause(errors.New("canary-cause"))
	p.RequestID = "req-1"
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, must := range []string{`"type":"urn:nod:problem:validation_failed"`, `"status":400`, `"code":"validation_failed"`,
		`"request_id":"req-1"`, `"pointer":"#/details/0/label"`} {
		if !strings.Contains(string(b), must) {
			t.Errorf("%s lacks %s", b, must)
		}
	}
	if strings.Contains(string(b), "canary") {
		t.Errorf("the cause is in the document: %s", b)
	}
	var back problem.Problem
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&back, p.WithCause(nil)) {
		t.Errorf("got %+v, want %+v", back, p)
	}
}

func TestErrorNeverShowsTheCause(t *testing.T) {
	p := problem.New(problem.Internal).WithCause(errors.New("canary-cause"))
	if strings.Contains(p.Error(), "canary") {
		t.Error(p.Error())
	}
	if errors.Unwrap(p) == nil {
		t.Error("the cause is lost")
	}
}

func TestCodeOfLooksThroughWrapping(t *testing.T) {
	err := fmt.Errorf("create challenge: %w", problem.New(problem.NotFound))
	if problem.CodeOf(err) != problem.NotFound {
		t.Error(problem.CodeOf(err))
	}
	if c := problem.CodeOf(errors.New("x")); c != "" {
		t.Error(c)
	}
	if problem.From(err).Code != problem.NotFound || problem.From(errors.New("x")).Code != problem.Internal || problem.From(nil) != nil {
		t.Error("From")
	}
}

func TestUnregisteredCodeBecomesInternal(t *testing.T) {
	p := problem.New("made_up")
	if p.Code != problem.Internal || errors.Unwrap(p) == nil {
		t.Errorf("got %+v", p)
	}
}

func TestCopiesLeaveTheOriginal(t *testing.T) {
	p := problem.New(problem.LockedOut)
	q := p.WithRetryAfter(1500 * time.Millisecond).WithDetail("other")
	if q.RetryAfter != 2*time.Second || q.Detail != "other" {
		t.Errorf("got %+v", q)
	}
	if p.RetryAfter != 0 || p.Detail == "other" {
		t.Errorf("the original changed: %+v", p)
	}
	if d := p.WithRetryAfter(-time.Second).RetryAfter; d != 0 {
		t.Errorf("a negative wait became %v", d)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, doc := range map[string]string{
		"empty":                   "",
		"html":                    "<html>502 Bad Gateway</html>",
		"no code":                 `{"status":404}`,
		"status of success":       `{"status":200,"code":"internal"}`,
		"status as text":          `{"status":"404","code":"not_found"}`,
		"code with a space":       `{"status":404,"code":"not found"}`,
		"code with a line":        `{"status":404,"code":"not_found\nx"}`,
		"a very long code":        `{"status":404,"code":"` + strings.Repeat("a", 65) + `"}`,
		"over the size":           `{"status":404,"code":"not_found","detail":"` + strings.Repeat("a", problem.MaxBytes) + `"}`,
		"two documents":           `{"status":404,"code":"not_found"}{}`,
		"errors not a list":       `{"status":400,"code":"validation_failed","errors":{}}`,
		"an array, not an object": `[1]`,
	} {
		t.Run(name, func(t *testing.T) {
			if p, err := problem.Parse([]byte(doc)); err == nil {
				t.Errorf("accepted as %+v", p)
			}
		})
	}
}

func TestParseKeepsCodesOfNewerServers(t *testing.T) {
	p, err := problem.Parse([]byte(`{"status":409,"code":"something_new","extension":{"a":1}}`))
	if err != nil || p.Code != "something_new" {
		t.Fatalf("got %+v, %v", p, err)
	}
}

// The package must stay importable by domain packages, which never import HTTP.
func TestImportsNoHTTP(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, pkg := range strings.Fields(string(out)) {
		if pkg == "net" || strings.HasPrefix(pkg, "net/http") {
			t.Errorf("imports %s", pkg)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"type":"urn:nod:problem:not_found","title":"Not found","status":404,"code":"not_found","request_id":"r"}`))
	f.Add([]byte(`{"status":400,"code":"validation_failed","errors":[{"pointer":"#/a","detail":"x\u0000\u2028\ud800"}]}`))
	f.Add([]byte("{\"status\":400,\"code\":\"a\",\"detail\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := problem.Parse(b)
		if err != nil {
			return
		}
		if s := p.Error(); !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\n\r\x1b") {
			t.Errorf("not safe to log: %q", s)
		}
		out, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := problem.Parse(out)
		if len(out) > problem.MaxBytes {
			return // escaping may grow the text past the cap
		}
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("got %+v, %v; want %+v", again, err, p)
		}
	})
}
