package main

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"mirrord/internal/config"
	"mirrord/internal/faulty"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// newCollector keeps the spans that it is sent.
func newCollector(t *testing.T) (string, func() []*otlp.Span) {
	var mu sync.Mutex
	var all []*otlp.Span
	c := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		zip, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		text, err := io.ReadAll(zip)
		var m collector.ExportTraceServiceRequest
		if err2 := proto.Unmarshal(text, &m); err != nil || err2 != nil {
			t.Errorf("%v, %v", err, err2)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, r := range m.ResourceSpans {
			for _, s := range r.ScopeSpans {
				all = append(all, s.Spans...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c.URL + "/v1/traces", func() []*otlp.Span { mu.Lock(); defer mu.Unlock(); return all }
}

// traced serves the repository r of an upstream, with a line of configuration more. end
// stops it as serve does.
func traced(t *testing.T, up *faulty.Server, more string) (base string, end func()) {
	text := fmt.Sprintf("data_dir: %s\n%srepos:\n  - {name: r, type: generic, upstreams: [%q]}\n", t.TempDir(), more, up.URL)
	cfg, err := config.Parse("m.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	traces := openTraces(cfg, log)
	if (traces != nil) != strings.Contains(more, "tracing") {
		t.Fatalf("%q has traces: %v", more, traces != nil)
	}
	h, err := openHouse(cfg, traces, log)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := h.server(secured{}, accessLog{}, log)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(l)
	return "http://" + l.Addr().String(), func() {
		http.DefaultClient.CloseIdleConnections()
		srv.Shutdown(context.Background())
		h.close()
		traces.Shutdown()
	}
}

const someoneElses = "0af7651916cd43dd8448eb211c80319c"

// ask makes a request, with a traceparent unless it is plain.
func ask(t *testing.T, method, url string, plain bool) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if plain { // on a connection that net/http surely takes for idle
		http.DefaultClient.CloseIdleConnections()
	} else {
		req.Header.Set("Traceparent", "00-"+someoneElses+"-b7ad6b7169203331-01")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || method == "GET" && string(body) != "some bytes" {
		t.Fatalf("%s: %d %q, %v", url, resp.StatusCode, body, err)
	}
}

// TestTraces: a miss makes a span of the client's request and one below it of upstream's,
// a hit on the short way none, and upstream is told nothing of it.
func TestTraces(t *testing.T) {
	for more, wanted := range map[string]int{
		"": 0,
		"tracing: {endpoint: ENDPOINT, sample: 1}\n":                      3,
		"tracing: {endpoint: ENDPOINT, sample: 0}\n":                      0,
		"tracing: {endpoint: ENDPOINT, sample: 0, trust_clients: true}\n": 3, // the client decides
	} {
		t.Run(more, func(t *testing.T) {
			endpoint, spans := newCollector(t)
			up := faulty.New(t)
			up.Set("/a", []byte("some bytes"))
			base, end := traced(t, up, strings.ReplaceAll(more, "ENDPOINT", fmt.Sprintf("%q", endpoint)))
			ask(t, "GET", base+"/r/a", false)
			ask(t, "GET", base+"/r/a", true)
			ask(t, "HEAD", base+"/r/a", false)
			end()
			var got []string
			byName := map[string]*otlp.Span{}
			for _, s := range spans() {
				got = append(got, s.Name)
				byName[s.Name] = s
			}
			if slices.Sort(got); len(got) != wanted || wanted > 0 && !slices.Equal(got, []string{"GET", "GET artifact", "HEAD artifact"}) {
				t.Fatalf("spans %q, %v", got, spans())
			}
			for _, r := range up.Requests() {
				if r.Header.Get("Traceparent")+r.Header.Get("Tracestate") != "" {
					t.Errorf("upstream was told of the trace: %v", r.Header)
				}
			}
			if wanted == 0 {
				return
			}
			above, below := byName["GET artifact"], byName["GET"]
			if string(below.ParentSpanId) != string(above.SpanId) || string(below.TraceId) != string(above.TraceId) {
				t.Errorf("%v is not below %v", below, above)
			}
			if trusted := strings.Contains(more, "trust"); (hex.EncodeToString(above.TraceId) == someoneElses) != trusted {
				t.Errorf("trace %x", above.TraceId)
			}
			for _, a := range above.Attributes {
				if a.Key == "mirrord.cache" && a.Value.GetStringValue() == "miss" {
					return
				}
			}
			t.Errorf("%v is no miss", above)
		})
	}
}

// TestTracesNowhere: clients are answered while a collector hangs, or where there is none.
func TestTracesNowhere(t *testing.T) {
	release := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer hangs.Close()
	defer close(release)
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, url := range map[string]string{"hangs": hangs.URL, "gone": gone.URL} {
		t.Run(name, func(t *testing.T) {
			up := faulty.New(t)
			base, end := traced(t, up, fmt.Sprintf("tracing: {endpoint: %q, sample: 1}\n", url+"/v1/traces"))
			for i := range 1200 { // more spans than two batches have
				path := fmt.Sprintf("/%d", i%40)
				up.Set(path, []byte("some bytes"))
				ask(t, []string{"GET", "HEAD"}[i/40%2], base+"/r"+path, false)
			}
			end()
		})
	}
}
