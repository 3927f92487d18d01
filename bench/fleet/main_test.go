package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestNumbered(t *testing.T) {
	for name, want := range map[string]bool{
		"linux-image-6.1.0-50-cloud-amd64": true, "linux-image-6.1.0-cloud-amd64": false,
		"linux-image-6.1.0-50-rt-amd64": false, "linux-image-6.1.0-50-cloud-amd64-dbg": false,
	} {
		if got := numbered(name, "linux-image-6.1.0-", "-cloud-amd64"); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestScramble(t *testing.T) {
	field := []byte("SHA256: 0123456789abcdef")
	got := scramble(field, 7)
	if bytes.Equal(got, field) || len(got) != len(field) || !bytes.HasPrefix(got, []byte("SHA256: 0")) {
		t.Errorf("%q", got)
	}
}

func TestJudge(t *testing.T) {
	r := report{Updates: []row{
		{Name: "a", Whole: 100, Delta: 10, Share: 0.10, Apply: effort{MBps: 50}, Counts: true},
		{Name: "b", Whole: 300, Delta: 90, Share: 0.30, Apply: effort{MBps: 10}, Counts: true},
		{Name: "a browser", Whole: 1000, Delta: 900, Share: 0.9},
		{Name: packagesIndex, Whole: 1000, Delta: 5, Share: 0.005},
	}}
	r.judge()
	var text strings.Builder
	if err := r.print(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"PASS  Packages, of its xz form, %", "MISS  .deb updates, median, %", "20.00", "25.00", "MISS  rebuilding", "30.00"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &text)
		}
	}
}
