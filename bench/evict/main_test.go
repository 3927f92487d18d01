package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mirrord/bench/evict/policy"
)

// TestTable: each trace has a row for each policy, and a ratio for each size.
func TestTable(t *testing.T) {
	var out, said strings.Builder
	if err := run([]string{"-quick"}, &out, &said); err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^(\S.*?)((?: +[ \d]+\.\d [ \d]+\.\d){4})$`)
	if got, want := len(row.FindAllString(out.String(), -1)), 6*len(policy.All); got != want {
		t.Errorf("%d rows, expected %d:\n%s", got, want, out.String())
	}
}

func TestOwnLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "access.log")
	line := `::1 - - [10/Oct/2026:13:55:36 +0200] "GET /a HTTP/1.1" 200 1000` + "\n"
	if err := os.WriteFile(file, []byte(strings.Repeat(line, 4)), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run([]string{"-log", file}, &out, &out); err != nil || !strings.Contains(out.String(), "4 requests for 0.0 GB, 1 objects") || !strings.Contains(out.String(), "no limit  75.0  75.0") {
		t.Errorf("%v\n%s", err, out.String())
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"-log", file}, &out, &out); err == nil || !strings.HasPrefix(err.Error(), file+": ") {
		t.Errorf("%v, expected the file's name", err)
	}
}
