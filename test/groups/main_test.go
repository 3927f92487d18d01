// Package groups tests what several mirrors are good for: more speed than the best
// of them has, and no client that notices one that fails.
package groups

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mirrord/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

const (
	deb = "pool/large.deb"
	// size is a quarter of what the issue names, so that the direct download takes
	// 8 s and not 32.
	size = 64 << 20
	rate = 8_000_000 // bytes a second of one connection
)

var content = rig.Content(77, size)

// yard is some nginx with the same tree, each behind a line of its own.
type yard struct {
	tree    rig.Tree
	nginx   []*rig.Nginx
	lines   []*rig.Throttle
	mirrors []string // their URLs
	m       *rig.Mirrord
}

// build starts the mirrors and mirrord; keys are further ones of the repository.
func build(t *testing.T, mirrors int, keys string) *yard {
	t.Helper()
	y := &yard{tree: rig.NewTree(map[string][]byte{deb: content})}
	for range mirrors {
		n := rig.StartNginx(t, y.write(t))
		line := rig.StartThrottle(t, n, rate)
		y.nginx, y.lines, y.mirrors = append(y.nginx, n), append(y.lines, line), append(y.mirrors, line.URL)
	}
	y.start(t, keys)
	return y
}

// write puts the tree into a directory.
func (y *yard) write(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	for p, data := range y.tree {
		file := filepath.Join(root, filepath.FromSlash(p))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// start runs mirrord before the mirrors, and asks for the indexes.
func (y *yard) start(t *testing.T, keys string) {
	t.Helper()
	y.m = rig.Start(t, rig.Config{Repos: fmt.Sprintf("- {name: r, type: apt, upstreams: [%s]%s}", y.urls(), keys)})
	y.ask(t, rig.ReleasePath, y.tree[rig.ReleasePath])
	y.ask(t, rig.PackagesPath, y.tree[rig.PackagesPath])
}

// urls lists the mirrors as the configuration wants them.
func (y *yard) urls() string {
	var urls []string
	for _, u := range y.mirrors {
		urls = append(urls, strconv.Quote(u))
	}
	return strings.Join(urls, ", ")
}

func (y *yard) ask(t *testing.T, path string, want []byte) rig.Reply {
	t.Helper()
	r := rig.Get(y.m.URL("r", path))
	if r.Err != nil || r.Status != 200 || !bytes.Equal(r.Body, want) {
		t.Fatalf("%s: %s", path, r.How())
	}
	return r
}

// sent is what all mirrors sent of the large file.
func (y *yard) sent() (n int64) {
	for _, u := range y.nginx {
		for _, h := range u.Hits() {
			if h.Path == deb {
				n += h.Bytes
			}
		}
	}
	return n
}

// metric is the value of one line of /metrics, 0 where there is none.
func (y *yard) metric(t *testing.T, name, mirror, more string) float64 {
	t.Helper()
	text := string(rig.Get(y.m.URL("metrics")).Body)
	for line := range strings.Lines(text) {
		labels, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		if strings.HasPrefix(labels, name+"{") && strings.Contains(labels, strconv.Quote(mirror)) && strings.Contains(labels, more) {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	return 0
}

// direct is how long one connection to the best mirror takes.
func (y *yard) direct(t *testing.T) time.Duration {
	t.Helper()
	r := rig.Get(y.lines[0].URL + "/" + deb)
	if r.Err != nil || !bytes.Equal(r.Body, content) {
		t.Fatal(r.How())
	}
	return r.Took
}
