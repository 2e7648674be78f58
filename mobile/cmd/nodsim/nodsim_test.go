package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nod-auth/nod/mobile/device/devicetest"
	"github.com/nod-auth/nod/shared/protocol"
)

// call is one run of the program.
type call struct {
	t      *testing.T
	stdin  *io.PipeWriter
	lines  chan map[string]any
	done   chan int
	stderr *safeBuffer
	cancel context.CancelFunc
}

type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// start runs the program with --json in a goroutine.
func start(t *testing.T, state string, args ...string) *call {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	in, stdin := io.Pipe()
	out, stdout := io.Pipe()
	c := &call{t: t, stdin: stdin, lines: make(chan map[string]any, 1000), done: make(chan int, 1), stderr: &safeBuffer{}, cancel: cancel}
	go func() {
		code := run(ctx, append([]string{"--json", "--state", state}, args...), in, stdout, c.stderr)
		_ = stdout.Close()
		c.done <- code
	}()
	go func() {
		defer close(c.lines)
		s := bufio.NewScanner(out)
		for s.Scan() {
			var line map[string]any
			if err := json.Unmarshal(s.Bytes(), &line); err != nil {
				t.Errorf("a line is not JSON: %q", s.Text())
				continue
			}
			c.lines <- line
		}
	}()
	t.Cleanup(func() { cancel(); _ = stdin.Close(); _ = in.Close() })
	return c
}

// next returns the next event of a name.
func (c *call) next(name string) map[string]any {
	c.t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for {
		select {
		case line, ok := <-c.lines:
			if !ok {
				c.t.Fatalf("the program ended before %q: %s", name, c.stderr)
			}
			if line["event"] == name {
				return line
			}
		case <-deadline.C:
			c.t.Fatalf("no event %q: %s", name, c.stderr)
		}
	}
}

// end waits for the exit code.
func (c *call) end(want int) {
	c.t.Helper()
	for range c.lines { // what is left
	}
	if code := <-c.done; code != want {
		c.t.Errorf("exit code is %d, want %d: %s", code, want, c.stderr)
	}
}

func enrolled(t *testing.T, s *devicetest.Server, user string) (state string) {
	t.Helper()
	state = t.TempDir()
	c := start(t, state, "enroll", "--wait", "20s", s.Invite(user))
	code, _ := c.next("enrolled")["confirm_code"].(string)
	if !s.Confirm(code) {
		t.Fatalf("the server does not know the code %q", code)
	}
	c.next("active")
	c.end(exitDone)
	return state
}

