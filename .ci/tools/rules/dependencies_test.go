package rules

import (
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// budget is how many modules of others each of ours may import itself, tests left out. To raise one
// is a decision: its reason belongs into the commit and the new dependency into CHANGELOG.md.
var budget = map[string]int{"shared": 2, "mobile": 8, "app": 5, "backend": 20}

// testBudget is the same for tests alone.
const testBudget = 4

func TestT40_DirectDependenciesStayWithinTheirBudget(t *testing.T) {
	all := sources(t)
	for _, m := range modules {
		var program, tests []string
		required := requirements(t, m)
		for _, s := range all {
			if !under(s.pkg, m) {
				continue
			}
			for _, imported := range s.imports {
				if !external(imported) {
					continue
				}
				dep := owner(imported, required)
				if dep == "" {
					t.Errorf("%s imports %s, which %s/go.mod does not require", s.name, imported, m)
					continue
				}
				list := &program
				if s.test {
					list = &tests
				}
				if !slices.Contains(*list, dep) {
					*list = append(*list, dep)
				}
			}
		}
		tests = slices.DeleteFunc(tests, func(dep string) bool { return slices.Contains(program, dep) })
		slices.Sort(program)
		if len(program) > budget[m] {
			t.Errorf("%s imports %d modules of others, %d are agreed: %s", m, len(program), budget[m], strings.Join(program, ", "))
		}
		if len(tests) > testBudget {
			t.Errorf("tests of %s import %d more modules of others, %d are agreed: %v", m, len(tests), testBudget, tests)
		}
	}
}

func TestT40_ModulesReplaceOnlyTheirSiblingsAndPinOneGo(t *testing.T) {
	for _, m := range modules {
		file := parseModule(t, m)
		if file.Go == nil || !strings.HasPrefix(file.Go.Version, "1.26") {
			t.Errorf("%s/go.mod is not for Go 1.26", m)
		}
		if file.Toolchain != nil {
			t.Errorf("%s/go.mod names a toolchain: it would be downloaded", m)
		}
		for _, r := range file.Replace {
			if !strings.HasPrefix(r.Old.Path, ours) || !strings.HasPrefix(r.New.Path, "../") {
				t.Errorf("%s/go.mod replaces %s by %s: only siblings may be", m, r.Old.Path, r.New.Path)
			}
		}
		if len(file.Exclude) > 0 {
			t.Errorf("%s/go.mod excludes versions: pin the one wanted", m)
		}
	}
}

func TestT40_OneVersionOfALibraryInAllModules(t *testing.T) {
	type use struct{ module, version string }
	first := map[string]use{}
	for _, m := range modules {
		for _, r := range parseModule(t, m).Require {
			if strings.HasPrefix(r.Mod.Path, ours) || r.Indirect {
				continue
			}
			if f, seen := first[r.Mod.Path]; seen && f.version != r.Mod.Version {
				t.Errorf("%s is %s in %s and %s in %s", r.Mod.Path, f.version, f.module, r.Mod.Version, m)
			} else if !seen {
				first[r.Mod.Path] = use{m, r.Mod.Version}
			}
		}
	}
}

func parseModule(t *testing.T, module string) *modfile.File {
	t.Helper()
	name := path.Join(module, "go.mod")
	file, err := modfile.Parse(name, read(t, name), nil)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func requirements(t *testing.T, module string) []string {
	t.Helper()
	var paths []string
	for _, r := range parseModule(t, module).Require {
		paths = append(paths, r.Mod.Path)
	}
	return paths
}

// owner is the required module that holds an import path, the longest that fits.
func owner(imported string, required []string) string {
	best := ""
	for _, r := range required {
		if under(imported, r) && len(r) > len(best) {
			best = r
		}
	}
	return best
}
