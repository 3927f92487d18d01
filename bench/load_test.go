package main

import (
	"errors"
	"testing"
	"time"
)

func TestParseLoad(t *testing.T) {
	out := `Running 2s test @ http://127.0.0.1:20001/bench/x.deb
  2 threads and 32 connections
  4200 requests in 2.00s, 262.81MB read
Requests/sec:   2099.11
bench requests=4200 bytes=275578880 duration_us=2000848 connect=0 read=0 write=0 status=0 timeout=0
`
	got, err := parseLoad(out)
	want := loadResult{Requests: 4200, Bytes: 275578880, Duration: 2000848 * time.Microsecond}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestParseLoadRefuses(t *testing.T) {
	const good = "requests=1 bytes=1 duration_us=1"
	for name, out := range map[string]string{
		"no line":        "Requests/sec: 2099.11\n",
		"not a number":   "bench requests=many bytes=1 duration_us=1\n",
		"no answers":     "bench requests=0 bytes=0 duration_us=1000000\n",
		"no duration":    "bench requests=1 bytes=1\n",
		"bad statuses":   "bench " + good + " status=3\n",
		"read errors":    "bench " + good + " read=1\n",
		"connect errors": "bench " + good + " connect=32\n",
		"write errors":   "bench " + good + " write=1\n",
		"timeouts":       "bench " + good + " timeout=1\n",
	} {
		if got, err := parseLoad(out); !errors.Is(err, errLoad) {
			t.Errorf("%s: got %+v, %v; want errLoad", name, got, err)
		}
	}
}

func TestAnswersCountsTheUnfinishedOnesOfLargeObjects(t *testing.T) {
	r := loadResult{Requests: 10, Bytes: 15 << 20}
	if got := r.answers(1 << 20); got != 15 {
		t.Errorf("1 MiB: %v answers, want 15", got)
	}
	if got := r.answers(64 << 10); got != 10 {
		t.Errorf("64 KiB: %v answers, want 10", got)
	}
}

func TestNewHit(t *testing.T) {
	got := newHit(loadResult{Requests: 1000, Bytes: 1, Duration: 2 * time.Second}, 4096, 50*time.Millisecond)
	want := hit{RequestsPerSecond: 500, CPUPerRequest: 50, CPUPerGB: 0.05 / 4096e3 * 1e9}
	if !near(got.RequestsPerSecond, want.RequestsPerSecond) || !near(got.CPUPerRequest, want.CPUPerRequest) || !near(got.CPUPerGB, want.CPUPerGB) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func near(a, b float64) bool { return a > b*0.999999 && a < b*1.000001 }
