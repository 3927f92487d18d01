package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mirrord/internal/admin"
	"mirrord/internal/cache"
	"mirrord/internal/config"
	"mirrord/internal/mirror"
	"mirrord/internal/server"

	"github.com/prometheus/client_golang/prometheus"
)

var descForm = regexp.MustCompile(`^Desc\{fqName: "([a-z0-9_]+)", .* variableLabels: \{([a-z,]*)\}\}$`)

// exposed are the names that /metrics may tell of, with their labels.
func exposed(t *testing.T) map[string]string {
	t.Helper()
	r := newRegistry(new(config.Config), (*cache.Store)(nil), (*mirror.Mirror)(nil), secured{expiry: time.Now})
	server.New(server.Options{Register: r})
	admin.New(admin.Options{Register: r, Now: time.Now})
	descs := make(chan *prometheus.Desc)
	go func() { r.Describe(descs); close(descs) }()
	all := map[string]string{}
	for d := range descs {
		parts := descForm.FindStringSubmatch(d.String())
		if parts == nil {
			t.Fatalf("%s is not as expected", d)
		}
		all[parts[1]] = parts[2]
	}
	return all
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestMetricsAreDocumented: docs/metrics.md has what is exposed, and nothing else.
func TestMetricsAreDocumented(t *testing.T) {
	want := exposed(t)
	maps.DeleteFunc(want, func(name, _ string) bool { return !strings.HasPrefix(name, "mirrord_") })
	got := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(mirrord_\\w+)(?:\\{([a-z,]+)\\})?` \\| (counter|gauge|histogram) \\| .+ \\|$").FindAllStringSubmatch(read(t, "docs/metrics.md"), -1) {
		if (row[3] == "counter") != strings.HasSuffix(row[1], "_total") {
			t.Errorf("%s is said to be a %s", row[1], row[3])
		}
		got[row[1]] = row[2]
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if labels, ok := got[name]; !ok || labels != want[name] {
			t.Errorf("%s{%s} is exposed; docs/metrics.md has {%s}, %v", name, want[name], labels, ok)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("docs/metrics.md has %s, which is not exposed", name)
	}
	if len(want) < 40 {
		t.Errorf("only %d names", len(want))
	}
}

var named = regexp.MustCompile(`\b(mirrord|process|go)_[a-z0-9_]+`)

// checkNames fails where an expression asks for what there is not.
func checkNames(t *testing.T, where, expr string, all map[string]string) {
	t.Helper()
	found := named.FindAllString(expr, -1)
	for _, name := range found {
		if _, ok := all[strings.TrimSuffix(name, "_bucket")]; !ok {
			t.Errorf("%s asks for %s, which is not exposed", where, name)
		}
	}
	if len(found) == 0 && !strings.Contains(expr, "up{") {
		t.Errorf("%s asks for nothing: %s", where, expr)
	}
}

// dashboard is what the test reads of it.
type dashboard struct {
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type string }
	}
	Panels []struct {
		ID         int
		Type       string
		Title      string
		Datasource struct{ Type, UID string }
		Targets    []struct{ Expr string }
	}
}

// TestDashboard: it can be imported, and all that it asks for is there, in queries that
// Prometheus understands.
func TestDashboard(t *testing.T) {
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "configs/grafana-dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	if d.SchemaVersion < 36 || len(d.Templating.List) != 3 || d.Templating.List[0].Type != "datasource" {
		t.Errorf("schema %d, %+v", d.SchemaVersion, d.Templating.List)
	}
	all, ids, queries := exposed(t), map[int]bool{}, 0
	rules := new(bytes.Buffer)
	fmt.Fprintln(rules, "groups:\n  - name: dashboard\n    rules:")
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("panel %d is there twice", p.ID)
		}
		ids[p.ID] = true
		if p.Type != "row" && (p.Datasource.UID != "${datasource}" || len(p.Targets) == 0) {
			t.Errorf("%s: of %+v, %d queries", p.Title, p.Datasource, len(p.Targets))
		}
		for _, q := range p.Targets {
			checkNames(t, p.Title, q.Expr, all)
			queries++
			fmt.Fprintf(rules, "      - {record: 'q:%d', expr: %q}\n", queries, strings.ReplaceAll(q.Expr, "$__rate_interval", "5m"))
		}
	}
	if queries < 20 {
		t.Errorf("only %d queries", queries)
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, rules.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "", "check", "rules", file)
}

// TestAlerts: they ask for what there is, and fire where they should only.
func TestAlerts(t *testing.T) {
	text := read(t, "configs/alerts.yaml")
	checkNames(t, "configs/alerts.yaml", text, exposed(t))
	tests := read(t, "configs/alerts_test.yaml")
	for _, alert := range regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(text, -1) {
		if n := strings.Count(tests, "alertname: "+alert[1]+"\n"); n != 2 {
			t.Errorf("%s has %d tests, expected that it fires and that it does not", alert[1], n)
		}
	}
	configs := filepath.Join("..", "..", "configs")
	promtool(t, configs, "check", "rules", "alerts.yaml")
	promtool(t, configs, "test", "rules", "alerts_test.yaml")
}

// TestPromtoolReadsMetrics: Prometheus' own check of what a mirrord exposes.
func TestPromtoolReadsMetrics(t *testing.T) {
	dir := t.TempDir()
	store, err := cache.Open(cache.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	m, err := mirror.New(mirror.Options{Store: store, Scrub: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r := newRegistry(new(config.Config), store, m, secured{expiry: time.Now})
	server.New(server.Options{Register: r, Repos: []string{"debian"}})
	file := filepath.Join(dir, "exposed")
	if err := prometheus.WriteToTextfile(file, r); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(findPromtool(t), "check", "metrics")
	// The runtime's own metrics are not ours to name.
	cmd.Stdin = strings.NewReader(strings.Join(slices.DeleteFunc(strings.SplitAfter(string(text), "\n"), func(line string) bool {
		return !strings.Contains(line, "mirrord_")
	}), ""))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

func findPromtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	return path
}

// promtool runs it in a directory and fails where it does.
func promtool(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command(findPromtool(t), args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v\n%s", args, err, out)
	}
}
