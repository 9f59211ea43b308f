package controlplane

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/tutti-mesh/tutti/controlplane/policy"
	"github.com/tutti-mesh/tutti/controlplane/publish"
)

// metrics are for Prometheus. All but the histogram are read off the pipeline
// when they are asked for, so that they cannot disagree with the status.
type metrics struct {
	registry *prometheus.Registry
	compile  prometheus.Histogram
	p        *pipeline
}

var (
	sidecarsDesc = prometheus.NewDesc("tutti_sidecars",
		"Sidecars by state (SYNCED, SYNCING, STALE, ERROR, NOT CONNECTED).", []string{"state"}, nil)
	pushesDesc = prometheus.NewDesc("tutti_xds_pushes_total",
		"xDS responses sent, by type (CDS, EDS, ECDS, LDS, RDS).", []string{"type"}, nil)
	nacksDesc = prometheus.NewDesc("tutti_xds_nacks_total",
		"xDS responses that sidecars refused, by type.", []string{"type"}, nil)
	policiesDesc = prometheus.NewDesc("tutti_policies",
		"Policies by the reason of their condition.", []string{"reason"}, nil)
	problemsDesc = prometheus.NewDesc("tutti_policy_problems",
		"Problems in the policies, by severity.", []string{"severity"}, nil)
	readableDesc = prometheus.NewDesc("tutti_policies_readable",
		"1 if the directory of the policies can be read.", nil, nil)
	infoDesc = prometheus.NewDesc("tutti_build_info",
		"Always 1; the version is in the label.", []string{"version"}, nil)
)

func newMetrics(p *pipeline) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		p:        p,
		compile: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "tutti_compile_seconds",
			Help:    "Time from files that were read to plans.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9),
		}),
	}
	m.registry.MustRegister(m, m.compile, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Describe is of prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{sidecarsDesc, pushesDesc, nacksDesc, policiesDesc, problemsDesc, readableDesc, infoDesc} {
		ch <- d
	}
}

// Collect is of prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	st := m.p.status()
	states := map[publish.State]int{}
	for _, s := range st.Sidecars {
		states[s.State]++
	}
	for _, s := range publish.States() {
		gauge(sidecarsDesc, float64(states[s]), string(s))
	}
	reasons := map[string]int{}
	for _, p := range st.Policies {
		reasons[p.Reason]++
	}
	for reason, n := range reasons {
		gauge(policiesDesc, float64(n), reason)
	}
	severities := map[string]int{policy.Error.String(): 0, policy.Warning.String(): 0}
	for _, p := range st.Problems {
		severities[p.Severity]++
	}
	for severity, n := range severities {
		gauge(problemsDesc, float64(n), severity)
	}
	readable := 1.0
	m.p.mu.Lock()
	if m.p.unreadable != nil {
		readable = 0
	}
	m.p.mu.Unlock()
	gauge(readableDesc, readable)
	gauge(infoDesc, 1, m.p.cfg.Version)
	counts := m.p.publisher.Counts()
	for typ, n := range counts.Pushes {
		ch <- prometheus.MustNewConstMetric(pushesDesc, prometheus.CounterValue, float64(n), typ)
	}
	for typ, n := range counts.Nacks {
		ch <- prometheus.MustNewConstMetric(nacksDesc, prometheus.CounterValue, float64(n), typ)
	}
}
