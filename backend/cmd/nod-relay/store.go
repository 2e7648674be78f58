package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// subscription is all that the relay keeps about a phone. The endpoint and the management secret are kept as hashes,
// so that a stolen file lets nobody push.
type subscription struct {
	Endpoint string `json:"e"`           // SHA-256 of the endpoint's token
	Manage   string `json:"m"`           // SHA-256 of the management token
	Channel  string `json:"c,omitempty"` // empty: revoked
	Kind     string `json:"k,omitempty"`
	App      string `json:"p,omitempty"`
	Address  string `json:"a,omitempty"`
	Sender   string `json:"v,omitempty"` // VAPID key that alone may push; empty: any
	Language string `json:"l,omitempty"`
}

func (s subscription) revoked() bool { return s.Channel == "" }

// hash names a token without telling it.
func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

var errFull = errors.New("the relay is full")

// store is a journal in one file: every line is a subscription, the last line of an endpoint counts. It is read into
// memory at start, and written anew then, so that it does not grow with history. Safe for concurrent use.
type store struct {
	mu         sync.RWMutex
	file       *os.File
	byEndpoint map[string]subscription
	byManage   map[string]string // to the endpoint
	limit      int
}

// openStore reads the journal in a directory and writes it anew. A last line that a crash cut short is left out: its
// caller never had an answer.
func openStore(dir string, limit int) (*store, error) {
	s := &store{byEndpoint: map[string]subscription{}, byManage: map[string]string{}, limit: limit}
	path := filepath.Join(dir, "subscriptions.jsonl")
	if err := s.read(path); err != nil {
		return nil, fmt.Errorf("read subscriptions: %w", err)
	}
	if err := s.rewrite(path); err != nil {
		return nil, fmt.Errorf("write subscriptions: %w", err)
	}
	return s, nil
}

func (s *store) read(path string) error {
	file, err := os.Open(path) //nolint:gosec // the operator's own directory
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<10)
	for lines.Scan() {
		var sub subscription
		if json.Unmarshal(lines.Bytes(), &sub) == nil && sub.Endpoint != "" {
			s.apply(sub)
		}
	}
	return lines.Err()
}

func (s *store) rewrite(path string) error {
	next := path + ".new"
	file, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // the operator's own directory
	if err != nil {
		return err
	}
	writer := bufio.NewWriter(file)
	encoder := json.NewEncoder(writer)
	for _, sub := range s.byEndpoint {
		if err := encoder.Encode(sub); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	if err := errors.Join(writer.Flush(), file.Sync()); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := os.Rename(next, path); err != nil {
		return errors.Join(err, file.Close())
	}
	s.file = file
	return nil
}

func (s *store) apply(sub subscription) {
	if old, ok := s.byEndpoint[sub.Endpoint]; ok {
		delete(s.byManage, old.Manage)
	}
	if sub.revoked() {
		delete(s.byEndpoint, sub.Endpoint)
		return
	}
	s.byEndpoint[sub.Endpoint] = sub
	s.byManage[sub.Manage] = sub.Endpoint
}

// put writes a subscription to the disk and then into memory.
func (s *store) put(sub subscription) error {
	line, err := json.Marshal(sub)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.byEndpoint[sub.Endpoint]; !known && !sub.revoked() && len(s.byEndpoint) >= s.limit {
		return errFull
	}
	if _, err := s.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write subscription: %w", err)
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("write subscription: %w", err)
	}
	s.apply(sub)
	return nil
}

// find returns the subscription of an endpoint's token.
func (s *store) find(token string) (subscription, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	sub, ok := s.byEndpoint[hash(token)]
	return sub, ok
}

// findManaged returns the subscription of a management token.
func (s *store) findManaged(token string) (subscription, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	sub, ok := s.byEndpoint[s.byManage[hash(token)]]
	return sub, ok
}

// revoke forgets a subscription.
func (s *store) revoke(sub subscription) error {
	return s.put(subscription{Endpoint: sub.Endpoint})
}

func (s *store) close() error { return s.file.Close() }
