package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/protocol"
)

// build makes a stripped server binary, as it is shipped.
func build(ctx context.Context, dir string) (string, error) {
	out := filepath.Join(dir, "nodd")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, "github.com/nod-auth/nod/backend/cmd/nodd")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build nodd: %w", err)
	}
	return out, nil
}

// server is a running nodd and what its first start printed.
type server struct {
	cmd    *exec.Cmd
	url    string
	client *application.Client
}

func start(ctx context.Context, nodd, dir string, env ...string) (*server, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, nodd, "serve", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "nod.db"))
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	log, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start nodd: %w", err)
	}
	s := &server{cmd: cmd}
	return s, s.connect(out, log)
}

// connect reads the first start's lines and makes a client.
func (s *server) connect(out, log io.Reader) error {
	found := map[string]string{}
	scan := bufio.NewScanner(out)
	for len(found) < 3 && scan.Scan() {
		if f := strings.Fields(scan.Text()); len(f) >= 2 && (f[0] == "tenant" || f[0] == "application" || f[0] == "api_key") {
			found[f[0]] = f[1]
		}
	}
	if len(found) < 3 {
		return errors.New("nodd printed no API key: does it start?")
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	url, err := listening(log)
	if err != nil {
		return err
	}
	s.url = url
	transport := &http.Transport{MaxIdleConnsPerHost: 512, MaxConnsPerHost: 0}
	s.client, err = application.New(application.Params{URL: url, Key: found["api_key"], Tenant: protocol.TenantID(found["tenant"]),
		Application: protocol.ApplicationID(found["application"]), HTTP: &http.Client{Transport: transport}})
	return err
}

// listening reads the log until the server says where it listens, and lets the rest of it go.
func listening(log io.Reader) (string, error) {
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), " msg=serving address="); ok {
			address, _, _ := strings.Cut(rest, " ")
			go func() { _, _ = io.Copy(io.Discard, log) }()
			return "http://" + address, nil
		}
	}
	return "", errors.New("nodd does not listen")
}

func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}

// cpu returns the CPU time that the server used so far.
func (s *server) cpu() (time.Duration, error) {
	// schedstat of the process counts its main thread only: sum the threads.
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var total time.Duration
	for _, t := range tasks {
		b, err := os.ReadFile(t) // #nosec G304 -- our own child's
		if err != nil {
			return 0, err
		}
		ns, err := strconv.ParseInt(strings.Fields(string(b))[0], 10, 64)
		if err != nil {
			return 0, err
		}
		total += time.Duration(ns)
	}
	return total, nil
}

// resident returns the server's resident memory in bytes.
func (s *server) resident() (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
