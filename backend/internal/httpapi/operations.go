package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/nod-auth/nod/shared/problem"
)

// readyWithin bounds the check of readiness, so that a stuck database answers the load balancer too.
const readyWithin = 2 * time.Second

// operationsHandlers are the endpoints for load balancers and monitoring, and the one page for people.
func (a *API) operationsHandlers() map[string]http.Handler {
	return map[string]http.Handler{
		"/healthz": http.HandlerFunc(a.healthz),
		"/readyz":  http.HandlerFunc(a.readyz),
		"/metrics": http.HandlerFunc(a.localMetrics),
		"/enroll":  http.HandlerFunc(enrollPage),
	}
}

func (a *API) healthz(w http.ResponseWriter, r *http.Request) {
	from(r.Context()).operation = "getHealth"
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte("{\"status\":\"ok\"}\n"))
}

func (a *API) readyz(w http.ResponseWriter, r *http.Request) {
	from(r.Context()).operation = "getReadiness"
	if a.stopping() {
		a.fail(w, r, shuttingDown())
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	if err := a.Ready(ctx); err != nil {
		a.fail(w, r, problem.New(problem.DatabaseBusy).WithRetryAfter(readyWithin).WithCause(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte("{\"status\":\"ok\"}\n"))
}

// localMetrics serves metrics to loopback only; everyone else has the listener that the operator set up for them.
func (a *API) localMetrics(w http.ResponseWriter, r *http.Request) {
	info := from(r.Context())
	info.operation = "getMetrics"
	if a.HideMetrics || !info.client.IsLoopback() || r.Header.Get("X-Forwarded-For") != "" {
		a.fail(w, r, problem.New(problem.NotFound))
		return
	}
	a.Metrics.Handler().ServeHTTP(w, r)
}
