package main

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed load.lua
var loadScript []byte

var errLoad = errors.New("wrk")

// load is how wrk asks; the same for every server.
type load struct {
	Connections int           `json:"connections"`
	Threads     int           `json:"threads"`
	Duration    time.Duration `json:"duration_ns"`
}

// loadResult is what one run of wrk saw.
type loadResult struct {
	Requests int64 // finished ones
	Bytes    int64 // read from the sockets: headers and unfinished answers too
	Duration time.Duration
}

func writeLoadScript(dir string) (string, error) {
	path := filepath.Join(dir, "load.lua")
	return path, os.WriteFile(path, loadScript, 0o600)
}

func (l load) run(ctx context.Context, script, url string) (loadResult, error) {
	cmd := exec.CommandContext(ctx, "wrk",
		"-t", strconv.Itoa(l.Threads), "-c", strconv.Itoa(l.Connections),
		"-d", strconv.Itoa(int(l.Duration.Seconds()))+"s", "--timeout", "30s", "-s", script, url)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return loadResult{}, fmt.Errorf("%w: %s: %w: %s", errLoad, url, err, out)
	}
	return parseLoad(string(out))
}

// parseLoad reads the line that load.lua prints. A run with errors or other than
// 2xx and 3xx answers is no measurement.
func parseLoad(out string) (loadResult, error) {
	sc := bufio.NewScanner(strings.NewReader(out))
	for sc.Scan() {
		if rest, ok := strings.CutPrefix(sc.Text(), "bench "); ok {
			return parseLoadLine(rest)
		}
	}
	return loadResult{}, fmt.Errorf("%w: no result in its output: %q", errLoad, out)
}

func parseLoadLine(line string) (loadResult, error) {
	v := make(map[string]int64)
	for _, field := range strings.Fields(line) {
		key, text, _ := strings.Cut(field, "=")
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return loadResult{}, fmt.Errorf("%w: %s: %w", errLoad, key, err)
		}
		v[key] = n
	}
	for _, key := range []string{"connect", "read", "write", "status", "timeout"} {
		if v[key] != 0 {
			return loadResult{}, fmt.Errorf("%w: %d %s errors", errLoad, v[key], key)
		}
	}
	if v["bytes"] <= 0 || v["duration_us"] <= 0 {
		return loadResult{}, fmt.Errorf("%w: nothing was answered: %q", errLoad, line)
	}
	return loadResult{
		Requests: v["requests"],
		Bytes:    v["bytes"],
		Duration: time.Duration(v["duration_us"]) * time.Microsecond,
	}, nil
}

// answers is how many objects of this size were sent. wrk drops what is unfinished
// when its time is over; from 1 MiB on that is a fair part of the work, and the
// bytes tell more truly.
func (r loadResult) answers(size int64) float64 {
	if size >= 1<<20 {
		return float64(r.Bytes) / float64(size)
	}
	return float64(r.Requests)
}
