package keystoretest

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Tap is a Unix socket that passes everything on to another and remembers it.
type Tap struct {
	// Socket is the path to connect to.
	Socket string

	mu   sync.Mutex
	seen bytes.Buffer
}

// TapUnix puts a tap before the socket at target until the test ends.
func TapUnix(t testing.TB, target string) *Tap {
	t.Helper()
	dir, err := os.MkdirTemp("", "nod-tap")
	if err != nil {
		t.Fatal(err)
	}
	tap := &Tap{Socket: filepath.Join(dir, "s")}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", tap.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = listener.Close()
		_ = os.RemoveAll(dir)
	})
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go tap.pass(t.Context(), c, target)
		}
	}()
	return tap
}

// Seen returns a copy of all bytes so far, both directions.
func (p *Tap) Seen() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.seen.Bytes())
}

// Write implements io.Writer.
func (p *Tap) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen.Write(b)
}

func (p *Tap) pass(ctx context.Context, client net.Conn, target string) {
	defer func() { _ = client.Close() }()
	server, err := new(net.Dialer).DialContext(ctx, "unix", target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	go func() {
		_, _ = io.Copy(io.MultiWriter(server, p), client)
		_ = server.Close()
	}()
	_, _ = io.Copy(io.MultiWriter(client, p), server)
}
