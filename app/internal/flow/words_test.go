package flow_test

import (
	"encoding/json"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fyne.io/fyne/v2/test"

	"github.com/nod-auth/nod/app/internal/flow"
	"github.com/nod-auth/nod/app/internal/resource"
)

func textsOf(t *testing.T, tag string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("texts", tag+".json"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

var field = regexp.MustCompile(`\{\{\.\w+\}\}`)

func TestEveryLanguageHasEveryTextWithItsFields(t *testing.T) {
	english := textsOf(t, "en")
	screens, err := resource.Texts("en")
	if err != nil {
		t.Fatal(err)
	}
	for key := range english {
		if _, twice := screens[key]; twice {
			t.Errorf("%s is also a text of the screens", key)
		}
	}
	for _, l := range resource.Languages() {
		have := textsOf(t, l.Tag)
		if len(have) != len(english) {
			t.Errorf("%s has %d texts, en %d", l.Tag, len(have), len(english))
		}
		for key, want := range english {
			a, b := field.FindAllString(want, -1), field.FindAllString(have[key], -1)
			slices.Sort(a)
			slices.Sort(b)
			if strings.TrimSpace(have[key]) == "" || !slices.Equal(a, b) || !resource.Covers(have[key]) {
				t.Errorf("%s %s: %q", l.Tag, key, have[key])
			}
		}
	}
}

// TestEveryTextIsAskedForAndExists reads this package's and main's literals.
func TestEveryTextIsAskedForAndExists(t *testing.T) {
	english := textsOf(t, "en")
	screens, err := resource.Texts("en")
	if err != nil {
		t.Fatal(err)
	}
	used := literals(t, "*.go", "../../*.go")
	for key := range english {
		prefix := strings.HasPrefix(key, "lock.") // by the page's purpose
		for l := range used {
			prefix = prefix || strings.HasSuffix(l, ".") && len(l) > 3 && strings.HasPrefix(key, l)
		}
		if !used[key] && !prefix {
			t.Errorf("nothing asks for %q", key)
		}
	}
	key := regexp.MustCompile(`^(level|key|risk|when|day|prompt|kind|home|pin|phrase|add|wait|fail|account|rename|settings|diagnostics|tray|notify|lock|error|outcome|deny|forgot)\.[a-z_.]+[a-z]$`)
	for l := range used {
		if _, ok := english[l]; !ok && key.MatchString(l) && screens[l] == "" && filepath.Ext(l) != ".json" {
			t.Errorf("%q is asked for and does not exist", l)
		}
	}
}

func literals(t *testing.T, patterns ...string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			src, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			set := token.NewFileSet()
			if _, err := parser.ParseFile(set, f, src, 0); err != nil {
				t.Fatal(err)
			}
			var s scanner.Scanner
			s.Init(set.AddFile(f, set.Base(), len(src)), src, nil, 0)
			for {
				_, tok, lit := s.Scan()
				if tok == token.EOF {
					break
				}
				if text, err := strconv.Unquote(lit); tok == token.STRING && err == nil {
					out[text] = true
				}
			}
		}
	}
	return out
}

func TestAChosenLanguageIsUsed(t *testing.T) {
	test.NewTempApp(t)
	for tag, want := range map[string]string{"de": "Beenden", "fr": "Quitter", "en": "Quit"} {
		if err := flow.LoadTexts(tag); err != nil {
			t.Fatal(err)
		}
		if have := resource.Text("tray.quit"); have != want {
			t.Errorf("%s: %q", tag, have)
		}
	}
	if flow.LoadTexts("xx") == nil {
		t.Error("an unknown language was accepted")
	}
}
