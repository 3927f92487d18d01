package tracing

import (
	"context"
	"log/slog"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const (
	queueMost = 2048            // spans that wait, about 1 KiB each
	batchMost = 512             // spans of one message
	batchFor  = 5 * time.Second // before a batch goes that is not full
	flushFor  = 2 * time.Second // that Shutdown waits for a collector
)

// Options of a Tracer.
type Options struct {
	Endpoint     *url.URL // of OTLP over HTTP
	Sample       float64  // part of the requests that are traced, 0 to 1
	TrustClients bool     // a client's traceparent is its request's parent
	Version      string   // of mirrord
	Log          *slog.Logger
}

// Tracer makes spans. A nil one makes none.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	exporter *exporter
	trust    bool
}

// New begins to send to the endpoint.
func New(o Options) *Tracer {
	e := newExporter(o.Endpoint, o.Log)
	t := &Tracer{exporter: e, trust: o.TrustClients}
	t.provider = sdk.NewTracerProvider(
		// Who is trusted decides for its requests; an untrusted client's word never gets here.
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(o.Sample))),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "mirrord"), attribute.String("service.version", o.Version))),
		sdk.WithBatcher(e, sdk.WithMaxQueueSize(queueMost), sdk.WithMaxExportBatchSize(batchMost),
			sdk.WithBatchTimeout(batchFor), sdk.WithExportTimeout(sendFor)),
	)
	t.tracer = t.provider.Tracer("mirrord")
	return t
}

// Shutdown sends what waits, for two seconds at most. Spans that end later are lost.
func (t *Tracer) Shutdown() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushFor)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.exporter.complain(err)
	}
	t.exporter.stop()
}

// Carry gives a context the span of another: what a request began goes on under it after
// the request has ended. nil = there is nothing to carry.
func (t *Tracer) Carry() func(to, from context.Context) context.Context {
	if t == nil {
		return nil
	}
	return func(to, from context.Context) context.Context {
		return trace.ContextWithSpanContext(to, trace.SpanContextFromContext(from))
	}
}
