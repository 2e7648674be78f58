package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/nod-auth/nod/backend/internal/audit"
	"github.com/nod-auth/nod/backend/internal/config"
	"github.com/nod-auth/nod/backend/internal/httpapi"
	"github.com/nod-auth/nod/backend/internal/sqlstore"
)

type serveCmd struct{}

// Run serves until the process is told to end.
func (serveCmd) Run(ctx context.Context, p *program, s *settings) error {
	tuneMemory()
	c, err := s.load(p)
	if err != nil {
		return err
	}
	srv, err := p.start(ctx, c)
	if err != nil {
		return err
	}
	if srv.first != nil {
		srv.first.print(p)
	}
	srv.log.InfoContext(ctx, "serving", "address", srv.addr, "url", issuer(c), "version", version)
	select {
	case <-ctx.Done():
	case err = <-srv.failed:
	}
	return errors.Join(err, srv.stop())
}

// server is a running server. [program.start] makes it; the demo starts the very same one.
type server struct {
	*domain
	addr   string      // as listened on
	first  *firstStart // what the first start made; nil later
	api    *httpapi.API
	pushes *pushes
	http   []*http.Server
	failed chan error
	cancel context.CancelFunc
	work   sync.WaitGroup
	unlock func()
}

// The times of the listener. A request's head must come quickly; package httpapi limits its body. There is no limit on the
// whole, which would end waits and streams in the middle.
const (
	headTimeout = 10 * time.Second
	idleTimeout = 2 * time.Minute
	maxHead     = 16 << 10
)

// start opens or makes the database, and serves. ctx ends only the start.
func (p *program) start(ctx context.Context, c *config.Config) (*server, error) {
	if err := checkCertificate(c.TLS); err != nil {
		return nil, err
	}
	listener, err := listen(ctx, c.Listen)
	if err != nil {
		return nil, err
	}
	if c.PublicURL == "" && c.Listen != listener.Addr().String() { // port 0
		c.Listen = listener.Addr().String()
	}
	srv, err := p.startOn(ctx, c, listener)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return srv, nil
}

func (p *program) startOn(ctx context.Context, c *config.Config, listener net.Listener) (*server, error) {
	unlock, err := lockServing(c.Data)
	if err != nil {
		return nil, err
	}
	d, err := p.openDomain(ctx, c, openMode{create: true, migrate: true})
	if err != nil {
		unlock()
		return nil, err
	}
	if err := d.refuseBackup(ctx); err != nil {
		unlock()
		return nil, errors.Join(err, d.db.Close())
	}
	srv := &server{domain: d, addr: listener.Addr().String(), failed: make(chan error, 2), unlock: unlock}
	if err = srv.prepare(ctx, c); err == nil {
		// Last: its API key is shown by a start that succeeds, and never again.
		srv.first, err = srv.makeFirst(ctx)
		err = explainStore(err, c)
	}
	if err != nil {
		unlock()
		return nil, errors.Join(err, d.db.Close())
	}
	srv.warnReadable(ctx)
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	srv.cancel = cancel
	srv.work.Go(func() { srv.sweep(background) })
	srv.work.Go(func() { srv.sealAudit(background) })
	srv.work.Go(func() { srv.tidy(background) })
	srv.work.Go(func() { srv.pushes.runner.Run(background) })
	srv.work.Go(func() { srv.sweepPushes(background) })
	srv.serve(listener, srv.api, c)
	return srv, nil
}

// prepare builds the edge.
func (s *server) prepare(ctx context.Context, c *config.Config) (err error) {
	metrics := httpapi.NewMetrics(version)
	if err := s.preparePushes(ctx, c, metrics); err != nil {
		return err
	}
	if err := s.prepareAttestation(c); err != nil {
		return err
	}
	s.api, err = httpapi.New(ctx, httpapi.Params{PublicURL: issuer(c), Log: s.log, Now: wallClock, Bus: s.bus, Nonces: s.nonces, Metrics: metrics,
		Ready: s.db.Ping, Tenants: s.tenants, Devices: s.devices, Enrollments: s.enrollments, Challenges: s.challenges,
		Audit: sqlstore.For[httpapi.AuditReader](s.db), Users: sqlstore.For[httpapi.Directory](s.db), Proxies: c.Proxies(), HideMetrics: c.MetricsListen != ""})
	if err != nil || c.MetricsListen == "" {
		return err
	}
	l, err := listen(ctx, c.MetricsListen)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics.Handler())
	s.serve(l, mux, &config.Config{})
	s.log.InfoContext(ctx, "serving metrics", "address", l.Addr().String())
	return nil
}

