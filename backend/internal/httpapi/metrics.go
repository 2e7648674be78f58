package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics counts what the edge sees. Labels are operation names, status codes and problem codes: a fixed set, and nothing
// of a user, a tenant or a request.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	problems *prometheus.CounterVec
	streams  *prometheus.GaugeVec
	waits    prometheus.Gauge
}

// NewMetrics returns metrics on a registry of their own, with those of the Go runtime and the process.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "nod_http_requests_total", Help: "Answered requests."}, []string{"operation", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "nod_http_request_seconds", Help: "Time to answer, waits and streams included.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60}}, []string{"operation"}),
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "nod_problems_total", Help: "Problem documents sent."}, []string{"code"}),
		streams:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "nod_streams_open", Help: "Open event streams."}, []string{"kind"}),
		waits:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "nod_waits_open", Help: "Open long polls."}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "nod_build_info", Help: "Always 1.", ConstLabels: prometheus.Labels{"version": version}})
	info.Set(1)
	m.registry.MustRegister(m.requests, m.seconds, m.problems, m.streams, m.waits, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Register adds another collector, such as the database's.
func (m *Metrics) Register(c ...prometheus.Collector) { m.registry.MustRegister(c...) }

// Handler serves the metrics in the Prometheus text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 3})
}

func (m *Metrics) request(operation string, status int, took time.Duration) {
	if operation == "" {
		operation = "none"
	}
	m.requests.WithLabelValues(operation, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(operation).Observe(took.Seconds())
}

func (m *Metrics) problem(code string) { m.problems.WithLabelValues(code).Inc() }
