package config

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

// Tracing is where traces go.
type Tracing struct {
	Endpoint     *url.URL // of OTLP over HTTP, with its path
	Sample       float64  // part of the requests that are traced, 0 to 1
	TrustClients bool     // a client's traceparent is believed
}

// defaultSample shows what is usual. Who looks for one slow request raises it for a while.
const defaultSample = 0.01

const (
	expectedEndpoint = `an http or https URL with a path, such as "http://127.0.0.1:4318/v1/traces"`
	expectedSample   = "a number from 0 to 1, such as 0.01"
)

func (r *reader) tracing(to **Tracing) setter {
	return func(n ast.Node) error {
		t := &Tracing{Sample: defaultSample}
		err := r.mapping(n, "tracing", map[string]setter{
			"endpoint":      value(r, &t.Endpoint, "endpoint", expectedEndpoint, parseEndpoint),
			"sample":        value(r, &t.Sample, "sample", expectedSample, parseSample),
			"trust_clients": value(r, &t.TrustClients, "trust_clients", expectedBool, parseBool),
		})
		if err == nil && t.Endpoint == nil {
			return r.wrong(n, "tracing has no endpoint, expected endpoint: %s", expectedEndpoint)
		}
		*to = t
		return err
	}
}

// parseEndpoint does not repeat what it refuses: that may hold a password.
func parseEndpoint(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, errors.New("is no http or https URL")
	case u.User != nil:
		return nil, errors.New("has a user, and mirrord logs in nowhere with traces")
	case u.Path == "" || u.Path == "/":
		return nil, errors.New("has no path")
	case u.Fragment != "":
		return nil, errors.New("has a fragment")
	}
	return u, nil
}

func parseSample(s string) (float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 0 && f <= 1) { // NaN is neither
		return 0, fmt.Errorf("%q is no part of a whole", s)
	}
	return f, nil
}
