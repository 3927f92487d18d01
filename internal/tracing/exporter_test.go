package tracing

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"mirrord/internal/accesslog"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// TestComplaints: what a collector does wrong is logged, once a minute, without its words.
func TestComplaints(t *testing.T) {
	partial, err := proto.Marshal(&collector.ExportTraceServiceResponse{PartialSuccess: &collector.ExportTracePartialSuccess{RejectedSpans: 3, ErrorMessage: "theirs"}})
	if err != nil {
		t.Fatal(err)
	}
	followed := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
	defer other.Close()
	for _, tc := range []struct {
		name   string
		status int
		reply  []byte
		want   string // "" = nothing
	}{
		{"well", 200, nil, ""},
		{"well in other words", 200, []byte("\xffok"), ""},
		{"broken", 500, []byte("theirs"), "it answered 500 Internal Server Error"},
		{"elsewhere", 307, nil, "it answered 307 Temporary Redirect"},
		{"in part", 200, partial, "it refused 3 spans"},
	} {
		c := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", other.URL)
			w.WriteHeader(tc.status)
			w.Write(tc.reply)
		}))
		var log bytes.Buffer
		tr := tracer(t, c.URL+"/v1/traces", false, &log)
		clock := time.Unix(1e9, 0)
		tr.exporter.now = func() time.Time { return clock }
		for range 3 {
			if err := tr.exporter.ExportSpans(context.Background(), nil); err != nil {
				t.Errorf("%s: the SDK would log %v too", tc.name, err)
			}
		}
		lines := strings.Count(log.String(), "\n")
		clock = clock.Add(complainEvery)
		tr.exporter.ExportSpans(context.Background(), nil)
		again := strings.Count(log.String(), "\n")
		want := min(len(tc.want), 1)
		if lines != want || again != 2*want || !strings.Contains(log.String(), tc.want) || strings.Contains(log.String(), "theirs") {
			t.Errorf("%s: %d lines, then %d:\n%s", tc.name, lines, again, log.String())
		}
		tr.Shutdown()
		c.Close()
	}
	if followed {
		t.Error("a redirect was followed")
	}
}

// TestGone: of a collector that is not there the log has the reason, and no key of the URL.
func TestGone(t *testing.T) {
	c := httptest.NewServer(nil)
	c.Close()
	var log bytes.Buffer
	tr := tracer(t, c.URL+"/v1/traces?key=secret", false, &log)
	defer tr.Shutdown()
	tr.exporter.ExportSpans(context.Background(), nil)
	if s := log.String(); !strings.Contains(s, "connection refused") || strings.Contains(s, "secret") {
		t.Error(s)
	}
}

// TestHangs: nobody waits for a collector that takes requests and never answers, whatever
// the queue is asked to hold, and the end waits two seconds.
func TestHangs(t *testing.T) {
	release := make(chan struct{})
	c := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer c.Close()
	defer close(release)
	var log bytes.Buffer
	tr := tracer(t, c.URL+"/v1/traces", false, &log)
	begun := time.Now()
	for range 4 * queueMost {
		_, end := tr.Request()(httptest.NewRequest("GET", "/r/a", nil))
		end(&accesslog.Entry{Status: 200})
	}
	if took := time.Since(begun); took >= sendFor {
		t.Errorf("spans waited: %v", took)
	}
	begun = time.Now()
	tr.Shutdown()
	if took := time.Since(begun); took < flushFor || took >= sendFor-time.Second {
		t.Errorf("the end took %v", took)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}

// TestDirect: a proxy of the environment is for upstreams.
func TestDirect(t *testing.T) {
	e := newExporter(&url.URL{Scheme: "http", Host: "collector.example", Path: "/v1/traces"}, nil)
	defer e.stop()
	if e.client.Transport.(*http.Transport).Proxy != nil {
		t.Error("traces go by a proxy")
	}
}
