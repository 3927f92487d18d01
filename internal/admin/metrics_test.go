package admin

import (
	"os"
	"path/filepath"
	"testing"

	"mirrord/internal/audit"

	"github.com/prometheus/client_golang/prometheus"
)

// counted is a value of the counter, 0 where there is none.
func counted(t *testing.T, r prometheus.Gatherer, act, outcome string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil || len(families) != 1 || families[0].GetName() != "mirrord_admin_calls_total" {
		t.Fatalf("%v, %v", families, err)
	}
	for _, m := range families[0].Metric {
		if l := m.Label; l[0].GetValue() == act && l[1].GetValue() == outcome {
			return m.GetCounter().GetValue()
		}
	}
	return 0
}

// TestCalls: acts are counted by how they ended, calls that are not admitted together, and
// what only looks or is a dry run not at all.
func TestCalls(t *testing.T) {
	d := newDesk(t)
	r := prometheus.NewRegistry()
	d.options.Register = r
	a := newAPI(d.options)
	d.h = a.handler()
	d.file("a", "bytes")
	for _, c := range []struct {
		method, path, secret, body string
		act, outcome               string
		count                      float64
	}{
		{"GET", "/api/v1/status", d.local, "", "", refused, 0},
		{"POST", "/api/v1/purge", d.local, `{"repo":"files","path":"a","dry_run":true}`, "purge", done, 0},
		{"POST", "/api/v1/purge", d.local, `{"repo":"files","path":"a"}`, "purge", done, 1},
		{"POST", "/api/v1/purge", d.local, `{"repo":"none","path":"a"}`, "purge", failed, 1},
		{"POST", "/api/v1/purge", "wrong", `{"repo":"files","path":"a"}`, "", refused, 1},
		{"GET", "/api/v1/nothing", "", "", "", refused, 2},
		{"POST", "/api/v1/gc", d.local, `{}`, "gc", done, 1},
	} {
		d.do(c.method, c.path, c.secret, c.body, nil)
		if got := counted(t, r, c.act, c.outcome); got != c.count {
			t.Errorf("%s %s %s: %s %s is %v, want %v", c.method, c.path, c.body, c.act, c.outcome, got, c.count)
		}
	}
	// What is done and cannot be written down has failed: somebody has to look.
	if err := os.Mkdir(filepath.Join(d.dir, "dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	a.Audit = audit.New(filepath.Join(d.dir, "dir"))
	d.do("POST", "/api/v1/gc", d.local, `{}`, nil)
	if got := counted(t, r, "gc", failed); got != 1 {
		t.Errorf("gc failed %v times", got)
	}
}
