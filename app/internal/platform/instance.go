package platform

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Links hands what a second start of the program was given to the first one:
// one running app a profile. The way is a Unix socket in the profile's folder,
// which nobody else may enter (Windows has these sockets since 10, version 1803).
//
// What comes in is outside input: an invitation's text, shown before anything is
// contacted (T37). It can raise the window and nothing else.
type Links struct {
	listener net.Listener
	path     string
}

// maxLink is the longest message, far above any invitation.
const maxLink = 8 << 10

// handoverTime is how long a running app may take to answer.
const handoverTime = 3 * time.Second

type handover struct {
	Open string `json:"open"`
}

func socketPath(profile string) string { return filepath.Join(profile, "app.sock") }

// Handover gives uri ("" raises the window only) to the app that has the profile
// open, and reports whether there was one.
func Handover(ctx context.Context, profile, uri string) bool {
	ctx, cancel := context.WithTimeout(ctx, handoverTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socketPath(profile))
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(handoverTime))
	if err := json.NewEncoder(conn).Encode(handover{Open: uri}); err != nil {
		return false
	}
	line, err := bufio.NewReader(io.LimitReader(conn, 16)).ReadString('\n')
	return err == nil && line == "ok\n"
}

// Listen takes the place of the running app. A socket that a killed one left
// behind is replaced: the caller has made sure by [Handover] that nobody answers.
func Listen(profile string) (*Links, error) {
	if err := os.MkdirAll(profile, 0o700); err != nil {
		return nil, fmt.Errorf("listen for links: %w", err)
	}
	path := socketPath(profile)
	if info, err := os.Lstat(path); err == nil && info.Mode()&(os.ModeSocket|os.ModeIrregular) != 0 {
		_ = os.Remove(path)
	}
	l, err := net.Listen("unix", path) //nolint:noctx // it opens no connection
	if err != nil {
		return nil, fmt.Errorf("listen for links: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for links: %w", err), l.Close())
	}
	return &Links{listener: l, path: path}, nil
}

// Serve calls open for each link until Close.
func (l *Links) Serve(open func(uri string)) {
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return
		}
		go l.take(conn, open)
	}
}

func (l *Links) take(conn net.Conn, open func(uri string)) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(handoverTime))
	var in handover
	if err := json.NewDecoder(io.LimitReader(conn, maxLink)).Decode(&in); err != nil {
		return
	}
	open(in.Open)
	_, _ = io.WriteString(conn, "ok\n")
}

// Close stops listening and removes the socket.
func (l *Links) Close() error { return l.listener.Close() }
