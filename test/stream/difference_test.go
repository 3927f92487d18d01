package stream

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

const (
	suite    = "dists/stable"
	packages = suite + "/main/binary-amd64/Packages"
)

// publish puts the n-th state of an archive on an upstream, and gives its Packages.
func publish(up *faulty.Server, n int) []byte {
	var index bytes.Buffer
	for i := range 20_000 {
		version := 1
		if (i+n)%100 == 0 {
			version = n
		}
		sum := sha256.Sum256(fmt.Append(nil, i, version))
		fmt.Fprintf(&index, "Package: package-%d\nVersion: %d.0-%d\nFilename: pool/p/package-%d_%d.deb\nSize: %d\nSHA256: %x\n\n", i, version, i%9, i, version, 9999+i, sum)
	}
	up.Set("/"+packages, index.Bytes())
	date := time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC).Format(time.RFC1123)
	up.Set("/"+suite+"/Release", fmt.Appendf(nil, "Suite: stable\nDate: %s\nSHA256:\n %x %d main/binary-amd64/Packages\n",
		date, sha256.Sum256(index.Bytes()), index.Len()))
	return index.Bytes()
}

// zstdReads decodes a body by zstd's own tool, which knows nothing of HTTP.
func zstdReads(t *testing.T, body, dictionary []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string][]byte{"old": dictionary, "body": body} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "zstd", "-dc", "--patch-from=old", "body")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("zstd: %v", err)
	}
	return out
}

// TestClientsUpdateByDifferences: forty clients that have the old Packages get the new one
// as a difference to it, at once and after a restart; any that has not gets the whole.
func TestClientsUpdateByDifferences(t *testing.T) {
	if _, err := exec.LookPath("zstd"); err != nil {
		fmt.Println("DIDNOTRUN: no zstd to read differences")
		return
	}
	up := faulty.New(t)
	m := rig.Start(t, rig.Config{
		Repos: fmt.Sprintf("- {name: deb, type: apt, upstreams: [\"http://%s\"], fresh: 1ns}", up.Host()),
	})
	url := m.URL("deb", packages)
	old := publish(up, 2)
	rig.Get(m.URL("deb", suite+"/Release"))
	first := rig.Get(url)
	if !bytes.Equal(first.Body, old) || first.Header.Get("Use-As-Dictionary") != `match="/deb/`+packages+`"` {
		t.Fatalf("%s, %v: not the first state, as a dictionary", first.How(), first.Header)
	}
	now := publish(up, 3)
	if r := rig.Get(m.URL("deb", suite+"/Release")); !strings.Contains(string(r.Body), "03 Jan 2026") {
		t.Fatalf("%s: not the second state", r.How())
	}
	sum := sha256.Sum256(old)
	has := []string{"Accept-Encoding", "gzip, zstd, dcz", "Available-Dictionary", ":" + base64.StdEncoding.EncodeToString(sum[:]) + ":"}
	asks := func() rig.Reply { return rig.Get(url, has...) }
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			r := asks()
			if r.Err != nil || r.Header.Get("Content-Encoding") != "dcz" || len(r.Body) > len(now)/50 {
				t.Errorf("%s, %v: no small difference", r.How(), r.Header)
			}
		})
	}
	wg.Wait()
	r := asks()
	if got := zstdReads(t, r.Body, old); !bytes.Equal(got, now) {
		t.Fatalf("%d bytes, expected %d", len(got), len(now))
	}
	t.Logf("%d bytes as a difference of %d", len(now), len(r.Body))
	head := rig.Do(rig.NewClient(false), http.MethodHead, url, has...)
	if head.Header.Get("Content-Encoding") != "dcz" || head.Header.Get("Content-Length") != fmt.Sprint(len(r.Body)) || head.Header.Get("Etag") != r.Header.Get("Etag") {
		t.Errorf("HEAD: %v, GET: %v", head.Header, r.Header)
	}
	for name, fields := range map[string][]string{"a client that has nothing": nil, "who asks for a range": append(has, "Range", "bytes=0-")} {
		if r := rig.Get(url, fields...); r.Err != nil || !bytes.Equal(r.Body, now) || r.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %s, expected the plain bytes", name, r.How())
		}
	}
	m.Restart()
	if again := asks(); again.Err != nil || !bytes.Equal(again.Body, r.Body) {
		t.Errorf("after a restart: %s, expected the same difference", again.How())
	}
	m.Fsck(t)
}
