package faults

import (
	"os"
	"strings"
	"testing"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// TestOffline: told to be offline, mirrord serves what it has, says so, and answers
// the rest with 504 and one line. Upstream, which is well, is not asked.
func TestOffline(t *testing.T) {
	u := faulty.New(t)
	u.Set("/f", []byte("file"))
	u.Set("/g", []byte("another"))
	m := rig.Start(t, rig.Config{Repos: "- {name: files, type: generic, fresh: 0s, upstreams: [\"http://" + u.Host() + "/\"]}"})
	if r := rig.Get(m.URL("files/f")); r.Status != 200 {
		t.Fatal(r.How())
	}
	text, err := os.ReadFile(m.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(m.Config, append([]byte("offline: true\n"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	m.Restart()
	u.Forget()
	if r := rig.Get(m.URL("files/f")); r.Status != 200 || string(r.Body) != "file" || r.Header.Get("Cache-Status") != `mirrord; fwd=stale; detail="offline"` {
		t.Errorf("what is stored: %s", r.How())
	}
	r := rig.Get(m.URL("files/g"))
	if line := strings.TrimSuffix(string(r.Body), "\n"); r.Status != 504 || strings.Contains(line, "\n") || !strings.Contains(line, "files: not stored here, and mirrord is offline") || r.Header.Get("Retry-After") != "" {
		t.Errorf("what is not: %s, %q", r.How(), r.Body)
	}
	if n := len(u.Requests()); n != 0 {
		t.Errorf("%d requests reached upstream", n)
	}
	if !strings.Contains(m.Log(), "It is offline") {
		t.Error("the log does not tell")
	}
}
