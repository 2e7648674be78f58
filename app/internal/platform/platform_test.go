package platform_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nod-auth/nod/app/internal/platform"
)

func TestASecondStartHandsItsLinkOver(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	if platform.Handover(t.Context(), dir, "nod://enroll?x") {
		t.Fatal("handed over to nobody")
	}
	links, err := platform.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go links.Serve(func(uri string) { got <- uri })
	if !platform.Handover(t.Context(), dir, "nod://enroll?x") {
		t.Fatal("not taken")
	}
	if uri := <-got; uri != "nod://enroll?x" {
		t.Errorf("got %q", uri)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("others may enter the profile: %v %v", info.Mode(), err)
	}
	if err := links.Close(); err != nil {
		t.Fatal(err)
	}
	if platform.Handover(t.Context(), dir, "") {
		t.Error("handed over after the end")
	}
}

func TestTheSocketOfAKilledAppIsReplaced(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "app.sock"))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = l.Close()
	links, err := platform.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	_ = links.Close()
}

func TestT37_AnOverlongOrStrangeMessageIsNoLink(t *testing.T) {
	dir := t.TempDir()
	links, err := platform.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer links.Close()
	got := make(chan string, 8)
	go links.Serve(func(uri string) { got <- uri })
	if platform.Handover(t.Context(), dir, strings.Repeat("x", 16<<10)) {
		t.Error("an overlong link was taken")
	}
	conn, err := net.Dial("unix", filepath.Join(dir, "app.sock"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write([]byte("approve everything\n"))
	_, _ = conn.Read(make([]byte, 16)) // it hangs up
	if len(got) != 0 {
		t.Errorf("taken for a link: %q", <-got)
	}
}

func TestStartingAtSignInIsAFileThatComesAndGoes(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	s := platform.New(platform.Params{Name: "Nod", ID: "test.nod", Command: []string{"/opt/my apps/nod", "--hidden", `a"b$c%d`}})
	if s.Autostart == nil {
		t.Skip("this system has no start at sign-in yet")
	}
	for _, on := range []bool{true, false, false} {
		if err := s.Autostart.Set(on); err != nil {
			t.Fatal(err)
		}
		if have, err := s.Autostart.Enabled(); err != nil || have != on {
			t.Errorf("set %t: %t %v", on, have, err)
		}
		if data, err := os.ReadFile(filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "autostart", "test.nod.desktop")); on {
			if want := `Exec="/opt/my apps/nod" "--hidden" "a\\"b\\$c%%d"`; err != nil || !strings.Contains(string(data), want) {
				t.Errorf("want %s in\n%s %v", want, data, err)
			}
		}
	}
}

func TestThisComputerHasAName(t *testing.T) {
	if n := platform.DeviceName(); n == "" || strings.Contains(n, ".") {
		t.Errorf("named %q", n)
	}
}
