package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	same := func(v float64) float64 { return v }
	if got := median([]float64{9, 1, 5}, same); got != 5 {
		t.Errorf("odd: %v", got)
	}
	if got := median([]float64{9, 1, 5, 3}, same); got != 4 {
		t.Errorf("even: %v", got)
	}
}

// A slow round slows both servers; the ratio must not see it.
func TestRatioIsTakenWithinARound(t *testing.T) {
	h := hits{
		{mirrordName, 4096}: {{CPUPerRequest: 10}, {CPUPerRequest: 100}, {CPUPerRequest: 20}},
		{nginxName, 4096}:   {{CPUPerRequest: 20}, {CPUPerRequest: 200}, {CPUPerRequest: 10}},
	}
	if got, ok := h.ratio(4096, mirrordName, nginxName, hit.cpu); !ok || got != 0.5 {
		t.Errorf("got %v, %v; want 0.5", got, ok)
	}
	if _, ok := h.ratio(4096, mirrordName, acngName, hit.cpu); ok {
		t.Error("a ratio to a server that took no part")
	}
}

func TestJudge(t *testing.T) {
	sizes := []int64{4 << 10, 64 << 10}
	h := hits{
		{mirrordName, sizes[0]}: {{CPUPerRequest: 115, RequestsPerSecond: 100}},
		{bareName, sizes[0]}:    {{CPUPerRequest: 100, RequestsPerSecond: 100}},
		{nginxName, sizes[0]}:   {{CPUPerRequest: 10, RequestsPerSecond: 900}},
		{acngName, sizes[0]}:    {{CPUPerRequest: 90, RequestsPerSecond: 100}},
		{mirrordName, sizes[1]}: {{CPUPerRequest: 100, RequestsPerSecond: 100}},
		{nginxName, sizes[1]}:   {{CPUPerRequest: 100, RequestsPerSecond: 900}},
		{acngName, sizes[1]}:    {{CPUPerRequest: 90, RequestsPerSecond: 50}},
	}
	herds := map[string][]herd{mirrordName: {
		{UpstreamRatio: 1, JoinerMax: 0.004}, {UpstreamRatio: 1.2, JoinerMax: 0.009}, {UpstreamRatio: 1, JoinerMax: 0.300},
	}}
	want := []struct {
		name string
		pass bool
	}{
		{"4k: CPU per request to bare's", false},
		{"4k: requests/s to apt-cacher-ng's", false}, // equal is not above
		{"64k: CPU per request to nginx's", true},    // equal is at most
		{"64k: requests/s to apt-cacher-ng's", true},
		{"herd: upstream bytes to the object's", false}, // the worst round counts
		{"herd: slowest joiner's first byte", true},     // the middling round counts
	}
	got := judge(h, herds, sizes)
	if len(got) != len(want) {
		t.Fatalf("%d bars, want %d: %+v", len(got), len(want), got)
	}
	for i, w := range want {
		if got[i].Name != w.name || got[i].Pass != w.pass {
			t.Errorf("bar %d: %+v; want %+v", i, got[i], w)
		}
	}
}

func TestJudgeTheRegistry(t *testing.T) {
	sizes := []int64{4 << 10, 64 << 10, 1 << 20}
	h := hits{
		{ociName, sizes[0]}:      {{CPUPerRequest: 10, RequestsPerSecond: 2000}},
		{registryName, sizes[0]}: {{CPUPerRequest: 400, RequestsPerSecond: 100}},
		{ociName, sizes[1]}:      {{CPUPerRequest: 10, RequestsPerSecond: 2100}},
		{registryName, sizes[1]}: {{CPUPerRequest: 400, RequestsPerSecond: 100}},
		{ociName, sizes[2]}:      {{CPUPerRequest: 10, RequestsPerSecond: 300}},
		{registryName, sizes[2]}: {{CPUPerRequest: 20, RequestsPerSecond: 100}},
	}
	herds := map[string][]herd{ociName: {{UpstreamRatio: 1, JoinerMax: 0.051}}, registryName: {{UpstreamRatio: 17}}}
	want := []bar{
		{Name: "4k: registry: requests/s to docker-registry's", Value: 20, Limit: 20, Least: true, Unit: "x"},
		{Name: "64k: registry: requests/s to docker-registry's", Value: 21, Limit: 20, Least: true, Unit: "x", Pass: true},
		{Name: "registry: herd: upstream bytes to the object's", Value: 1, Limit: herdBytesLimit, Unit: "x", Pass: true},
		{Name: "registry: herd: slowest joiner's first byte", Value: 51, Limit: herdFirstLimit, Unit: "ms"},
	}
	if got := judge(h, herds, sizes); !slices.Equal(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	// Without a bar the figure is shown all the same.
	last := ratioRow{Server: ociName, Peer: registryName, Size: sizes[2], Rate: 3, CPU: 0.5}
	if got := h.ratios(sizes); len(got) != len(sizes) || got[2] != last {
		t.Errorf("got %+v, want the last to be %+v", got, last)
	}
}

func TestPrintShowsEveryFigure(t *testing.T) {
	servers := []*server{{name: mirrordName}, {name: nginxName}}
	h := hits{
		{mirrordName, 4096}: {{RequestsPerSecond: 30123, CPUPerRequest: 41.25, CPUPerGB: 9.5}},
		{nginxName, 4096}:   {{RequestsPerSecond: 61623, CPUPerRequest: 17.25, CPUPerGB: 4.25}},
	}
	herds := map[string][]herd{
		mirrordName: {{UpstreamRequests: 1, UpstreamRatio: 1, JoinerMedian: 0.001, JoinerMax: 0.0123, Total: 3.4}},
		nginxName:   {{UpstreamRequests: 2, UpstreamRatio: 1.5, JoinerMedian: 3, JoinerMax: 3.5, Total: 3.9}},
	}
	r := report{
		Hits:   h.rows(servers, []int64{4096}),
		Ratios: []ratioRow{{Server: ociName, Peer: registryName, Size: 4096, Rate: 61.25, CPU: 0.0125}},
		Herds:  herdRows(servers, herds),
		Bars:   []bar{atMost("a", 0.987, 1, "x"), above("b", 0.5, 1, "x")},
	}
	var out bytes.Buffer
	if err := r.print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"30123", "41.2", "9.500", "17.2", "1.500x", "3500.0", "12.3", "PASS  a", "0.99x", "MISS  b", "61.25x", "0.013x"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
