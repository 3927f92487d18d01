package main

import (
	"os"
	"strings"
	"testing"

	"mirrord/internal/config"
)

func TestMirrordConfigIsValid(t *testing.T) {
	origin := &upstream{URL: "http://127.0.0.1:20001/debian", Registry: "http://127.0.0.1:20001"}
	text := mirrordConfig("127.0.0.1:20000", "/tmp/bench/data", []mirrordRepo{
		{name: "bench", kind: "apt", upstreams: []string{origin.URL, "http://127.0.0.1:20002/debian"}},
		{name: "bench-generic", kind: "generic", upstreams: []string{origin.URL}},
		{name: "docker.io", kind: kindOCI, upstreams: []string{origin.Registry}},
	})
	c, err := config.Parse("mirrord.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if r := c.Repos[2]; !r.Default || "http://"+r.Upstreams[0].Host != origin.Registry {
		t.Errorf("the registry: %+v", r)
	}
}

func TestNginxConfigFollowsItsValues(t *testing.T) {
	path, err := writeNginxConf(t.TempDir(), nginxValues{
		Dir: "/tmp/bench", Addr: "127.0.0.1:20000", Origin: "127.0.0.1:20001", Root: true, NoPush: "on", Temp: []string{"proxy", "client_body"},
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"user root;", "tcp_nopush on;", "listen 127.0.0.1:20000 ", "server 127.0.0.1:20001;",
		"proxy_temp_path /tmp/bench/proxy;", "client_body_temp_path /tmp/bench/client_body;"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestParseOptions(t *testing.T) {
	var said strings.Builder
	o, err := parseOptions([]string{"-quick", "-herds", "2"}, &said)
	if err != nil {
		t.Fatal(err)
	}
	if o.has(genericName) || !o.has(mirrordName) || o.rounds != 1 || o.herds != 2 || o.groups != 0 {
		t.Errorf("-quick: %+v", o)
	}
	for _, bad := range [][]string{{"-servers", "squid"}, {"-servers", genericName}, {"-rounds", "-1"}, {"-duration", "10ms"}, {"surplus"}} {
		if _, err := parseOptions(bad, &said); err == nil {
			t.Errorf("%v passed", bad)
		}
	}
}
