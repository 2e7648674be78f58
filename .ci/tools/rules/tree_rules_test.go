package rules

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestTheTopLevelHoldsOnlyWhatItShould(t *testing.T) {
	allowed := []string{
		"app", "backend", "mobile", "shared", "assets", "docs", ".ci",
		"FyneApp.toml", "go.work", "go.work.sum", "Makefile", "README.md", "LICENSE", "SECURITY.md",
		"CONTRIBUTING.md", "CHANGELOG.md", ".golangci.yml", ".gitignore", ".gitattributes",
	}
	seen := map[string]bool{}
	for _, name := range tracked(t) {
		top, _, _ := strings.Cut(name, "/")
		if !slices.Contains(allowed, top) && !seen[top] {
			t.Errorf("%s stands at the top level", top)
		}
		seen[top] = true
	}
}

func TestFoldersOfGoAreShallowAndNamedForWhatTheyOwn(t *testing.T) {
	vague := []string{"util", "utils", "common", "helper", "helpers", "types", "models", "misc"}
	seen := map[string]bool{}
	for _, s := range sources(t) {
		if seen[s.pkg] {
			continue
		}
		seen[s.pkg] = true
		parts := strings.Split(s.pkg, "/")
		if len(parts) > 4 {
			t.Errorf("%s is more than four folders below the root", s.pkg)
		}
		if last := parts[len(parts)-1]; slices.Contains(vague, last) {
			t.Errorf("%s: a package named %s owns nothing", s.pkg, last)
		}
	}
}

func TestTheChangelogHasAnUnreleasedPart(t *testing.T) {
	if !bytes.Contains(read(t, "CHANGELOG.md"), []byte("\n## [Unreleased]")) {
		t.Error("CHANGELOG.md has no part [Unreleased]")
	}
}

// What a test or a comment must not leave behind.
var leftovers = []struct {
	why     string
	pattern *regexp.Regexp
}{
	{"a skip without a reason", regexp.MustCompile(`\bt\.Skip(Now)?\(\)`)},
	{"a TODO that does not say where it is tracked", regexp.MustCompile(`//\s*TODO\s*(:\s*)?$`)},
}

func TestNothingIsLeftBehindInGoFiles(t *testing.T) {
	for _, s := range sources(t) {
		for i, line := range strings.Split(string(read(t, s.name)), "\n") {
			for _, l := range leftovers {
				if l.pattern.MatchString(line) {
					t.Errorf("%s:%d: %s", s.name, i+1, l.why)
				}
			}
		}
	}
}

func TestNoFileNamesThisMachine(t *testing.T) {
	words := machineWords(t)
	for _, name := range tracked(t) {
		base := filepath.Base(name)
		if strings.HasSuffix(base, ".sum") || base == "package-lock.json" {
			continue
		}
		text := read(t, name)
		if bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 {
			continue // not a text
		}
		for _, w := range words {
			if at := bytes.Index(text, []byte(w)); at >= 0 {
				t.Errorf("%s:%d names %q, a folder or package host of this machine", name, 1+bytes.Count(text[:at], []byte("\n")), w)
			}
		}
	}
}

// machineWords are looked up, so that none has to be named: the folder the checkout lies in, the
// home folder, and the hosts that packages come from.
func machineWords(t *testing.T) []string {
	t.Helper()
	var words []string
	// Folders that any text may name tell nothing about the machine.
	shared := []string{"/", "/tmp/", "/home/", "/usr/", "/opt/", "/srv/", "/var/", "/src/", "/usr/src/", "/root/", "/app/", "/build/"}
	dirs := []string{filepath.Dir(root())}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, home)
	}
	for _, d := range dirs {
		d = strings.TrimRight(d, "/") + "/"
		if !slices.Contains(shared, d) {
			words = append(words, d)
		}
	}
	for _, ask := range [][]string{
		{"go", "env", "GOPROXY"},
		{"npm", "config", "get", "registry"},
		{"pip", "config", "get", "global.index-url"},
		{"sh", "-c", "cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null"},
	} {
		// A program that is not here has no host to tell.
		out, _ := exec.CommandContext(t.Context(), ask[0], ask[1:]...).Output()
		for _, m := range regexp.MustCompile(`https?://([^/:\s,|]+)`).FindAllSubmatch(out, -1) {
			words = append(words, string(m[1]))
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}
