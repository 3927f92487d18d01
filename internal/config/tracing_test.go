package config

import (
	"strings"
	"testing"
)

func TestTracing(t *testing.T) {
	for _, tc := range []struct{ text, wrong string }{
		{"tracing: {}\n", `m.yaml:1: tracing has no endpoint, expected endpoint: an http or https URL with a path`},
		{"tracing: {sample: 1}\n", `tracing has no endpoint`},
		{"tracing: {endpoint: \"127.0.0.1:4318\"}\n", `m.yaml:1: endpoint: is no http or https URL, expected`},
		{"tracing: {endpoint: \"grpc://otel:4317/v1/traces\"}\n", `is no http or https URL`},
		{"tracing: {endpoint: \"http:///v1/traces\"}\n", `is no http or https URL`},
		{"tracing: {endpoint: \"http://otel:4318\"}\n", `has no path`},
		{"tracing: {endpoint: \"http://otel:4318/\"}\n", `has no path`},
		{"tracing: {endpoint: \"http://u:secret@otel:4318/v1/traces\"}\n", `has a user`},
		{"tracing: {endpoint: \"http://otel:4318/v1/traces#a\"}\n", `has a fragment`},
		{"tracing: {endpoint: \"http://otel/v1/traces\", sample: 1.01}\n", `m.yaml:1: sample: "1.01" is no part of a whole, expected a number from 0 to 1`},
		{"tracing: {endpoint: \"http://otel/v1/traces\", sample: -0.1}\n", `is no part of a whole`},
		{"tracing: {endpoint: \"http://otel/v1/traces\", sample: nan}\n", `is no part of a whole`},
		{"tracing: {endpoint: \"http://otel/v1/traces\", sample: 10%}\n", `is no part of a whole`},
		{"tracing: {endpoint: \"http://otel/v1/traces\", trust_clients: maybe}\n", `trust_clients: "maybe" is neither`},
		{"tracing: {endpoint: \"http://otel/v1/traces\", headers: {}}\n", `unknown key "headers" in tracing`},
	} {
		_, err := Parse("m.yaml", []byte(tc.text))
		if err == nil || !strings.Contains(err.Error(), tc.wrong) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, expected %s", tc.text, err, tc.wrong)
		}
	}
	for text, want := range map[string]Tracing{
		"tracing: {endpoint: \"http://127.0.0.1:4318/v1/traces\"}\n":                                 {Sample: 0.01},
		"tracing: {endpoint: \"http://127.0.0.1:4318/v1/traces\", sample: 0}\n":                      {},
		"tracing: {endpoint: \"http://127.0.0.1:4318/v1/traces\", sample: 1, trust_clients: true}\n": {Sample: 1, TrustClients: true},
	} {
		cfg, err := Parse("m.yaml", []byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got := *cfg.Tracing
		if got.Sample != want.Sample || got.TrustClients != want.TrustClients || got.Endpoint.String() != "http://127.0.0.1:4318/v1/traces" {
			t.Errorf("%q: %+v", text, got)
		}
	}
	if cfg, err := Parse("m.yaml", nil); err == nil && cfg.Tracing != nil {
		t.Errorf("tracing without being configured: %+v", cfg.Tracing)
	}
}
