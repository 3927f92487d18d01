package tracing

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

const (
	sendFor       = 5 * time.Second // a collector stands near
	complainEvery = time.Minute
	replyMost     = 64 << 10 // of what a collector says; a word is usual
)

// exporter posts spans by OTLP over HTTP. It does not try again: what a collector misses
// in its bad minutes is not worth a queue of its own.
type exporter struct {
	url    string
	client *http.Client
	log    *slog.Logger
	now    func() time.Time
	ctx    context.Context // ends with the Tracer
	stop   func()

	mu   sync.Mutex
	said time.Time // when it last complained; guarded by mu
}

func newExporter(endpoint *url.URL, log *slog.Logger) *exporter {
	// The endpoint is the operator's. No proxy of the environment, which is for upstreams,
	// and no redirect takes what clients asked for elsewhere.
	transport := &http.Transport{ForceAttemptHTTP2: true, MaxIdleConns: 1, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: replyMost}
	e := &exporter{url: endpoint.String(), log: log, now: time.Now, client: &http.Client{
		Transport: transport, Timeout: sendFor,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	ctx, cancel := context.WithCancel(context.Background())
	e.ctx, e.stop = ctx, func() { cancel(); transport.CloseIdleConnections() }
	return e
}

// ExportSpans sends a batch. Its failure is logged, at most once a minute, and told to
// nobody: nobody could do anything.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.ctx, cancel)()
	if err := e.send(ctx, message(spans)); err != nil {
		e.complain(err)
	}
	return nil
}

// Shutdown has nothing to do: each batch was waited for.
func (e *exporter) Shutdown(context.Context) error { return nil }

func (e *exporter) send(ctx context.Context, m *collector.ExportTraceServiceRequest) error {
	text, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err = zip.Write(text)
	if err := errors.Join(err, zip.Close()); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, &packed)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Content-Encoding", "gzip")
	resp, err := e.client.Do(req)
	if sent := (*url.Error)(nil); errors.As(err, &sent) {
		return sent.Err // without the URL, whose query may hold a key
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(resp.Body, replyMost))
	if err != nil {
		return err
	}
	return judge(resp.StatusCode, reply)
}

// judge reads a collector's answer. Its own words are not repeated.
func judge(status int, reply []byte) error {
	if status < 200 || status > 299 {
		return fmt.Errorf("it answered %d %s", status, http.StatusText(status))
	}
	var said collector.ExportTraceServiceResponse
	if err := proto.Unmarshal(reply, &said); err != nil {
		return nil // it took them; some say so in plain words
	}
	if n := said.GetPartialSuccess().GetRejectedSpans(); n > 0 {
		return fmt.Errorf("it refused %d spans", n)
	}
	return nil
}

func (e *exporter) complain(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := e.now(); e.said.IsZero() || now.Sub(e.said) >= complainEvery {
		e.said = now
		e.log.Warn("traces do not reach the collector", "err", err)
	}
}
