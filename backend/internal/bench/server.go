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
	cmd.Env = append(append(os.Environ(), "NOD_LOG_LEVEL=warn"), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = io.Discard
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start nodd: %w", err)
	}
	s := &server{cmd: cmd}
	return s, errors.Join(s.connect(out))
}

// connect reads the first start's lines and makes a client.
func (s *server) connect(out io.Reader) error {
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
	url, err := s.listening()
	if err != nil {
		return err
	}
	s.url = url
	transport := &http.Transport{MaxIdleConnsPerHost: 512, MaxConnsPerHost: 0}
	s.client, err = application.New(application.Params{URL: url, Key: found["api_key"], Tenant: protocol.TenantID(found["tenant"]),
		Application: protocol.ApplicationID(found["application"]), HTTP: &http.Client{Transport: transport}})
	return err
}

// listening finds the port that the process listens on (Linux).
func (s *server) listening() (string, error) {
	for range 200 {
		if port := listenPort(s.cmd.Process.Pid); port != 0 {
			url := fmt.Sprintf("http://127.0.0.1:%d", port)
			if r, err := http.Get(url + "/readyz"); err == nil { // #nosec G107 -- loopback //nolint:noctx // a probe
				_ = r.Body.Close()
				if r.StatusCode == http.StatusOK {
					return url, nil
				}
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return "", errors.New("nodd does not listen")
}

func listenPort(pid int) int {
	inodes := map[string]bool{}
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, l := range links {
		if target, err := os.Readlink(l); err == nil && strings.HasPrefix(target, "socket:[") {
			inodes[strings.Trim(target[len("socket:"):], "[]")] = true
		}
	}
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return 0
	}
	for _, l := range strings.Split(string(table), "\n") {
		f := strings.Fields(l)
		if len(f) > 9 && f[3] == "0A" && inodes[f[9]] {
			_, hex, _ := strings.Cut(f[1], ":")
			port, _ := strconv.ParseInt(hex, 16, 32)
			return int(port)
		}
	}
	return 0
}

func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}

// cpu returns the CPU time that the server used so far.
func (s *server) cpu() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", s.cmd.Process.Pid))
	_ = b
	if err != nil {
		return 0, err
	}
	// schedstat of the process counts its main thread only; sum the threads.
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
