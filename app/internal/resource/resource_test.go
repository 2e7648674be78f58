package resource_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"image/color"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/test"

	"github.com/nod-auth/nod/app/internal/resource"
)

func keysOf(t *testing.T, tag string) []string {
	t.Helper()
	keys, err := resource.Keys(tag)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestEveryLanguageHasEveryTextAndNoOther(t *testing.T) {
	want := keysOf(t, "en")
	for _, l := range resource.Languages() {
		if got := keysOf(t, l.Tag); !slices.Equal(got, want) {
			t.Errorf("%s: keys differ from en: missing %v, too many %v", l.Tag, without(want, got), without(got, want))
		}
	}
}

func without(a, b []string) (out []string) {
	for _, k := range a {
		if !slices.Contains(b, k) {
			out = append(out, k)
		}
	}
	return out
}

var field = regexp.MustCompile(`\{\{\.\w+\}\}`)

func TestEveryTranslationNamesTheSameFields(t *testing.T) {
	english := textsOf(t, "en")
	for _, l := range resource.Languages() {
		for key, s := range textsOf(t, l.Tag) {
			want, got := field.FindAllString(english[key], -1), field.FindAllString(s, -1)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Errorf("%s %s: fields %v, want %v", l.Tag, key, got, want)
			}
			if strings.TrimSpace(s) == "" {
				t.Errorf("%s %s is empty", l.Tag, key)
			}
			if !resource.Covers(strings.ReplaceAll(s, "\n", "")) {
				t.Errorf("%s %s has characters that the embedded faces lack", l.Tag, key)
			}
		}
	}
}

func textsOf(t *testing.T, tag string) map[string]string {
	t.Helper()
	out, err := resource.Texts(tag)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestEveryTextIsUsedAndExists reads the source of the screens: a key that is
// asked for must exist, and a text nobody asks for must go.
func TestEveryTextIsUsedAndExists(t *testing.T) {
	literals := map[string]bool{}
	err := filepath.WalkDir("../ui", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		return collect(path, literals)
	})
	if err != nil {
		t.Fatal(err)
	}
	keys := keysOf(t, "en")
	for _, k := range keys {
		if !used(k, literals) {
			t.Errorf("no screen asks for the text %q", k)
		}
	}
	for l := range literals {
		if looksLikeKey.MatchString(l) && hasArea(l, keys) && !slices.Contains(keys, l) {
			t.Errorf("the text %q is asked for and does not exist", l)
		}
	}
}

var looksLikeKey = regexp.MustCompile(`^[a-z_]+(\.[a-z0-9_]+)+$`)

// hasArea reports whether a literal begins like a key, so that host names and
// file names are not taken for one.
func hasArea(l string, keys []string) bool {
	area, _, _ := strings.Cut(l, ".")
	return slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k, area+".") })
}

// used reports whether the key is asked for as a whole, or by a beginning that
// the screen completes ("outcome." + result + ".title").
func used(key string, literals map[string]bool) bool {
	if literals[key] {
		return true
	}
	for l := range literals {
		if strings.HasSuffix(l, ".") && len(l) > 2 && strings.HasPrefix(key, l) {
			return true
		}
		if base, ok := strings.CutSuffix(key, ".sub"); ok && l == base {
			return true
		}
	}
	return false
}

func collect(path string, into map[string]bool) error {
	src, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, src, 0)
	if err != nil {
		return err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s, err := strconv.Unquote(lit.Value); err == nil {
				into[s] = true
			}
		}
		return true
	})
	return nil
}

func TestAChosenLanguageIsUsedWhateverTheSystemSays(t *testing.T) {
	test.NewTempApp(t)
	for tag, want := range map[string]string{"de": "Freigeben", "fr": "Approuver", "es": "Aprobar", "pt": "Aprovar", "it": "Approva", "en": "Approve"} {
		if err := resource.LoadTexts(tag); err != nil {
			t.Fatal(err)
		}
		if got := resource.Text("prompt.approve"); got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
	if err := resource.LoadTexts("xx"); err == nil {
		t.Error("an unknown language was accepted")
	}
}

func TestEveryIconDrawsSomething(t *testing.T) {
	test.NewTempApp(t)
	for _, name := range resource.Icons() {
		c := software.NewTransparentCanvas()
		c.SetPadded(false)
		img := canvas.NewImageFromResource(resource.Draw(name, color.Black))
		c.SetContent(img)
		c.Resize(fyne.NewSize(48, 48))
		pix, drawn := c.Capture(), 0
		for y := range 48 {
			for x := range 48 {
				if _, _, _, a := pix.At(x, y).RGBA(); a > 0x8000 {
					drawn++
				}
			}
		}
		if drawn < 20 {
			t.Errorf("%s draws %d pixels", name, drawn)
		}
	}
}

func TestCoversKnowsTheFaces(t *testing.T) {
	for s, want := range map[string]bool{"Ada Łukasz Ñandú Ωμέγα Привет € …": true, "日本": false, "ok 😀": false, "": true} {
		if got := resource.Covers(s); got != want {
			t.Errorf("Covers(%q) = %v, want %v", s, got, want)
		}
	}
}
