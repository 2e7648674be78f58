package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/nod-auth/nod/backend/internal/device"
	"github.com/nod-auth/nod/backend/internal/tenant"
	"github.com/nod-auth/nod/shared/problem"
)

// request is what the edge knows of one request; it travels in the context.
type request struct {
	id        string
	client    netip.Addr    // the caller's address; the zero Addr when it cannot be told
	https     bool          // as the caller sees it
	operation string        // operationId, empty before routing
	actor     string        // for the log: the id of the key or device
	failed    bool          // an error was logged already
	caller    tenant.Caller // behind the application door
	device    device.Device // behind the proof door
	browser   string        // the token behind the browser door
}

type requestKey struct{}

func from(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{}
}

// edge is the outermost handler: it names the request, sets the headers every response has and catches panics.
func (a *API) edge(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := a.Now()
		info := &request{id: newRequestID()}
		info.client, info.https = a.peer(r)
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, info))
		h := w.Header()
		h.Set("X-Request-Id", info.id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if info.https {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if r.ContentLength != 0 { // also one that nobody reads: net/http does, before it answers (T19)
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(a.Limits.Body)) // an error: not a network connection
		}
		rec := &recorder{ResponseWriter: w}
		defer a.finish(rec, r, started)
		next.ServeHTTP(rec, r)
	})
}

// statusGone counts requests whose caller left before the answer; it is never sent.
const statusGone = 499

// finish ends a request: it turns a panic into a problem, and counts and logs the request.
func (a *API) finish(rec *recorder, r *http.Request, started time.Time) {
	info := from(r.Context())
	if p := recover(); p != nil {
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			a.Metrics.request(info.operation, statusGone, a.Now().Sub(started))
			panic(p)
		}
		a.logPanic(r.Context(), p)
		if rec.status == 0 {
			info.failed = true
			a.writeProblem(rec, r, problem.New(problem.Internal))
		}
	}
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	took := a.Now().Sub(started)
	a.Metrics.request(info.operation, rec.status, took)
	a.Log.DebugContext(r.Context(), "request", "request_id", info.id, "operation", info.operation, "status", rec.status,
		"duration_ms", took.Milliseconds(), "client", info.client, "actor", info.actor)
}

// newRequestID is the server's own; one from outside is never taken over, so that nobody writes into the log.
func newRequestID() string {
	var b [12]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// maxHops is how many entries of X-Forwarded-For are looked at, from the right.
const maxHops = 20

// peer tells the caller's address and whether it speaks https. The headers of a proxy count only from a trusted
// network, and of the list only the right-most address that is not itself a trusted proxy: everything left of it is
// what the caller wrote (T29). A header that cannot be read gives the peer's own address.
func (a *API) peer(r *http.Request) (client netip.Addr, https bool) {
	client, https = peerAddr(r.RemoteAddr), r.TLS != nil
	if !a.trusted(client) {
		return client, https
	}
	if p := r.Header.Values("X-Forwarded-Proto"); len(p) == 1 {
		https = https || p[0] == "https"
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= max(0, len(hops)-maxHops); i-- {
		addr, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		client = addr.Unmap().WithZone("")
		if !a.trusted(client) {
			break
		}
	}
	return client, https
}

func (a *API) trusted(addr netip.Addr) bool {
	for _, p := range a.Proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func peerAddr(remote string) netip.Addr {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// recorder remembers the status. Everything else of the connection stays reachable through Unwrap.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
