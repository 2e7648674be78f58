package config_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/nod-auth/nod/backend/internal/config"
)

var update = flag.Bool("update", false, "write the settings of docs/operations.md from the comments")

const (
	page  = "../../../docs/operations.md"
	begin = "<!-- settings: written from backend/internal/config by go generate ./internal/config -->\n"
	end   = "<!-- end of settings -->"
)

// The comments of the fields are the manual; the page repeats them word for word.
func TestOperationsPageIsCurrent(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has lost its marks", page)
	}
	want := head + begin + settings(t) + end + tail
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(text) != want {
		t.Errorf("%s is not what the comments say: run `go generate ./internal/config` in backend", page)
	}
}

func settings(t *testing.T) string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	defaults := map[string]string{}
	var printed strings.Builder
	d := config.Default()
	if err := d.Print(&printed); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(printed.String()), "\n") {
		key, value, _ := strings.Cut(line, "=")
		value, _, _ = strings.Cut(value, " #")
		defaults[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	comments := map[string]string{}
	collect(f, "Config", "", comments)
	var b strings.Builder
	b.WriteString("\n| setting | default | meaning |\n|---|---|---|\n")
	for _, key := range config.Keys() {
		text := comments[key]
		if text == "" {
			t.Errorf("setting %s has no comment", key)
		}
		value := "`" + defaults[key] + "`"
		if v := defaults[key]; v == `""` || v == "[]" {
			value = "none"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", key, value, text)
	}
	b.WriteString("\n")
	return b.String()
}

// collect gathers the field comments of a struct, and of the structs in it.
func collect(f *ast.File, name, prefix string, out map[string]string) {
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != name {
			return true
		}
		group, ok := spec.Type.(*ast.StructType)
		if !ok {
			return false
		}
		for _, field := range group.Fields.List {
			if field.Tag == nil {
				continue
			}
			key := prefix + reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("koanf")
			out[key] = strings.Join(strings.Fields(field.Doc.Text()), " ")
			if id, ok := field.Type.(*ast.Ident); ok {
				collect(f, id.Name, key+".", out)
			}
		}
		return false
	})
}
