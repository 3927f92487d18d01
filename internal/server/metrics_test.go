package server

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/internal/mirror"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// counts are the values of a registry that are not 0, by name and labels; of a
// histogram how often something was observed.
func counts(t *testing.T, r prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			if v := m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount()); v != 0 {
				all[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = v
			}
		}
	}
	return all
}

// grew is what came since before, a line each.
func grew(before, after map[string]float64) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if d := after[name] - before[name]; d != 0 {
			lines = append(lines, fmt.Sprintf("%s %g", strings.TrimPrefix(name, "mirrord_"), d))
		}
	}
	return strings.Join(lines, "\n")
}

// TestCounters: each way of answering counts the same things.
func TestCounters(t *testing.T) {
	r := prometheus.NewRegistry()
	own, roots := identity(t)
	h := newHouseWith(t, Options{Register: r, Repos: []string{"r", "f"}, TLS: own}, usualWaits)
	secure := h.listen(h.srv.ServeTLS)
	h.set("small", 1000)
	h.set("large", 100_000)
	h.up.Fail("/broken", faulty.Status(500).Always())
	tr := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(tr.CloseIdleConnections)
	over := &http.Client{Transport: tr}
	const (
		oneHit  = "answers_total{cache=hit,repo=r} 1"
		oneMiss = "answers_total{cache=miss,repo=r} 1\nfirst_byte_seconds{repo=r} 1"
		sentHit = "\nsent_bytes_total{cache=hit,repo=r} "
	)
	for _, tc := range []struct {
		method, path, field string
		client              *http.Client
		want                string
	}{
		{"GET", "/r/small", "", http.DefaultClient, oneMiss + "\nsent_bytes_total{cache=miss,repo=r} 1000"},
		{"GET", "/r/small", "", http.DefaultClient, oneHit + sentHit + "1000"},
		{"GET", "/r/small", "X-Other", http.DefaultClient, oneHit + sentHit + "1000"},
		{"GET", "/r/large", "", over, oneMiss + "\nsent_bytes_total{cache=miss,repo=r} 100000"},
		{"GET", "/r/large", "", http.DefaultClient, oneHit + sentHit + "100000"},
		{"GET", "/r/large", "X-Other", http.DefaultClient, oneHit + sentHit + "100000"},
		{"GET", "/r/large", "", over, oneHit + sentHit + "100000"},
		{"GET", "/r/large", "Range", http.DefaultClient, oneHit + sentHit + "10"},
		{"HEAD", "/r/large", "", http.DefaultClient, oneHit},
		{"GET", "/r/none", "", http.DefaultClient, "failures_total{repo=r,status=404} 1"},
		{"GET", "/r/broken", "", http.DefaultClient, "failures_total{repo=r,status=503} 1"},
		{"GET", "/other/x", "", http.DefaultClient, "failures_total{repo=,status=404} 1"},
		{"GET", "/healthz", "", http.DefaultClient, ""},
	} {
		url := "http://" + h.addr
		if tc.client == over {
			url = "https://" + secure
		}
		req, err := http.NewRequest(tc.method, url+tc.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tc.field != "" {
			req.Header.Set(tc.field, "bytes=0-9")
		}
		before := counts(t, r)
		resp, err := tc.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		got := ""
		for range 200 { // the server counts after the client has its answer
			if got = grew(before, counts(t, r)); got == tc.want {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if got != tc.want {
			t.Errorf("%s %s: got\n%s\nexpected\n%s", tc.method, tc.path, got, tc.want)
		}
	}
}

// TestDownloadCountsAsItGoes: what is downloaded for minutes is not counted at its
// end only.
func TestDownloadCountsAsItGoes(t *testing.T) {
	r := prometheus.NewRegistry()
	h := newHouseWith(t, Options{Register: r}, usualWaits)
	h.set("slow", 4<<20)
	h.up.Rate(1 << 20)
	resp, err := http.Get("http://" + h.addr + "/r/slow")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.CopyN(io.Discard, resp.Body, 512<<10); err != nil {
		t.Fatal(err)
	}
	all := counts(t, r)
	if n := all["mirrord_sent_bytes_total{cache=miss,repo=r}"]; n < 512<<10 || n >= 4<<20 {
		t.Errorf("%g bytes are counted in the middle", n)
	}
	if all["mirrord_first_byte_seconds{repo=r}"] != 1 {
		t.Error("the first byte is not counted")
	}
}

// TestCountersFromZero: what did not happen yet is there, so that a rate can see the
// first time.
func TestCountersFromZero(t *testing.T) {
	r := prometheus.NewRegistry()
	New(Options{Register: r, Repos: []string{"a"}, Log: slog.New(slog.DiscardHandler)})
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := 0
	for _, f := range families {
		series += len(f.Metric)
	}
	if series != 2*int(ways)+1 {
		t.Errorf("%d series", series)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

// TestWays: each answer is counted as what it is.
func TestWays(t *testing.T) {
	h := newHouse(t)
	h.set("f", 10)
	a, err := h.m.Open(t.Context(), mirror.Request{Repo: "r", Path: "f"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, tc := range []struct {
		a    mirror.Answer
		want way
	}{
		{mirror.Answer{Content: a.Content}, miss},
		{mirror.Answer{Content: a.Content, Validated: true}, revalidated},
		{mirror.Answer{Content: a.Content, Validated: true, Stale: "offline"}, stale},
	} {
		if got := wayOf(&tc.a); got != tc.want {
			t.Errorf("%v, expected %v", got, tc.want)
		}
	}
}

// BenchmarkCountHit is what a hit's counters cost.
func BenchmarkCountHit(b *testing.B) {
	m := newMetrics(prometheus.NewRegistry(), []string{"debian", "fedora", "docker.io"})
	b.ReportAllocs()
	for b.Loop() {
		c := m.of("debian")
		c.answers[hit].Inc()
		c.sent[hit].Add(4096)
	}
}
