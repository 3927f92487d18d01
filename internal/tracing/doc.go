// Package tracing tells an OpenTelemetry collector how requests went.
//
//	client ─► server: Request ─► span "GET artifact" ─┐
//	             │ Carry, into the flight             ├─► bounded queue ─► exporter ─► collector
//	             ▼                                    │   (full: dropped)  (OTLP, HTTP)
//	upstream: Upstream ─────────► span "GET" ─────────┘
//
// The SDK samples, queues and batches; the exporter is ours, since OpenTelemetry's own
// brings gRPC. A collector that is slow or away costs spans and one line a minute in the
// log, and no client anything.
package tracing
