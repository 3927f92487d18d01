package tracing

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"mirrord/internal/accesslog"

	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// receiver is a collector that keeps what it is sent.
type receiver struct {
	*httptest.Server
	t      *testing.T
	mu     sync.Mutex
	got    []*collector.ExportTraceServiceRequest // guarded by mu
	status int
	reply  []byte
}

func newReceiver(t *testing.T) *receiver {
	c := &receiver{t: t, status: http.StatusOK}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	zip, err := gzip.NewReader(r.Body)
	if err != nil {
		c.t.Errorf("no gzip: %v", err)
		return
	}
	text, err := io.ReadAll(zip)
	m := new(collector.ExportTraceServiceRequest)
	if err2 := proto.Unmarshal(text, m); err != nil || err2 != nil {
		c.t.Errorf("%v, %v", err, err2)
	}
	ask := r.Method + " " + r.URL.Path + " " + r.Header.Get("Content-Type") + " " + r.Header.Get("Content-Encoding")
	if ask != "POST /v1/traces application/x-protobuf gzip" {
		c.t.Errorf("asked by %s", ask)
	}
	c.mu.Lock()
	c.got = append(c.got, m)
	c.mu.Unlock()
	w.WriteHeader(c.status)
	w.Write(c.reply)
}

// spans are all that came.
func (c *receiver) spans() (all []*otlp.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.got {
		for _, r := range m.ResourceSpans {
			for _, s := range r.ScopeSpans {
				all = append(all, s.Spans...)
			}
		}
	}
	return all
}

// tracer sends all to the endpoint, and logs into the buffer.
func tracer(t *testing.T, endpoint string, trust bool, log io.Writer) *Tracer {
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Endpoint: u, Sample: 1, TrustClients: trust, Version: "v1", Log: slog.New(slog.NewTextHandler(log, nil))})
}

func words(all []*common.KeyValue) map[string]any {
	out := map[string]any{}
	for _, a := range all {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			out[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			out[a.Key] = int(v.IntValue)
		}
	}
	return out
}

func check(t *testing.T, what string, got []*common.KeyValue, want map[string]any) {
	t.Helper()
	if all := words(got); !maps.Equal(all, want) {
		t.Errorf("%s has %v, want %v", what, all, want)
	}
}

// TestMessage: what a collector is sent of a request and what it made upstream do.
func TestMessage(t *testing.T) {
	c := newReceiver(t)
	tr := tracer(t, c.URL+"/v1/traces", false, io.Discard)
	r, end := tr.Request()(httptest.NewRequest("GET", "/debian/pool/a%ff.deb", nil))
	flight := tr.Carry()(context.Background(), r.Context())
	asked, _ := http.NewRequest("GET", "http://up.example:81/pool", nil)
	tr.Upstream()(flight, "debian", asked)(206, "")
	end(&accesslog.Entry{Status: 200, Repo: "debian", Cache: "miss"})
	tr.Upstream()(flight, "debian", asked)(0, "timeout") // the flight goes on without its client
	tr.Upstream()(context.Background(), "debian", asked)(503, "")
	if asked.Header.Get("Traceparent") != "" {
		t.Error("upstream would be told")
	}
	tr.Shutdown()

	all := c.spans()
	if len(all) != 4 {
		t.Fatalf("%d spans", len(all))
	}
	check(t, "the resource", c.got[0].ResourceSpans[0].Resource.Attributes, map[string]any{"service.name": "mirrord", "service.version": "v1"})
	first, client, late, alone := all[0], all[1], all[2], all[3]
	check(t, "the client's", client.Attributes, map[string]any{
		"http.request.method": "GET", "url.path": "/debian/pool/a\uFFFD.deb", "http.response.status_code": 200, "mirrord.repo": "debian", "mirrord.cache": "miss",
	})
	check(t, "upstream's", first.Attributes, map[string]any{"http.request.method": "GET", "server.address": "up.example", "http.response.status_code": 206, "mirrord.repo": "debian"})
	check(t, "the late one", late.Attributes, map[string]any{"http.request.method": "GET", "server.address": "up.example", "error.type": "timeout", "mirrord.repo": "debian"})
	if client.Name != "GET artifact" || client.Kind != otlp.Span_SPAN_KIND_SERVER || client.ParentSpanId != nil || client.Status != nil {
		t.Errorf("client: %v", client)
	}
	for _, s := range []*otlp.Span{first, late} {
		if s.Name != "GET" || s.Kind != otlp.Span_SPAN_KIND_CLIENT || !bytes.Equal(s.ParentSpanId, client.SpanId) || !bytes.Equal(s.TraceId, client.TraceId) {
			t.Errorf("upstream: %v", s)
		}
	}
	if alone.ParentSpanId != nil || bytes.Equal(alone.TraceId, client.TraceId) {
		t.Errorf("alone: %v", alone)
	}
	failed := otlp.Status_STATUS_CODE_ERROR
	if first.Status != nil || late.GetStatus().GetCode() != failed || alone.GetStatus().GetCode() != failed {
		t.Errorf("%v, %v, %v", first.Status, late.Status, alone.Status)
	}
	if took := client.EndTimeUnixNano - client.StartTimeUnixNano; client.StartTimeUnixNano == 0 || took > uint64(time.Minute) {
		t.Errorf("from %d, took %d", client.StartTimeUnixNano, took)
	}
}

