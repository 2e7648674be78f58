package main

import (
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// check runs the checker over a module with one package made of the given files.
func check(t *testing.T, goos, goarch string, files map[string]string) error {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module example.com/phone\n\ngo 1.26\n"
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv("GOWORK", "off")
	c := checker{own: "example.com/phone", arch: goarch, fset: token.NewFileSet(), done: map[string]*types.Package{"unsafe": types.Unsafe}}
	return c.run(goos, "", []string{"./..."})
}

func TestCgoCodeOfAnotherSystemIsCheckedWithoutItsCompiler(t *testing.T) {
	const head = "package phone\n\n// #include <android/log.h>\nimport \"C\"\n\n"
	files := func(body string) map[string]string {
		return map[string]string{"phone.go": "package phone\n\nvar Name = \"\"\n", "log_android.go": head + body}
	}
	good := files("func Log(s string) { C.write(C.CString(s)) }\n")
	if err := check(t, "android", "arm64", good); err != nil {
		t.Errorf("a sound file is refused: %v", err)
	}
	bad := files("func Log(s string) int { return Name }\n")
	err := check(t, "android", "arm64", bad)
	if err == nil || !strings.Contains(err.Error(), "log_android.go") {
		t.Errorf("the mistake in log_android.go gives %v", err)
	}
	if err := check(t, "windows", "amd64", bad); err != nil {
		t.Errorf("a file for Android counts on Windows: %v", err)
	}
}

func TestCheckingNothingIsAnError(t *testing.T) {
	if err := check(t, "ios", "arm64", map[string]string{}); err == nil {
		t.Error("a pattern that matches no package passes")
	}
}
