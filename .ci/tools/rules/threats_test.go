package rules

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	threatTest = regexp.MustCompile(`\bTestT[0-9]{2}(_[A-Za-z0-9_]+)?\b`)
	threatRow  = regexp.MustCompile(`(?m)^\|\s*\**T([0-9]{1,2})\**\s*\|`)
)

func TestEveryThreatTestIsInTheModelAndEveryClaimHasItsTest(t *testing.T) {
	model, err := os.ReadFile(filepath.Join(root(), "docs/threat-model.md"))
	if err != nil {
		t.Skipf("there is no threat model to compare with: %v", err)
	}
	rows := map[string]bool{}
	for _, m := range threatRow.FindAllStringSubmatch(string(model), -1) {
		rows["TestT"+strings.Repeat("0", 2-len(m[1]))+m[1]] = true
	}
	if len(rows) == 0 {
		t.Fatal("docs/threat-model.md has no row that begins with | Tn |")
	}
	tests := threatTests(t)
	for _, claimed := range threatTest.FindAllString(string(model), -1) {
		full := strings.Contains(claimed, "_")
		found := slices.ContainsFunc(tests, func(name string) bool {
			return name == claimed || !full && strings.HasPrefix(name, claimed+"_")
		})
		if !found {
			t.Errorf("docs/threat-model.md names %s, which is no test", claimed)
		}
	}
	for _, name := range tests {
		number, _, _ := strings.Cut(name, "_")
		if !rows[number] {
			t.Errorf("%s proves a threat that docs/threat-model.md does not list", name)
		}
	}
}

// threatTests lists the test functions of all modules, and of this one, that carry a threat's number.
func threatTests(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && f.Recv == nil && threatTest.MatchString(f.Name.Name) {
				names = append(names, f.Name.Name)
			}
		}
	}
	own, err := filepath.Glob(filepath.Join(root(), ".ci/tools/rules/*_test.go"))
	if err != nil || len(own) == 0 {
		t.Fatalf("found no tests of these rules: %v", err)
	}
	for _, name := range own {
		for _, m := range regexp.MustCompile(`(?m)^func (TestT[0-9]{2}_\w+)`).FindAllSubmatch(read(t, ".ci/tools/rules/"+filepath.Base(name)), -1) {
			names = append(names, string(m[1]))
		}
	}
	return names
}
