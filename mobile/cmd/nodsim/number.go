package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/shared/protocol"
)

// maxNumbers bounds a file of numbers or invitations.
const maxNumbers = 64 << 20

// numbers knows the number that a sign-in page shows: it is never sent to a device, so it must come from elsewhere.
type numbers struct {
	fixed, file, command string

	mu    sync.Mutex
	byID  map[protocol.ChallengeID]string
	plain []string // lines without a challenge, in order
	used  int      // lines of file that were read
	grown chan struct{}
	ended bool
}

func newNumbers(a *app, c *answerCommand) *numbers {
	n := &numbers{fixed: c.Number, file: c.NumberFrom, command: c.NumberCommand, byID: map[protocol.ChallengeID]string{}, grown: make(chan struct{})}
	if n.file == "-" {
		go n.follow(lines(a.stdin, a.ctx.Done()))
	}
	return n
}

// follow takes lines of standard input as they come.
func (n *numbers) follow(input <-chan string) {
	for line := range input {
		n.take(line)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended = true
	n.announce()
}

// take reads a line: NUMBER, or CHALLENGE NUMBER.
func (n *numbers) take(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch f := strings.Fields(line); len(f) {
	case 1:
		n.plain = append(n.plain, f[0])
	case 2:
		n.byID[protocol.ChallengeID(f[0])] = f[1]
	default:
		return
	}
	n.announce()
}

// announce wakes who waits for a number; the caller holds mu.
func (n *numbers) announce() {
	close(n.grown)
	n.grown = make(chan struct{})
}

var errNoNumber = errors.New("no number for this request; give --number, --number-from or --number-command")

// get waits for the number of a challenge until the challenge ends.
func (n *numbers) get(ctx context.Context, c device.Challenge) (string, error) {
	switch {
	case n.fixed != "":
		return n.fixed, nil
	case n.command != "":
		return n.ask(ctx, c)
	case n.file == "":
		return "", errNoNumber
	}
	ctx, cancel := context.WithDeadline(ctx, c.Deadline)
	defer cancel()
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for {
		if err := n.reread(); err != nil {
			return "", err
		}
		number, grown, ended := n.find(c.ID)
		if number != "" {
			return number, nil
		}
		if ended {
			return "", errNoNumber
		}
		select {
		case <-grown:
		case <-poll.C:
		case <-ctx.Done():
			return "", &exitErr{code: exitOutcome, text: "no number came before the request ended"}
		}
	}
}

func (n *numbers) find(id protocol.ChallengeID) (number string, grown <-chan struct{}, ended bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if number, ok := n.byID[id]; ok {
		delete(n.byID, id)
		return number, nil, false
	}
	if len(n.plain) > 0 {
		number, n.plain = n.plain[0], n.plain[1:]
		return number, nil, false
	}
	return "", n.grown, n.ended
}

// reread takes the complete lines that the file has gained.
func (n *numbers) reread() error {
	if n.file == "-" {
		return nil
	}
	data, err := os.ReadFile(n.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil // not written yet
	}
	if err != nil {
		return fmt.Errorf("read the number: %w", err)
	}
	list := strings.Split(string(data), "\n")
	n.mu.Lock()
	fresh := list[min(n.used, len(list)-1) : len(list)-1]
	n.used = len(list) - 1
	n.mu.Unlock()
	for _, line := range fresh {
		n.take(line)
	}
	return nil
}

// ask runs the command.
func (n *numbers) ask(ctx context.Context, c device.Challenge) (string, error) {
	ctx, cancel := context.WithDeadline(ctx, c.Deadline)
	defer cancel()
	shell, flag := "/bin/sh", "-c"
	if runtime.GOOS == "windows" {
		shell, flag = "cmd", "/C"
	}
	cmd := exec.CommandContext(ctx, shell, flag, n.command)
	cmd.Env = append(os.Environ(), "NOD_CHALLENGE="+string(c.ID), "NOD_USER="+c.User.Ref, "NOD_APPLICATION="+c.Application.Name)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("run the number command: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// readAll reads a file, or standard input for "-".
func readAll(stdin io.Reader, name string) (string, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxNumbers))
	return string(data), err
}
