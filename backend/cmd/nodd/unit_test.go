package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	sqlite3 "github.com/mattn/go-sqlite3"

	"github.com/nod-auth/nod/backend/internal/config"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
)

// Every way a database can be wrong comes with what to do.
func TestEveryDatabaseErrorHasARemedy(t *testing.T) {
	c := &config.Config{Data: "nod.db"}
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"missing":       {sqlstore.ErrMissing, "start the server once"},
		"newer":         {sqlstore.ErrNewer, "use the newer program"},
		"older":         {sqlstore.ErrOlder, "nodd migrate"},
		"foreign":       {sqlstore.ErrForeign, "nothing was changed"},
		"full":          {fault.Wrap(fault.StorageFull, sqlite3.Error{Code: sqlite3.ErrFull}), "make room"},
		"disk full":     {syscall.ENOSPC, "make room"},
		"locked":        {fault.Wrap(fault.DatabaseBusy, sqlite3.Error{Code: sqlite3.ErrBusy}), "end the program that holds it"},
		"read-only":     {sqlite3.Error{Code: sqlite3.ErrReadonly}, "let the server's user write"},
		"not allowed":   {sqlite3.Error{Code: sqlite3.ErrPerm}, "let the server's user write"},
		"cannot open":   {sqlite3.Error{Code: sqlite3.ErrCantOpen}, "check that the path"},
		"damaged":       {sqlite3.Error{Code: sqlite3.ErrCorrupt}, "restore a backup"},
		"no database":   {sqlite3.Error{Code: sqlite3.ErrNotADB}, "restore a backup"},
		"a broken disk": {sqlite3.Error{Code: sqlite3.ErrIoErr}, "check it"},
	} {
		text, remedy := explain(explainStore(fmt.Errorf("open: %w", tc.err), c))
		if text == "" || !strings.Contains(remedy, tc.want) {
			t.Errorf("%s: %q -> %q, want %q", name, text, remedy, tc.want)
		}
	}
	if err := explainStore(nil, c); err != nil {
		t.Errorf("no error became %v", err)
	}
}

func writeCertificate(t *testing.T, dir, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A renewed certificate is taken without a restart; a broken one leaves the last good one in use.
func TestARenewedCertificateIsTaken(t *testing.T) {
	dir := t.TempDir()
	files := config.TLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	writeCertificate(t, dir, "first")
	c := &certificate{files: files}
	name := func(now time.Time) string {
		t.Helper()
		pair, err := c.get(now)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(pair.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.Subject.CommonName
	}
	now := time.Now()
	if got := name(now); got != "first" {
		t.Fatalf("certificate is %s", got)
	}
	writeCertificate(t, dir, "second")
	if err := os.Chtimes(files.Cert, now.Add(time.Hour), now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := name(now.Add(2 * time.Minute)); got != "second" {
		t.Errorf("after a renewal the certificate is %s", got)
	}
	if err := os.WriteFile(files.Cert, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := name(now.Add(4 * time.Minute)); got != "second" {
		t.Errorf("after rubbish the certificate is %s", got)
	}
	if err := checkCertificate(files); err == nil {
		t.Error("rubbish passes the check at the start")
	}
}

// syncBuffer is a buffer that a server may write while a test reads.
type syncBuffer struct {
	mu chan struct{}
	b  bytes.Buffer
}

func newSyncBuffer() *syncBuffer { return &syncBuffer{mu: make(chan struct{}, 1)} }

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu <- struct{}{}
	defer func() { <-s.mu }()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu <- struct{}{}
	defer func() { <-s.mu }()
	return s.b.String()
}

func startServer(t *testing.T, flags map[string]string) (*server, *syncBuffer) {
	t.Helper()
	if flags["data"] == "" {
		flags["data"] = filepath.Join(t.TempDir(), "nod.db")
	}
	if flags["listen"] == "" {
		flags["listen"] = "127.0.0.1:0"
	}
	c, err := config.Load(config.Sources{Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	out := newSyncBuffer()
	p := &program{In: strings.NewReader(""), Out: out, Err: out}
	s, err := p.start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s, out
}

func TestHTTPS(t *testing.T) {
	dir := t.TempDir()
	writeCertificate(t, dir, "nod")
	s, _ := startServer(t, map[string]string{"tls.cert": filepath.Join(dir, "cert.pem"), "tls.key": filepath.Join(dir, "key.pem"), "public_url": "https://localhost:8443", "metrics_listen": "127.0.0.1:0"})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	for path, want := range map[string]int{"/healthz": 200, "/metrics": 404} {
		res, err := client.Get("https://" + s.addr + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode != want || res.ProtoMajor != 2 || res.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("GET %s: %s %s %v", path, res.Proto, res.Status, res.Header)
		}
	}
	client.CloseIdleConnections()
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// Stopping while requests come loses nothing that was acknowledged and lets none hang.
func TestStoppingUnderLoad(t *testing.T) {
	data := filepath.Join(t.TempDir(), "nod.db")
	s, _ := startServer(t, map[string]string{"data": data})
	first := s.first
	base := "http://" + s.addr
	acknowledged := make(chan string, 10000)
	stopped := make(chan struct{})
	for worker := range 4 {
		go func() {
			defer func() { stopped <- struct{}{} }()
			for i := 0; ; i++ {
				ref := fmt.Sprintf("user-%d-%d", worker, i)
				req, _ := http.NewRequestWithContext(context.Background(), "POST", base+"/v1/enrollments", strings.NewReader(`{"user_ref":"`+ref+`"}`))
				req.Header.Set("Authorization", "Bearer "+string(first.Secret))
				req.Header.Set("Content-Type", "application/json")
				res, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					return // the listener is closed
				}
				_, err = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				if res.StatusCode == 201 && err == nil {
					acknowledged <- ref
				}
			}
		}()
	}
	for tick := time.NewTicker(5 * time.Millisecond); len(acknowledged) < 50; <-tick.C { // some went through
		if t.Context().Err() != nil {
			t.Fatal("the requests do not get through")
		}
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	for range 4 {
		<-stopped
	}
	close(acknowledged)
	again, _ := startServer(t, map[string]string{"data": data})
	defer func() {
		if err := again.stop(); err != nil {
			t.Error(err)
		}
	}()
	n := 0
	for ref := range acknowledged {
		n++
		if _, err := again.user(t.Context(), first.Tenant, ref); err != nil {
			t.Errorf("acknowledged and lost: %s: %v", ref, err)
		}
	}
	if again.first != nil || n < 50 {
		t.Errorf("first start again: %v; %d acknowledged", again.first != nil, n)
	}
}
