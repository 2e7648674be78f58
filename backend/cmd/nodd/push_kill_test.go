package main

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/fakepush"
	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/shared/protocol"
)

var servingAt = regexp.MustCompile(`serving address=(\S+)`)

// child starts the real program on the test's database and returns it with its address.
func child(t *testing.T, binary, dir string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), binary, "serve", "--listen", "127.0.0.1:0", "--public-url", testkit.Issuer,
		"--data", filepath.Join(dir, "nod.db"), "--push-file", filepath.Join(dir, "push.json"))
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	found := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(log); lines.Scan(); {
			if m := servingAt.FindStringSubmatch(lines.Text()); m != nil {
				found <- m[1]
			}
		}
	}()
	select {
	case address := <-found:
		return cmd, address
	case <-time.After(20 * time.Second):
		t.Fatal("the program does not serve")
		return nil, ""
	}
}

// A challenge is committed, its wake-up is under way, and the process is killed. The next start sends it, once.
func TestAWakeupSurvivesKill9(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the real program; not in -short")
	}
	binary := filepath.Join(t.TempDir(), "nodd")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	r := newRung(t)
	r.register(protocol.PushAddress{Channel: "apns", Address: strings.Repeat("ab", 32), App: testApp})
	r.stopServer()
	r.apple.Script.All(&fakepush.Answer{Hang: true})
	first, address := child(t, binary, r.dir)
	body := `{"user_ref":"ada","transaction":"t-1","action":{"kind":"sign_in"},"ttl_seconds":300}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/v1/challenges", bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+string(r.Secret))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", protocol.RandomText(16))
	response, err := (&http.Client{}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("create gave %d", response.StatusCode)
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	if n := len(r.apple.Pushes.All()); n != 0 {
		t.Fatalf("%d pushes went out of the first process", n)
	}
	r.apple.Script.All(nil)
	second, _ := child(t, binary, r.dir)
	until(t, "the push goes out after the restart", func() bool { return len(r.apple.Pushes.All()) == 1 })
	until(t, "it is recorded", func() bool {
		_, out := r.command("deliveries")
		return strings.Contains(out, "sent")
	})
	<-time.After(3 * time.Second) // a poll of the outbox and more
	if n := len(r.apple.Pushes.All()); n != 1 {
		t.Fatalf("%d pushes went out", n)
	}
	if err := second.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = second.Wait()
}
