// Package fakepush holds what the fake push services share: a TLS server with HTTP/2 and a certificate of its own, a
// script of failures, and a record of what was accepted.
//
// The fakes check what the real services check and answer in their words, so that the real client libraries can be
// tested over real connections, and so that an integrator can develop without an Apple or Google account. They listen
// on loopback and are no part of a production server.
package fakepush

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Server is a running fake.
type Server struct {
	// URL is the base, such as "https://127.0.0.1:43001".
	URL string
	// Roots trusts the server's certificate and nothing else.
	Roots *x509.CertPool
	// RootPEM is the same certificate as a file's content.
	RootPEM []byte

	http *http.Server
}

// Start serves handler over TLS with HTTP/2 on address ("" means a free port of loopback) until Close.
func Start(address string, handler http.Handler) (*Server, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	certificate, rootPEM, err := selfSigned(time.Now())
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(rootPEM)
	s := &Server{
		URL: "https://" + listener.Addr().String(), Roots: roots, RootPEM: rootPEM,
		http: &http.Server{
			Handler: handler, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
			TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}},
			HTTP2:     &http.HTTP2Config{MaxConcurrentStreams: 1000},
		},
	}
	go func() {
		if err := s.http.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			_ = listener.Close()
		}
	}()
	return s, nil
}

// Port is the port of URL.
func (s *Server) Port() uint16 {
	address, err := netip.ParseAddrPort(strings.TrimPrefix(s.URL, "https://"))
	if err != nil {
		return 0
	}
	return address.Port()
}

// Close ends the server and every open connection at once.
func (s *Server) Close() { _ = s.http.Close() }

func selfSigned(now time.Time) (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{ // with a name of its own: OpenSSL finds a root by its name
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: fmt.Sprint("fake push service ", now.UnixNano())},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// Answer is a scripted answer of a fake. The zero value means "behave".
type Answer struct {
	Status     int
	Body       string
	RetryAfter string        // the header's value
	Delay      time.Duration // wait before anything else; ends early with the request
	Hang       bool          // never answer
	Cut        bool          // close the connection without an answer
}

// Script decides which requests fail. It is safe for concurrent use.
type Script struct {
	mu        sync.Mutex
	next      []Answer
	byAddress map[string]Answer
	all       *Answer
}

// Next makes the next requests, whatever their address, answer like this, one each.
func (s *Script) Next(answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, answers...)
}

// For makes every request for one address answer like this.
func (s *Script) For(address string, answer Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byAddress == nil {
		s.byAddress = map[string]Answer{}
	}
	s.byAddress[address] = answer
}

// All makes every request answer like this until All(nil).
func (s *Script) All(answer *Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = answer
}

// Play carries out what is scripted for a request. It returns false when the fake should behave.
func (s *Script) Play(w http.ResponseWriter, r *http.Request, address string) bool {
	answer := s.take(address)
	if answer.Delay > 0 {
		select {
		case <-time.After(answer.Delay):
		case <-r.Context().Done():
		}
	}
	switch {
	case answer.Hang:
		<-r.Context().Done()
		return true
	case answer.Cut:
		panic(http.ErrAbortHandler)
	case answer.Status == 0:
		return false
	}
	if answer.RetryAfter != "" {
		w.Header().Set("Retry-After", answer.RetryAfter)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.Status)
	_, _ = io.WriteString(w, answer.Body)
	return true
}

func (s *Script) take(address string) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer, ok := s.byAddress[address]; ok {
		return answer
	}
	if s.all != nil {
		return *s.all
	}
	if len(s.next) == 0 {
		return Answer{}
	}
	answer := s.next[0]
	s.next = s.next[1:]
	return answer
}

// Record keeps what a fake accepted. It is safe for concurrent use.
type Record[T any] struct {
	// Each, if set before the first request, is told of everything that is accepted, one after the other.
	Each func(T)

	mu   sync.Mutex
	list []T
	off  bool
}

// Add appends one accepted request.
func (r *Record[T]) Add(v T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.off {
		return
	}
	r.list = append(r.list, v)
	if r.Each != nil {
		r.Each(v)
	}
}

// All returns a copy of what was accepted, in order of arrival.
func (r *Record[T]) All() []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]T(nil), r.list...)
}

// Off stops recording, for benchmarks.
func (r *Record[T]) Off() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.off, r.list = true, nil
}
