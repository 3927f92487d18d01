package faults

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// raw writes a request as it stands and reads the answer.
func raw(addr, request string) (status int, body string, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		return 0, "", err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// snapshot is every file below dir with its size and time of change.
func snapshot(t *testing.T, dir string) map[string]string {
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		files[p] = fmt.Sprint(info.Size(), info.ModTime())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestBadRequests(t *testing.T) {
	u := faulty.New(t)
	parent := t.TempDir()
	m := rig.Start(t, rig.Config{
		Data:  filepath.Join(parent, "data"),
		Repos: fmt.Sprintf("- {name: files, type: generic, upstreams: [%q]}\n- {name: apt, type: apt, upstreams: [%q]}", u.URL, u.URL),
	})
	if err := os.WriteFile(filepath.Join(parent, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, parent)
	long := strings.Repeat("a", 10_000)
	for _, path := range []string{
		"/files/../secret", "/files/../../secret", "/files/a/../../../secret", "/files/..", "/apt/dists/../../secret",
		"/files/%2e%2e/secret", "/files/%2E%2e/%2e%2E/secret", "/files/.%2e/secret", "/files/a/%2e%2e/b",
		"/files/a%2fb", "/files/..%2fsecret", "/files/%2fetc%2fpasswd", "/files/a%2Fb",
		"/files/a%5cb", "/files/..%5csecret", `/files/a\b`,
		"/files/a%00b", "/files/%00", "/files/a%0ab", "/files/a%0d%0ab", "/files/a%7fb", "/files/a%1bb", "/files/a%ff%feb",
		"/files/" + long, "/files/" + strings.Repeat("a/", 5000) + "b", "/files/" + strings.Repeat("%61", 3333),
		"/files/" + strings.Repeat("a", 300), "/files/a%zzb", "/files/a%", "/files/a%2",
		"/files/a\x01b", "/files/a\x7fb", "/files/a\x00b",
	} {
		for _, method := range []string{"GET", "HEAD"} {
			status, body, err := raw(m.Addr(), method+" "+path+" HTTP/1.1\r\nHost: "+m.Addr()+"\r\nConnection: close\r\n\r\n")
			if method == "HEAD" && err == io.ErrUnexpectedEOF && status == 400 {
				err = nil // http.ReadResponse does not know that it was a HEAD
			}
			if err != nil || status != http.StatusBadRequest {
				t.Errorf("%s %.60q: %d %v, expected 400", method, path, status, err)
			}
			if strings.Contains(body, parent) || strings.Contains(body, "secret\n") && !strings.Contains(path, "secret") {
				t.Errorf("%.60q: %q tells too much", path, body)
			}
		}
	}
	for _, c := range []struct {
		request string
		want    []int
	}{
		{"POST /files/x HTTP/1.1", []int{405}},
		{"PUT /files/x HTTP/1.1", []int{405}},
		{"DELETE /files/x HTTP/1.1", []int{405}},
		{"CONNECT 127.0.0.1:22 HTTP/1.1", []int{400, 405}},
		{"CONNECT " + u.Host() + " HTTP/1.1", []int{400, 405}},
		// Not proxied: the host is passed over, and what is meant is mirrord's own.
		{"GET http://example.invalid/ HTTP/1.1", []int{200, 400}},
		{"GET http://example.invalid/x/y HTTP/1.1", []int{400, 404}},
		{"GET " + u.URL + "/x/y HTTP/1.1", []int{400, 404}},
		{"GET //example.invalid/x HTTP/1.1", []int{400, 404}},
		{"GET x/y HTTP/1.1", []int{400, 404}},
	} {
		status, body, err := raw(m.Addr(), c.request+"\r\nHost: example.invalid\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		ok := false
		for _, want := range c.want {
			ok = ok || status == want
		}
		if err != nil || !ok || status == 200 && !strings.HasPrefix(body, "mirrord serves") {
			t.Errorf("%s: %d %q %v, expected one of %v", c.request, status, body, err, c.want)
		}
	}
	for p, was := range before {
		if now := snapshot(t, parent)[p]; now != was {
			t.Errorf("%s changed: %s, was %s", p, now, was)
		}
	}
	if after := snapshot(t, parent); len(after) != len(before) {
		t.Errorf("on disk now: %v", maps.Keys(after))
	}
	for _, r := range u.Requests() {
		t.Errorf("reached upstream: %v", r)
	}
	m.Fsck(t)
}
