package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/nod-auth/nod/shared/client/device"
	"github.com/nod-auth/nod/shared/protocol"
)

// measureStreams opens idle device streams, one per device, and reports what each costs the server in memory.
func measureStreams(ctx context.Context, o options, dir string) error {
	s, err := start(ctx, o.nodd, dir)
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }()
	client, err := device.New(device.Params{Server: s.url, HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}})
	if err != nil {
		return err
	}
	phones, err := s.enrollMany(ctx, client, o.streams)
	if err != nil {
		return err
	}
	time.Sleep(3 * time.Second) // let the enrollments' garbage go
	before, err := s.resident()
	if err != nil {
		return err
	}
	conns, err := s.openAll(phones)
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	if err != nil {
		return err
	}
	time.Sleep(3 * time.Second)
	after, err := s.resident()
	if err != nil {
		return err
	}
	line("idle_streams", float64(len(conns)), "streams")
	line("resident_before", float64(before)/1e6, "MB")
	line("resident_after", float64(after)/1e6, "MB")
	line("kib_per_idle_stream", float64(after-before)/1024/float64(len(conns)), "KiB")
	return nil
}

func (s *server) enrollMany(ctx context.Context, client *device.Client, n int) ([]*phone, error) {
	phones := make([]*phone, n)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var first error
	const workers = 32
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				p, err := s.enroll(ctx, fmt.Sprintf("idle-%d", i), client)
				if err != nil {
					mu.Lock()
					first = err
					mu.Unlock()
					return
				}
				phones[i] = p
			}
		})
	}
	wg.Wait()
	return phones, first
}

// openAll opens one stream per phone on a bare connection, so that this process stays small.
func (s *server) openAll(phones []*phone) ([]net.Conn, error) {
	address := strings.TrimPrefix(s.url, "http://")
	nonce := ""
	var conns []net.Conn
	for _, p := range phones {
		c, next, err := s.openOne(address, p, nonce)
		if err != nil {
			return conns, err
		}
		if c == nil { // the first answer of each minute or so is a new nonce
			if c, next, err = s.openOne(address, p, next); err != nil || c == nil {
				return conns, fmt.Errorf("open a stream: %w", err)
			}
		}
		nonce = next
		conns = append(conns, c)
	}
	return conns, nil
}

func (s *server) openOne(address string, p *phone, nonce string) (net.Conn, string, error) {
	const path = "/device/v1/events"
	proof, err := protocol.Sign(p.key, &protocol.Proof{Issuer: p.id, ID: protocol.RandomText(16), IssuedAt: protocol.At(time.Now()), Method: "GET", URL: s.url + path, Nonce: nonce})
	if err != nil {
		return nil, "", err
	}
	c, err := net.Dial("tcp", address) //nolint:noctx // loopback
	if err != nil {
		return nil, "", err
	}
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\nDPoP: %s\r\n\r\n", path, address, proof); err != nil {
		return nil, "", err
	}
	r, err := http.ReadResponse(bufio.NewReaderSize(c, 2048), nil) //nolint:bodyclose // the stream stays open
	if err != nil {
		return nil, "", err
	}
	next := r.Header.Get("DPoP-Nonce")
	if r.StatusCode == http.StatusOK {
		return c, next, nil
	}
	_ = c.Close()
	if r.StatusCode != http.StatusUnauthorized {
		return nil, "", fmt.Errorf("the stream answered %s", r.Status)
	}
	return nil, next, nil
}
