package main

import (
	"crypto/tls"
	"fmt"
	"log"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/nod-auth/nod/backend/internal/config"
)

// certificate is read again when its file changes, so that a renewal needs no restart.
type certificate struct {
	files  config.TLS
	mu     sync.Mutex
	loaded *tls.Certificate
	stamp  time.Time
	looked time.Time
}

// aead are the suites of TLS 1.2 that RFC 9325 section 4.2 recommends, and the one with ChaCha20; TLS 1.3 has no others.
var aead = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

const certificateEvery = time.Minute

func tlsConfig(files config.TLS) *tls.Config {
	c := &certificate{files: files}
	return &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: aead, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.get(time.Now()) }}
}

// get returns the certificate. When the files cannot be read any more, the one that was read last stays in use.
func (c *certificate) get(now time.Time) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded != nil && now.Sub(c.looked) < certificateEvery {
		return c.loaded, nil
	}
	c.looked = now
	info, err := os.Stat(c.files.Cert)
	if err == nil && c.loaded != nil && info.ModTime().Equal(c.stamp) {
		return c.loaded, nil
	}
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		if c.loaded != nil {
			return c.loaded, nil
		}
		return nil, fmt.Errorf("load the certificate: %w", err)
	}
	c.loaded = &pair
	if info != nil {
		c.stamp = info.ModTime()
	}
	return c.loaded, nil
}

// checkCertificate reads the files once at the start, so that a wrong pair is told then.
func checkCertificate(files config.TLS) error {
	if files.Cert == "" {
		return nil
	}
	if _, err := tls.LoadX509KeyPair(files.Cert, files.Key); err != nil {
		return failure("give a PEM chain and its own key in tls.cert and tls.key", "the certificate cannot be used: %w", err)
	}
	return nil
}

// quiet takes net/http's own lines, such as failed TLS handshakes, to debug level: anyone can cause them.
func quiet(l *slog.Logger) *log.Logger { return slog.NewLogLogger(l.Handler(), slog.LevelDebug) }
