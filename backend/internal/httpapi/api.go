package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/nod-auth/nod/backend/internal/bus"
	"github.com/nod-auth/nod/backend/internal/challenge"
	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/enrollment"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/backend/internal/txn"
	"github.com/nod-auth/nod/shared/problem"
	"github.com/nod-auth/nod/shared/protocol"
)

// Params are what an API needs; all but the group at the end are required.
type Params struct {
	PublicURL string // the server's base URL in its one form
	Log       *slog.Logger
	Now       func() time.Time
	Bus       *bus.Bus
	Nonces    *device.Nonces
	Metrics   *Metrics
	// Ready tells why this node cannot serve, nil when it can.
	Ready func(context.Context) error

	Tenants     *tenant.Service
	Devices     *device.Service
	Enrollments *enrollment.Service
	Challenges  *challenge.Service
	Audit       txn.Store[AuditReader]
	Users       txn.Store[Directory]

	// Proxies are the networks whose X-Forwarded-For and X-Forwarded-Proto are believed.
	Proxies []netip.Prefix
	// HideMetrics takes /metrics off this listener.
	HideMetrics bool
	// Limits overrides times for tests; zero members have their defaults.
	Limits Limits
}

// Limits are the times and counts of open requests.
type Limits struct {
	Stream     time.Duration // the longest stream; 15 minutes
	Ping       time.Duration // between comments on a stream; 25 seconds
	Write      time.Duration // the longest a reader may block one write; 10 seconds
	Body       time.Duration // the longest a body may take to arrive; 30 seconds
	PerDevice  int           // streams of one device at once; one more ends the oldest; 3
	StreamsAll int           // streams of all devices at once; 15 000, under the usual limit of open files

	PerBrowser     int // waits and streams of one browser token at once; 8
	BrowsersAll    int // of all browsers; 3 000
	PerApplication int // of one application; 2 000
}

func (l Limits) withDefaults() Limits {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&l.Stream, 15*time.Minute)
	def(&l.Ping, 25*time.Second)
	def(&l.Write, 10*time.Second)
	def(&l.Body, 30*time.Second)
	count := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	count(&l.PerDevice, 3)
	count(&l.StreamsAll, 15000)
	count(&l.PerBrowser, 8)
	count(&l.BrowsersAll, 3000)
	count(&l.PerApplication, 2000)
	return l
}

// API serves the HTTP surface. It is safe for concurrent use.
type API struct {
	Params
	operations map[string]*operation
	streams    streamCount
	open       openCount
	handler    http.Handler

	closeOnce sync.Once
	closing   chan struct{}
}

var _ StrictServerInterface = (*API)(nil)

// New checks the parameters, reads the contract and builds the routes.
func New(ctx context.Context, p Params) (*API, error) {
	if p.Log == nil || p.Now == nil || p.Bus == nil || p.Nonces == nil || p.Metrics == nil || p.Ready == nil ||
		p.Tenants == nil || p.Devices == nil || p.Enrollments == nil || p.Challenges == nil || p.Audit == nil || p.Users == nil {
		return nil, errors.New("httpapi: a parameter is missing")
	}
	ops, err := operations(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	p.Limits = p.Limits.withDefaults()
	a := &API{Params: p, operations: ops, closing: make(chan struct{})}
	a.streams.open = map[protocol.DeviceID][]chan struct{}{}
	a.open.by = map[string]int{}
	routes, err := a.routes()
	if err != nil {
		return nil, err
	}
	a.handler = a.edge(routes)
	return a, nil
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Close tells every open wait and stream to end. Call it before http.Server.Shutdown, which waits for requests, and
// [API.Drain], which waits for the rest. Requests that are under way finish; new ones are answered until the listener is
// closed.
func (a *API) Close() { a.closeOnce.Do(func() { close(a.closing) }) }

// stopping tells whether Close was called.
func (a *API) stopping() bool {
	select {
	case <-a.closing:
		return true
	default:
		return false
	}
}

func shuttingDown() error {
	return problem.New(problem.ServerShuttingDown).WithRetryAfter(time.Second)
}
