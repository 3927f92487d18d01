package tracing

import (
	"context"
	"net/http"
	"strings"

	"mirrord/internal/accesslog"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// The names are OpenTelemetry's semantic conventions, and ours with mirrord in front.
const (
	methodKey = attribute.Key("http.request.method")
	statusKey = attribute.Key("http.response.status_code")
	pathKey   = attribute.Key("url.path")
	serverKey = attribute.Key("server.address")
	errorKey  = attribute.Key("error.type")
	repoKey   = attribute.Key("mirrord.repo")
	cacheKey  = attribute.Key("mirrord.cache")
)

// Request begins the span of a client's request, and gives what ends it. nil = there are
// no spans.
func (t *Tracer) Request() func(*http.Request) (*http.Request, func(*accesslog.Entry)) {
	if t == nil {
		return nil
	}
	return t.request
}

func (t *Tracer) request(r *http.Request) (*http.Request, func(*accesslog.Entry)) {
	ctx := r.Context()
	if t.trust {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	ctx, span := t.tracer.Start(ctx, spanName(r), trace.WithSpanKind(trace.SpanKindServer))
	return r.WithContext(ctx), func(e *accesslog.Entry) { endRequest(span, r, e) }
}

// spanName has few values, whatever clients ask for.
func spanName(r *http.Request) string {
	what := " artifact"
	switch path := r.URL.Path; {
	case path == "/v2" || strings.HasPrefix(path, "/v2/"):
		what = " registry"
	case strings.HasPrefix(path, "/api/"):
		what = " api"
	case !strings.Contains(strings.TrimPrefix(path, "/"), "/"): // /healthz and its like
		what = ""
	}
	return methodOf(r.Method) + what
}

// methodOf is a method that is known: others are a client's own words.
func methodOf(method string) string {
	switch method {
	case "GET", "HEAD", "PURGE", "POST", "PUT", "DELETE", "OPTIONS", "PATCH":
		return method
	}
	return "_OTHER"
}

func endRequest(span trace.Span, r *http.Request, e *accesslog.Entry) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(methodKey.String(methodOf(r.Method)), pathKey.String(text(r.URL.Path)))
	if e.Status != 0 {
		span.SetAttributes(statusKey.Int(e.Status))
	}
	if e.Repo != "" {
		span.SetAttributes(repoKey.String(text(e.Repo)))
	}
	if e.Cache != "" {
		span.SetAttributes(cacheKey.String(e.Cache))
	}
	switch {
	case e.Aborted:
		span.SetAttributes(errorKey.String("aborted"))
		span.SetStatus(codes.Error, "")
	case e.Status >= 500:
		span.SetStatus(codes.Error, "")
	}
}

// text is s as UTF-8, which protobuf insists on and paths need not be, and not longer than
// anybody reads.
func text(s string) string {
	const most = 1024
	return strings.ToValidUTF8(s[:min(len(s), most)], "\uFFFD")
}

// Upstream begins the span of a request to an upstream, and gives what ends it: with the
// status, or else with a word for what went wrong. Nothing is said to the upstream. nil =
// there are no spans.
func (t *Tracer) Upstream() func(ctx context.Context, repo string, r *http.Request) func(status int, wrong string) {
	if t == nil {
		return nil
	}
	return t.upstream
}

func (t *Tracer) upstream(ctx context.Context, repo string, r *http.Request) func(status int, wrong string) {
	_, span := t.tracer.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(methodKey.String(r.Method), serverKey.String(text(r.URL.Hostname())), repoKey.String(text(repo))))
	return func(status int, wrong string) {
		defer span.End()
		if status != 0 {
			span.SetAttributes(statusKey.Int(status))
		}
		if wrong != "" {
			span.SetAttributes(errorKey.String(wrong))
		}
		if wrong != "" || status >= 400 { // as the conventions have it of a client
			span.SetStatus(codes.Error, "")
		}
	}
}
