package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nod-auth/nod/backend/internal/config"
	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/delivery/apns"
	"github.com/nod-auth/nod/backend/internal/delivery/credentials"
	pushhook "github.com/nod-auth/nod/backend/internal/delivery/webhook"
	"github.com/nod-auth/nod/backend/internal/delivery/webpush"
	"github.com/nod-auth/nod/backend/internal/guard"
	"github.com/nod-auth/nod/backend/internal/httpapi"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
	"github.com/nod-auth/nod/backend/internal/webhook"
	"github.com/nod-auth/nod/shared/protocol"
)

// Old deliveries are deleted: a week is long enough to find out why a phone stayed silent.
const (
	keepDeliveries  = 7 * 24 * time.Hour
	sweepDeliveries = time.Hour
	sweepBatch      = 1000
)

// newSenders makes a sender for each app of the push file, and those for WebPush and webhooks, which need no file.
func (d *domain) newSenders() (*delivery.Senders, error) {
	file, err := loadPushFile(d.config)
	if err != nil {
		return nil, err
	}
	senders := &delivery.Senders{}
	for _, add := range []func(*delivery.Senders, credentials.File) error{addAPNs, addFCM} {
		if err := add(senders, file); err != nil {
			return nil, withRemedy(err, "docs/push.md shows where the keys come from")
		}
	}
	client := guarded(file)
	key, err := webpush.KeyFromSeed(d.sealer.Derive("vapid"))
	if err != nil {
		return nil, err
	}
	web, err := webpush.New(webpush.Params{Key: key, Contact: contact(d.config, file), Now: wallClock, Client: client})
	if err != nil {
		return nil, err
	}
	hook, err := pushhook.New(d.webhooks(client), webhook.NewSender(client, "nod/"+version, wallClock), wallClock)
	if err != nil {
		return nil, err
	}
	senders.Add(delivery.WebPush, "", web)
	senders.Add(delivery.Webhook, "", hook)
	return senders, nil
}

// vapid is the public half of the key that signs WebPush messages.
func (d *domain) vapid() (*protocol.JWK, error) {
	key, err := webpush.KeyFromSeed(d.sealer.Derive("vapid"))
	if err != nil {
		return nil, err
	}
	public, err := protocol.NewJWK(&key.PublicKey)
	return &public, err
}

// loadPushFile reads the push file, if there is one.
func loadPushFile(c *config.Config) (credentials.File, error) {
	if c.PushFile == "" {
		return credentials.File{}, nil
	}
	file, err := credentials.Load(c.PushFile)
	if err != nil {
		return file, withRemedy(err, "docs/push.md shows the file")
	}
	return file, nil
}

// guarded is the client for every URL that someone else supplied (T21).
func guarded(file credentials.File) *guard.Client {
	return guard.New(guard.Params{Ports: file.WebPush.AllowedPorts, Allowed: file.WebPush.AllowedNetworks, Roots: file.Roots})
}

// webhooks is the directory of the integrators' endpoints.
func (d *domain) webhooks(client *guard.Client) *webhook.Directory {
	return &webhook.Directory{Store: sqlstore.For[webhook.Tx](d.db), Sealer: d.sealer, CheckURL: client.CheckURL, Now: wallClock}
}

// contact is where a push service reaches the operator (RFC 8292 section 2.1).
func contact(c *config.Config, file credentials.File) string {
	switch {
	case file.WebPush.Contact != "":
		return file.WebPush.Contact
	case strings.HasPrefix(c.PublicURL, "https://"):
		return c.PublicURL
	}
	return "mailto:operator@localhost"
}

// addAPNs makes one client for each key and environment, since Apple limits how often a key's token is renewed.
func addAPNs(senders *delivery.Senders, file credentials.File) error {
	clients := map[string]*apns.Client{}
	for _, a := range file.APNs {
		id := strings.Join([]string{a.TeamID, a.KeyID, a.Environment, a.Host}, "/")
		if clients[id] == nil {
			client, err := apns.New(apns.Params{KeyP8: a.Key, KeyID: a.KeyID, TeamID: a.TeamID, Sandbox: a.Environment == delivery.KindSandbox,
				Host: a.Host, Roots: file.Roots})
			if err != nil {
				return fmt.Errorf("app %s: %w", a.BundleID, err)
			}
			clients[id] = client
		}
		senders.Add(delivery.APNs, delivery.APNsApp(a.BundleID, a.Environment), clients[id].App(a.BundleID))
	}
	return nil
}

// pushes are the wake-ups of a running server.
type pushes struct {
	runner   *delivery.Runner
	attempts *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	waited   *prometheus.HistogramVec
}

// preparePushes joins the outbox, the senders and the challenges.
func (s *server) preparePushes(ctx context.Context, c *config.Config, metrics *httpapi.Metrics) error {
	// The lock on the database makes this process the only sender.
	if err := s.db.ReleaseLeases(ctx); err != nil {
		return explainStore(err, c)
	}
	senders, err := s.newSenders()
	if err != nil {
		return err
	}
	buckets := []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 90}
	p := &pushes{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "nod_push_attempts_total", Help: "Attempts to wake a device."}, []string{"channel", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "nod_push_attempt_seconds", Help: "Time a push service took to answer.", Buckets: buckets},
			[]string{"channel"}),
		waited: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "nod_push_wait_seconds", Help: "Time from a challenge's creation to an attempt.", Buckets: buckets},
			[]string{"channel"}),
	}
	metrics.Register(p.attempts, p.seconds, p.waited)
	p.runner, err = delivery.NewRunner(delivery.RunnerParams{Store: s.db.Outbox(), Senders: senders, Logger: s.log, Observe: p.observe, Now: wallClock})
	if err != nil {
		return err
	}
	s.challenges.Queued = p.runner.Poke
	s.pushes = p
	return nil
}

func (p *pushes) observe(job delivery.Job, a delivery.Attempt) {
	channel := string(a.Channel)
	p.attempts.WithLabelValues(channel, string(a.Outcome)).Inc()
	p.seconds.WithLabelValues(channel).Observe(a.Latency.Seconds())
	p.waited.WithLabelValues(channel).Observe(max(0, a.StartedAt.Sub(job.CreatedAt)).Seconds())
}

// sweepPushes deletes old deliveries until ctx ends.
func (s *server) sweepPushes(ctx context.Context) {
	tick := time.NewTicker(sweepDeliveries)
	defer tick.Stop()
	for {
		var n int64
		err := s.db.Update(ctx, func(tx *sqlstore.Tx) (err error) {
			n, err = tx.SweepDeliveries(wallClock().Add(-keepDeliveries), sweepBatch)
			return err
		})
		if err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "old deliveries can't be deleted; it is tried again", "error", err)
		}
		if n == sweepBatch {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
