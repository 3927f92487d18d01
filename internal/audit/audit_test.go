package audit

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func TestWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.log")
	log := New(file)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := log.Write(Record{Time: time.Now(), Token: "ci", Act: "purge", What: map[string]string{"path": "a\nb"}}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	os.Rename(file, file+".1")
	if err := log.Write(Record{Act: "after"}); err != nil {
		t.Fatal(err)
	}
	if got := lines(t, file+".1"); len(got) != 8 || got[0].Act != "purge" || got[0].Token != "ci" {
		t.Errorf("%d lines, the first %+v, expected 8 purges by ci", len(got), got[0])
	}
	if got := lines(t, file); len(got) != 1 || got[0].Act != "after" {
		t.Errorf("after a rotation: %+v, expected one line", got)
	}
	if info, _ := os.Stat(file); info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, expected 0600", info.Mode())
	}
}

func TestCannotWrite(t *testing.T) {
	if err := New(t.TempDir()).Write(Record{}); err == nil {
		t.Error("a directory was written to")
	}
}

func lines(t *testing.T, file string) (all []Record) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var r Record
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			t.Fatalf("%q: %v", s.Text(), err)
		}
		all = append(all, r)
	}
	return all
}
