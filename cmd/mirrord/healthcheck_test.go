package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealthcheck(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	ask := func() (int, string) {
		var stderr bytes.Buffer
		return run(context.Background(), []string{"healthcheck", "--url", server.URL}, nil, nil, &stderr), stderr.String()
	}
	if code, stderr := ask(); code != exitDone || stderr != "" {
		t.Errorf("well: exit %d, %q", code, stderr)
	}
	status = http.StatusServiceUnavailable
	if code, stderr := ask(); code != exitFailed || !strings.Contains(stderr, "503") {
		t.Errorf("unwell: exit %d, %q", code, stderr)
	}
	server.Close()
	if code, stderr := ask(); code != exitFailed || strings.Count(stderr, "\n") != 1 {
		t.Errorf("gone: exit %d, %q", code, stderr)
	}
}

func TestLocalURL(t *testing.T) {
	for listen, want := range map[string]string{
		":8080": "http://127.0.0.1:8080", "0.0.0.0:1": "http://127.0.0.1:1", "[::]:1": "http://127.0.0.1:1",
		"[::1]:1": "http://[::1]:1", "mirror.lan:80": "http://mirror.lan:80",
	} {
		if got := localURL(listen, false); got != want {
			t.Errorf("localURL(%q) = %q, want %q", listen, got, want)
		}
	}
}
