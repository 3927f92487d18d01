package faults

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// TestMetaRots: where the disk spoils meta.db under a running mirrord, that ends with a
// line which tells what helps, and what helps keeps the objects.
func TestMetaRots(t *testing.T) {
	u := faulty.New(t)
	want := make(map[string][]byte)
	for i := range 300 { // so that meta.db has pages besides those that every look meets
		p := fmt.Sprintf("files/%d.bin", i)
		want[p] = rig.Content(uint64(i), 3000+i)
		u.Set("/"+p, want[p])
	}
	m := rig.Start(t, rig.Config{Extra: "cache: {min_free: 0, scrub: off}\n", Repos: fmt.Sprintf("- {name: files, type: generic, upstreams: [%q]}", u.URL+"/files")})
	for p, data := range want {
		if err := rig.Get(m.URL(p)).Right("", data); err != nil {
			t.Fatal(p, err)
		}
	}
	m.Restart() // nothing is in memory
	spoil(t, filepath.Join(m.Data, "meta.db"))
	for p, data := range want {
		if reply := rig.Get(m.URL(p)); reply.Err == nil && reply.Status == http.StatusOK && !bytes.Equal(reply.Body, data) {
			t.Fatalf("%s: wrong bytes", p)
		}
	}
	if code := m.Ends(); code != 1 {
		t.Errorf("it ended with %d, expected 1", code)
	}
	log := m.Log()
	if !strings.Contains(log, "meta.db") || !strings.Contains(log, "fsck --repair") {
		t.Errorf("its last words do not say what helps:\n%.2000s", log[max(0, len(log)-2000):])
	}
	if strings.Contains(log, "goroutine ") || strings.Contains(log, "panic: ") {
		t.Error("it ended in a panic")
	}
	if err := os.Remove(filepath.Join(m.Data, "meta.db")); err != nil {
		t.Fatal(err)
	}
	if out, err := m.Command("fsck", "--repair"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	m.Restart()
	for p, data := range want {
		if err := rig.Get(m.URL(p)).Right("", data); err != nil {
			t.Fatal(p, err)
		}
	}
	m.Fsck(t)
}

// spoil overwrites every page of a database but the first two.
func spoil(t *testing.T, file string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	const metas = 2 * 4096
	if _, err := f.WriteAt(rig.Content(1, int(info.Size())-metas), metas); err != nil {
		t.Fatal(err)
	}
}
