package keystoretest

import (
	"os"
	"os/exec"
	"testing"
)

// RequirePlatforms is the environment variable that turns a missing platform
// service (a software TPM, a keyring daemon) from a skip into a failure. CI
// sets it to 1.
const RequirePlatforms = "NOD_REQUIRE_PLATFORMS"

// Program returns the path of a program that a platform test runs. Without it
// the test is skipped with the reason, or fails where [RequirePlatforms] is set.
func Program(t testing.TB, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv(RequirePlatforms) == "1" {
		t.Fatalf("%s=1 and %s is missing: apt-get install %s", RequirePlatforms, name, debianPackage)
	}
	t.Skipf("skipped: %s is missing (apt-get install %s)", name, debianPackage)
	return ""
}

// Dir is t.TempDir for stores that are tested under Wine as well, whose file
// system refuses the way in which Go removes files: there the clean-up is left
// to whoever made the Wine prefix.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nod-keystore")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Logf("not removed: %v", err)
		}
	})
	return dir
}
