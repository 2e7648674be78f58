package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nod-auth/nod/backend/internal/delivery/pushbench"
	fake "github.com/nod-auth/nod/backend/internal/fakepush/webpush"
	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/client/device"
	"github.com/nod-auth/nod/shared/protocol"
)

const (
	pushTime  = 3 * time.Second // for each rate
	pushUsers = 200
	pushLanes = 8 // in flight
)

// measurePushes prints the rates of the senders through the fakes, and how long a real server takes from the
// application's POST to the push service.
func measurePushes(ctx context.Context, o options, dir string) error {
	if err := pushbench.Measure(ctx, pushTime, line); err != nil {
		return err
	}
	service, err := fake.Start("")
	if err != nil {
		return err
	}
	defer service.Close()
	arrivals := &arrivals{at: map[string]time.Time{}}
	service.Pushes.Each = arrivals.add
	file, err := pushFile(dir, service)
	if err != nil {
		return err
	}
	s, err := start(ctx, o.nodd, dir, "NOD_PUSH_FILE="+file)
	if err != nil {
		return err
	}
	waits, err := s.ring(ctx, service, arrivals)
	if err := errors.Join(err, s.stop()); err != nil {
		return err
	}
	report("create_to_push", waits, func(x sample) time.Duration { return x.toStream })
	return nil
}

// arrivals says when the push for a challenge came.
type arrivals struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (a *arrivals) add(p fake.Push) {
	var content struct {
		Challenge string `json:"challenge"`
	}
	if json.Unmarshal(p.Plaintext, &content) != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at[content.Challenge] = time.Now()
}

func (a *arrivals) of(id string) (time.Time, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.at[id]
	return at, ok
}

// pushFile lets the server call the fake on loopback.
func pushFile(dir string, service *fake.Service) (string, error) {
	raw, err := json.Marshal(map[string]any{"roots_file": "roots.pem", "webpush": map[string]any{
		"allowed_networks": []string{"127.0.0.1/32"}, "allowed_ports": []uint16{service.Port()},
	}})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "push.json")
	return path, errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(path, raw, 0o600), os.WriteFile(filepath.Join(dir, "roots.pem"), service.RootPEM, 0o600))
}

// ring enrolls users with a push address each, challenges each once, and returns the times to the push.
func (s *server) ring(ctx context.Context, service *fake.Service, arrived *arrivals) ([]sample, error) {
	client, err := device.New(device.Params{Server: s.url, HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: pushLanes}}})
	if err != nil {
		return nil, err
	}
	for i := range pushUsers {
		p, err := s.enroll(ctx, fmt.Sprint("ring-", i), client)
		if err != nil {
			return nil, err
		}
		if err := p.subscribe(ctx, s.url, service); err != nil {
			return nil, err
		}
	}
	users := make(chan string, pushUsers)
	for i := range pushUsers {
		users <- fmt.Sprint("ring-", i)
	}
	close(users)
	var mu sync.Mutex
	var waits []sample
	var errs []error
	var lanes sync.WaitGroup
	for range pushLanes {
		lanes.Go(func() {
			for user := range users {
				wait, err := s.ringOne(ctx, user, arrived)
				mu.Lock()
				waits, errs = append(waits, sample{toStream: wait}), append(errs, err)
				mu.Unlock()
			}
		})
	}
	lanes.Wait()
	return waits, errors.Join(errs...)
}

// subscribe gives the device a push address at the fake.
func (p *phone) subscribe(ctx context.Context, server string, service *fake.Service) error {
	sub, err := service.Subscribe("")
	if err != nil {
		return err
	}
	_, err = p.client.Update(ctx, func(_ context.Context, t device.Target) (string, error) {
		return protocol.Sign(p.key, &protocol.Update{Issuer: p.id, Audience: server, Tenant: p.tenant, ID: protocol.RandomText(16), IssuedAt: protocol.At(time.Now()),
			Nonce: t.Nonce, Method: t.Method, URL: t.URL, Action: protocol.UpdatePush, Push: &protocol.PushAddress{Channel: "webpush", Address: sub.Endpoint,
				P256DH: base64.RawURLEncoding.EncodeToString(sub.P256DH), Auth: base64.RawURLEncoding.EncodeToString(sub.Auth)}})
	})
	if err != nil {
		return fmt.Errorf("register a push address: %w", err)
	}
	return nil
}

// ringOne creates a challenge and waits for its push.
func (s *server) ringOne(ctx context.Context, user string, arrived *arrivals) (time.Duration, error) {
	began := time.Now()
	made, err := s.client.CreateChallenge(ctx, application.ChallengeRequest{UserRef: user, Transaction: protocol.RandomText(16), Action: protocol.Action{Kind: "sign_in"}})
	if err != nil {
		return 0, fmt.Errorf("create: %w", err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for time.Since(began) < 10*time.Second {
		if at, ok := arrived.of(string(made.ID)); ok {
			return at.Sub(began), nil
		}
		<-tick.C
	}
	return 0, errors.New("a push did not arrive")
}