func TestAnswerOnce(t *testing.T) {
	s := devicetest.New(t)
	state := enrolled(t, s, "ada")
	numbers := filepath.Join(t.TempDir(), "numbers")
	if err := os.WriteFile(numbers, []byte("47\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		args   []string
		status protocol.Status
		exit   int
	}{
		{"approve with the number", []string{"--approve", "--number", "47"}, protocol.StatusApproved, exitDone},
		{"approve with the number of a file", []string{"--approve", "--number-from", numbers}, protocol.StatusApproved, exitDone},
		{"approve with the number of a command", []string{"--approve", "--number-command", `test "$NOD_USER" = ada && echo 47`}, protocol.StatusApproved, exitDone},
		{"approve with a number that is wrong by mistake", []string{"--approve", "--number", "11"}, protocol.StatusFailed, exitNumber},
		{"a wrong number on purpose", []string{"--wrong-number", "--number", "47"}, protocol.StatusFailed, exitDone},
		{"deny", []string{"--deny"}, protocol.StatusDenied, exitDone},
		{"report", []string{"--report"}, protocol.StatusReported, exitDone},
	} {
		t.Run(tc.name, func(t *testing.T) {
			id, _ := s.Ask("ada", nil)
			start(t, state, append([]string{"answer"}, tc.args...)...).end(tc.exit)
			if status, _ := s.Status(id); status != tc.status {
				t.Errorf("the server says %s", status)
			}
		})
	}
	t.Run("sleep sees the end and answers nothing", func(t *testing.T) {
		id, _ := s.Ask("ada", nil)
		c := start(t, state, "answer", "--sleep")
		c.next("challenge")
		s.Close(id, protocol.StatusExpired)
		if e := c.next("closed"); e["status"] != "expired" {
			t.Errorf("event is %v", e)
		}
		c.end(exitDone)
	})
	t.Run("nothing came", func(t *testing.T) { start(t, state, "answer", "--deny", "--wait", "300ms").end(exitNothing) })
	t.Run("a wrong PIN", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "pin")
		if err := os.WriteFile(file, []byte("not-the-pin\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.Ask("ada", nil)
		start(t, state, "--pin-file", file, "answer", "--approve", "--number", "47").end(exitPIN)
	})
}

func TestWrongUsage(t *testing.T) {
	for name, args := range map[string][]string{
		"no way to answer": {"answer"}, "two ways": {"answer", "--deny", "--report"}, "an unknown command": {"approve"},
		"an unknown way": {"answer", "--always", "perhaps"}, "devices without invitations": {"answer", "--always", "deny", "--devices", "3"},
	} {
		t.Run(name, func(t *testing.T) { start(t, t.TempDir(), args...).end(exitUsage) })
	}
}

func TestErrorsHaveTheirExitCodes(t *testing.T) {
	s := devicetest.New(t)
	state := enrolled(t, s, "ada")
	t.Run("no account", func(t *testing.T) { start(t, t.TempDir(), "answer", "--deny").end(exitError) })
	t.Run("not an invitation", func(t *testing.T) { start(t, t.TempDir(), "enroll", "hello").end(exitError) })
	t.Run("the server is down", func(t *testing.T) {
		s.Fail(devicetest.Inbox, 100, 502)
		s.Fail(devicetest.Events, 100, 502)
		start(t, state, "status").end(exitOffline)
		s.Fail(devicetest.Inbox, 0, 0)
		s.Fail(devicetest.Events, 0, 0)
	})
	t.Run("keys are replaced and the account removed", func(t *testing.T) {
		start(t, state, "rotate").end(exitDone)
		start(t, state, "unenroll", "ada").end(exitDone)
		start(t, state, "unenroll", "ada").end(exitError)
	})
}

func TestManyDevicesInMemory(t *testing.T) {
	s := devicetest.New(t)
	const devices = 20
	var invitations strings.Builder
	users := make([]string, devices)
	for i := range users {
		users[i] = "user-" + protocol.RandomText(4)
		invitations.WriteString(s.Invite(users[i]) + "\n")
	}
	file := filepath.Join(t.TempDir(), "invitations")
	if err := os.WriteFile(file, []byte(invitations.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c := start(t, t.TempDir(), "answer", "--always", "approve", "--number-from", "-", "--devices", "20", "--invitations", file)
	for range users {
		code, _ := c.next("enrolled")["confirm_code"].(string)
		if !s.Confirm(code) {
			t.Fatal("the server does not know a code")
		}
	}
	c.next("ready")
	ids := map[protocol.ChallengeID]bool{}
	for _, user := range users {
		id, number := s.Ask(user, nil)
		ids[id] = true
		if _, err := io.WriteString(c.stdin, string(id)+" "+number+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	for range ids {
		e := c.next("outcome")
		if id, _ := e["challenge"].(string); e["outcome"] != "approved" || !ids[protocol.ChallengeID(id)] {
			t.Errorf("event is %v", e)
		}
	}
	c.cancel()
	c.end(exitDone)
}

func TestT16_EnterAloneApprovesNothing(t *testing.T) {
	s := devicetest.New(t)
	state := enrolled(t, s, "ada")
	id, number := s.Ask("ada", nil)
	c := start(t, state, "run")
	c.next("challenge")
	for _, line := range []string{"", "", "4", number} { // Enter, Enter, half a number, the number
		if status, _ := s.Status(id); status != protocol.StatusPending {
			t.Fatalf("the server says %s before the number was typed", status)
		}
		if _, err := io.WriteString(c.stdin, line+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	if e := c.next("outcome"); e["outcome"] != "approved" {
		t.Errorf("event is %v", e)
	}
	if n := s.Count(devicetest.Decide); n != 1 {
		t.Errorf("%d decisions were sent", n)
	}
	c.cancel()
	c.end(exitDone)
}

func TestThePromptShowsWhatOneJudgesBy(t *testing.T) {
	s := devicetest.New(t)
	state := enrolled(t, s, "ada")
	s.Ask("ada", func(c *protocol.Challenge) {
		c.Action = protocol.Action{Kind: "payment", Message: strings.Repeat("long words ", 20)}
		c.Details = []protocol.Detail{{Label: "Amount", Value: "1 250.00 EUR", Kind: "amount"}, {Label: "To", Value: "Bob " + strings.Repeat("x", 150), Kind: "payee"}}
		c.RiskReasons = []protocol.RiskReason{{Code: "new_city", About: "location"}}
	})
	var out, errs safeBuffer
	code := run(context.Background(), []string{"--state", state, "answer", "--deny"}, strings.NewReader(""), &out, &errs)
	text := out.String()
	if code != exitDone {
		t.Fatalf("exit code is %d: %s", code, errs.String())
	}
	for _, want := range []string{"Example Bank", "Confirm a payment", "1 250.00 EUR", "Porto, Portugal", "Firefox on Windows", "192.0.2.7", "Unusual: a new city", "Denied"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not show %q:\n%s", want, text)
		}
	}
	for _, line := range strings.Split(text, "\n") {
		if n := len([]rune(line)); n > 80 {
			t.Errorf("a line has %d characters: %q", n, line)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("it has colors although the output is no terminal")
	}
}
