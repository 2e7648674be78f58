package rules

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// ours is the import path before every module's folder.
const ours = "github.com/nod-auth/nod/"

// modules are the folders of go.work.
var modules = []string{"app", "backend", "mobile", "shared"}

// root is the repository's folder.
var root = sync.OnceValue(func() string {
	dir, err := filepath.Abs("../../..")
	if err != nil {
		panic(err)
	}
	return dir
})

// tracked lists the files of the repository by slash-separated path: those git knows and those
// it would add, so that a rule speaks before the commit.
func tracked(t *testing.T) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root()
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("the tree is not a git checkout, so its files cannot be told from build results: %v", err)
	}
	var files []string
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		// A file deleted but not yet committed is still listed.
		if info, err := os.Lstat(filepath.Join(root(), name)); err == nil && info.Mode().IsRegular() {
			files = append(files, name)
		}
	}
	if len(files) == 0 {
		t.Fatal("git lists no file at all")
	}
	return files
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root(), name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// source is one Go file of one of our modules, parsed whatever platform it is for.
type source struct {
	name      string // path from the root
	pkg       string // path of its folder from the root, such as backend/internal/challenge
	test      bool
	generated bool
	imports   []string
	file      *ast.File
	fset      *token.FileSet
}

// parsed keeps what sources found for the tests that come after.
var parsed []source

// sources parses every Go file of our modules, once.
func sources(t *testing.T) []source {
	t.Helper()
	if parsed != nil {
		return parsed
	}
	var all []source
	for _, name := range tracked(t) {
		top, _, _ := strings.Cut(name, "/")
		if !strings.HasSuffix(name, ".go") || !slices.Contains(modules, top) || strings.Contains(name, "/testdata/") {
			continue
		}
		text := read(t, name)
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("%s does not parse: %v", name, err)
			continue
		}
		s := source{
			name: name, pkg: path.Dir(name), file: file, fset: fset,
			test:      strings.HasSuffix(name, "_test.go"),
			generated: ast.IsGenerated(file) || bytes.HasPrefix(text, []byte("// Code generated")),
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			s.imports = append(s.imports, imported)
		}
		all = append(all, s)
	}
	parsed = all
	return all
}

// under tells whether an import path or a folder is a root or below it.
func under(p, top string) bool { return p == top || strings.HasPrefix(p, top+"/") }

// external tells whether an import is neither of the standard library nor ours.
func external(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return strings.Contains(first, ".") && !strings.HasPrefix(imported, ours)
}