// serve answers requests on a listener until stop.
func (s *server) serve(l net.Listener, h http.Handler, c *config.Config) {
	hs := &http.Server{Handler: h, ReadHeaderTimeout: headTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHead,
		ErrorLog: quiet(s.log)}
	s.http = append(s.http, hs)
	s.work.Go(func() {
		var err error
		if c.TLS.Cert == "" {
			err = hs.Serve(l)
		} else {
			hs.TLSConfig = tlsConfig(c.TLS)
			err = hs.ServeTLS(l, "", "")
		}
		if !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serve: %w", err)
		}
	})
}

// stop ends the server in order: open waits and streams are told at once, requests under way finish, the audit chain gets
// what is committed, and the database is closed last.
func (s *server) stop() error {
	started := time.Now()
	s.api.Close()
	ctx, cancel := context.WithTimeout(context.Background(), s.config.Shutdown())
	defer cancel()
	var errs []error
	for _, hs := range s.http {
		if err := hs.Shutdown(ctx); err != nil {
			errs = append(errs, failure("raise shutdown_seconds if requests need longer", "some requests did not end within %d seconds", s.config.ShutdownSeconds), hs.Close())
		}
	}
	errs = append(errs, s.api.Drain(ctx))
	s.cancel()
	s.work.Wait()
	s.bus.Close()
	errs = append(errs, s.db.Close())
	s.unlock()
	s.log.Info("stopped", "duration_ms", time.Since(started).Milliseconds())
	return errors.Join(errs...)
}

// The times of the work beside requests.
const (
	sweepEvery = time.Second
	sealEvery  = 500 * time.Millisecond
	tidyEvery  = time.Minute
	// usedKept is how long the jti of an update is remembered. Its nonce is refused within minutes (RFC 9449 section 11.1).
	usedKept = time.Hour
	oldBatch = 200
)

// sweep ends what is over: challenges and invitations whose time has come.
func (s *server) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := errors.Join(s.challenges.Sweep(ctx), s.enrollments.Sweep(ctx)); err != nil && ctx.Err() == nil {
				s.log.ErrorContext(ctx, "sweep failed; it is tried again", "error", err)
			}
		}
	}
}

// tidy deletes what is of no use any more, so that the database does not grow with every request (T19).
func (s *server) tidy(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		now := wallClock()
		err := s.db.Update(ctx, func(tx *sqlstore.Tx) error { return tx.Sweep(now, now.Add(-usedKept)) })
		if err == nil {
			err = s.sweepOld(ctx, now)
		}
		if err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "old rows can't be deleted; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sweepOld deletes in small steps, so that requests get their turn between them.
func (s *server) sweepOld(ctx context.Context, now time.Time) error {
	keep := s.config.Retention()
	for n := int64(1); keep > 0 && n > 0; {
		err := s.db.Update(ctx, func(tx *sqlstore.Tx) (err error) {
			n, err = tx.SweepOld(now.Add(-keep), oldBatch)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sealAudit chains audit events. The lock on the database makes this process the only one that does.
func (s *server) sealAudit(ctx context.Context) {
	(&audit.Sealer{Store: sqlstore.For[audit.Tx](s.db), Now: wallClock, Log: s.log, Sign: s.signHead, CheckpointEvery: checkpointEvery}).Run(ctx, sealEvery)
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, failure("another program, maybe another nodd, has this port: end it, or choose another with --listen", "%s is taken", address)
	case errors.Is(err, syscall.EACCES):
		return nil, failure("take a port above 1023, or give the program the capability CAP_NET_BIND_SERVICE", "%s may not be listened on by this user", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, failure("listen on an address of this machine, or on all with \":PORT\"", "%s is no address of this machine", address)
	}
	return nil, failure("write --listen as HOST:PORT", "cannot listen on %s: %w", address, err)
}
