package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	slashpath "path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// floors are the storeys of the house, by the longest directory that fits. On
// floor 0 stand the words and data that everybody may use. A package under
// internal that is not named stands on floor 1.
var floors = map[string]int{
	"configs":             0,
	"internal/digest":     0,
	"internal/mirrorlist": 0,

	"internal": 1,

	"internal/cache":        2,
	"internal/originals":    2,
	"internal/repo/apt":     2,
	"internal/repo/generic": 2,
	"internal/repo/oci":     2,
	"internal/repo/rpm":     2,
	"internal/replay/flate": 2,
	"internal/replay/lzma":  2,
	"internal/trust":        2,
	"internal/token":        2,
	"internal/tracing":      2,
	"internal/upstream":     2,

	"internal/delta":    3,
	"internal/follow":   3,
	"internal/mirror":   3,
	"internal/sources":  3,
	"internal/yumrepos": 3,

	"internal/admin":   4,
	"internal/fleet":   4,
	"internal/metrics": 4,
	"internal/moving":  4,
	"internal/server":  4,

	".": 5, // commands and whole-house tests
}

// testOnly packages may be imported by tests alone.
var testOnly = []string{"internal/faulty"}

const module = "mirrord/"

// TestFloors fails on an import that goes up, or across to a sibling.
func TestFloors(t *testing.T) {
	root := filepath.Join("..", "..")
	checked := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		file, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		checked++
		checkImports(t, path, filepath.ToSlash(file))
		return nil
	})
	if err != nil || checked == 0 {
		t.Fatalf("%d files checked, %v", checked, err)
	}
}

func checkImports(t *testing.T, path, file string) {
	parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	dir := slashpath.Dir(file)
	for _, spec := range parsed.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if to, ours := strings.CutPrefix(imported, module); ours {
			if problem := importProblem(dir, to, strings.HasSuffix(file, "_test.go")); problem != "" {
				t.Errorf("%s imports %s: %s", file, imported, problem)
			}
		}
	}
}

// importProblem is "" where package from may import package to.
func importProblem(from, to string, test bool) string {
	for _, dir := range testOnly {
		if to == dir && !test {
			return "it is for tests only"
		}
		if to == dir {
			return ""
		}
	}
	switch below, above := floor(to), floor(from); {
	case from == to: // an external test of the package itself
		return ""
	case below > above:
		return "upwards"
	case below == above && above > 0 && above < floors["."]:
		return "a sibling on the same floor"
	}
	return ""
}

// floor looks for the longest entry that the directory lies in.
func floor(dir string) int {
	for {
		if n, known := floors[dir]; known {
			return n
		}
		dir = slashpath.Dir(dir)
	}
}

func TestImportProblem(t *testing.T) {
	for _, tc := range []struct {
		from, to string
		test, ok bool
	}{
		{"internal/cache", "internal/durable", false, true},
		{"internal/cache", "internal/upstream", false, false},
		{"internal/config", "internal/cache", false, false},
		{"internal/repo", "internal/digest", false, true},
		{"internal/repo/apt", "internal/repo", false, true},
		{"internal/extent", "internal/durable", false, false},
		{"internal/mirror", "internal/server", false, false},
		{"cmd/mirrord", "internal/server", false, true},
		{"internal/upstream", "internal/faulty", true, true},
		{"internal/upstream", "internal/faulty", false, false},
		{"internal/faulty", "internal/faulty", true, true},
	} {
		if problem := importProblem(tc.from, tc.to, tc.test); (problem == "") != tc.ok {
			t.Errorf("%s -> %s: %q", tc.from, tc.to, problem)
		}
	}
}