// TestTraceparent: a client's word counts only where it is trusted, also that it wants no
// span.
func TestTraceparent(t *testing.T) {
	const theirs = "0af7651916cd43dd8448eb211c80319c"
	for _, tc := range []struct {
		trust   bool
		flags   string
		spans   int
		theirs  bool
		wrecked bool
	}{{false, "01", 1, false, false}, {false, "00", 1, false, false}, {true, "01", 1, true, false}, {true, "00", 0, false, false}, {true, "01", 1, false, true}} {
		c := newReceiver(t)
		tr := tracer(t, c.URL+"/v1/traces", tc.trust, io.Discard)
		r := httptest.NewRequest("GET", "/r/a", nil)
		field := "00-" + theirs + "-b7ad6b7169203331-" + tc.flags
		if tc.wrecked {
			field = field[:40]
		}
		r.Header.Set("Traceparent", field)
		_, end := tr.Request()(r)
		end(&accesslog.Entry{Status: 200})
		tr.Shutdown()
		all := c.spans()
		if len(all) != tc.spans {
			t.Errorf("%+v: %d spans", tc, len(all))
			continue
		}
		for _, s := range all {
			if id := trace.TraceID(s.TraceId).String(); (id == theirs) != tc.theirs || (s.ParentSpanId != nil) != tc.theirs {
				t.Errorf("%+v: %s below %x", tc, id, s.ParentSpanId)
			}
		}
	}
}

func TestSpanName(t *testing.T) {
	for ask, want := range map[string]string{
		"GET /debian/dists/x": "GET artifact", "HEAD /v2/library/a/manifests/b": "HEAD registry", "GET /v2": "GET registry",
		"GET /api/v1/status": "GET api", "GET /healthz": "GET", "GET /": "GET", "BREW /r/a": "_OTHER artifact",
	} {
		method, path, _ := strings.Cut(ask, " ")
		if got := spanName(httptest.NewRequest(method, path, nil)); got != want {
			t.Errorf("%s: %q, want %q", ask, got, want)
		}
	}
}

// TestAborted: what a client did not get whole is an error, and what was not there none.
func TestAborted(t *testing.T) {
	c := newReceiver(t)
	tr := tracer(t, c.URL+"/v1/traces", false, io.Discard)
	for _, e := range []accesslog.Entry{{Status: 200, Aborted: true}, {Status: 502}, {Status: 404}} {
		_, end := tr.Request()(httptest.NewRequest("GET", "/r/a", nil))
		end(&e)
	}
	tr.Shutdown()
	all := c.spans()
	if len(all) != 3 || all[0].Status == nil || words(all[0].Attributes)["error.type"] != "aborted" || all[1].Status == nil || all[2].Status != nil {
		t.Errorf("%v", all)
	}
}

// TestNone: who has no Tracer has nothing to call.
func TestNone(t *testing.T) {
	var none *Tracer
	if none.Request() != nil || none.Upstream() != nil || none.Carry() != nil {
		t.Error("a nil Tracer makes spans")
	}
	none.Shutdown()
}

// BenchmarkRequest is what the span of a client's request costs.
func BenchmarkRequest(b *testing.B) {
	for name, sample := range map[string]float64{"none": 0, "all": 1} {
		b.Run(name, func(b *testing.B) {
			u := &url.URL{Scheme: "http", Host: "127.0.0.1:1", Path: "/v1/traces"}
			tr := New(Options{Endpoint: u, Sample: sample, Log: slog.New(slog.DiscardHandler)})
			defer tr.Shutdown()
			r := httptest.NewRequest("GET", "/debian/pool/a.deb", nil)
			e := &accesslog.Entry{Status: 200, Repo: "debian", Cache: "hit"}
			for b.Loop() {
				_, end := tr.request(r)
				end(e)
			}
		})
	}
}
