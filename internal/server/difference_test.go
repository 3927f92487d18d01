package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"mirrord/internal/dcz"
	"mirrord/internal/digest"
	"mirrord/internal/mirror"
)

// lines is a text of some 200 KB in its n-th state.
func lines(n int) []byte {
	var b bytes.Buffer
	for i := range 4000 {
		fmt.Fprintf(&b, "line %d has the number %d in it\n", i, i*7919%10007)
	}
	fmt.Fprintf(&b, "state %d\n", n)
	return b.Bytes()
}

// available is the value of the field.
func available(data []byte) string {
	return strings.TrimPrefix(digest.Of(data).ReprDigest(), "sha-256=")
}

// twice brings two states of a file of "r", and tells them.
func (h *house) twice(path string) (old, now []byte) {
	h.t.Helper()
	for i, at := range []*[]byte{&old, &now} {
		*at = lines(i)
		h.up.Set("/"+path, *at)
		if err := h.store.Expire("r/" + path); err != nil {
			h.t.Fatal(err)
		}
		if _, got := h.get("GET", "/r/"+path); !bytes.Equal(got, *at) {
			h.t.Fatalf("state %d: %d bytes, expected %d", i, len(got), len(*at))
		}
	}
	return old, now
}

// differs fails the test where the answer is no difference to old that gives now.
func (h *house) differs(resp *http.Response, body, old, now []byte) {
	h.t.Helper()
	if got := resp.Header.Get("Content-Encoding"); got != "dcz" {
		h.t.Fatalf("%s, Content-Encoding %q, expected dcz", resp.Status, got)
	}
	r, err := dcz.Decode(bytes.NewReader(body), old, digest.Of(old), int64(len(now)))
	if err != nil {
		h.t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, now) {
		h.t.Fatalf("%d bytes, %v; expected %d", len(got), err, len(now))
	}
}

func TestDifference(t *testing.T) {
	h := newHouse(t)
	old, now := h.twice("list.txt")
	plain, _ := h.get("GET", "/r/list.txt")
	resp, body := h.get("GET", "/r/list.txt", "Accept-Encoding", "gzip, dcz", "Available-Dictionary", available(old))
	h.differs(resp, body, old, now)
	for field, want := range map[string]string{
		"Vary":              "Accept-Encoding, Available-Dictionary",
		"Use-As-Dictionary": `match="/r/list.txt"`,
		"Cache-Control":     "no-cache, max-age=2592000",
		"Content-Length":    fmt.Sprint(len(body)),
		"Repr-Digest":       digest.Of(body).ReprDigest(), // of the representation, the coding included (RFC 9530, 3)
		"Accept-Ranges":     "none",
		"Last-Modified":     plain.Header.Get("Last-Modified"),
		"Content-Type":      plain.Header.Get("Content-Type"),
		"Cache-Status":      "mirrord; hit",
	} {
		if got := resp.Header.Get(field); got != want {
			t.Errorf("%s: %q, expected %q", field, got, want)
		}
	}
	tag, plainTag := resp.Header.Get("Etag"), plain.Header.Get("Etag")
	if tag == "" || tag == plainTag || strings.HasPrefix(tag, "W/") {
		t.Errorf("Etag %q, expected a strong one, and not %q", tag, plainTag)
	}
	for _, field := range []string{"Vary", "Use-As-Dictionary", "Cache-Control"} {
		if plain.Header.Get(field) != resp.Header.Get(field) {
			t.Errorf("the plain answer has %s %q", field, plain.Header.Get(field))
		}
	}
}

// TestNoDifference: these get the plain bytes.
func TestNoDifference(t *testing.T) {
	h := newHouse(t)
	old, now := h.twice("list.txt")
	plain, _ := h.get("GET", "/r/list.txt")
	has := []string{"Accept-Encoding", "dcz", "Available-Dictionary", available(old)}
	for name, tc := range map[string]struct {
		fields []string
		status int
	}{
		"not accepted":        {[]string{"Accept-Encoding", "gzip", "Available-Dictionary", available(old)}, 200},
		"refused":             {[]string{"Accept-Encoding", "dcz;q=0", "Available-Dictionary", available(old)}, 200},
		"no dictionary":       {[]string{"Accept-Encoding", "dcz"}, 200},
		"another dictionary":  {[]string{"Accept-Encoding", "dcz", "Available-Dictionary", available([]byte("x"))}, 200},
		"no digest":           {[]string{"Accept-Encoding", "dcz", "Available-Dictionary", "x"}, 200},
		"a range":             {append(has, "Range", "bytes=0-"), 206},
		"a range, if":         {append(has, "Range", "bytes=0-", "If-Range", plain.Header.Get("Etag")), 206},
		"a range, if other":   {append(has, "Range", "bytes=0-", "If-Range", `"x"`), 200},
		"if match":            {append(has, "If-Match", plain.Header.Get("Etag")), 200},
		"if match of another": {append(has, "If-Match", `"x"`), 412},
		"it holds":            {append(has, "If-None-Match", plain.Header.Get("Etag")), 304},
		"another site":        {append(has, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"), 200},
	} {
		resp, body := h.get("GET", "/r/list.txt", tc.fields...)
		if resp.StatusCode != tc.status || resp.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %s, Content-Encoding %q, expected %d without", name, resp.Status, resp.Header.Get("Content-Encoding"), tc.status)
		}
		if tc.status < 300 && !bytes.Equal(body, now) {
			t.Errorf("%s: %d bytes, expected %d", name, len(body), len(now))
		}
		if vary := resp.Header.Get("Vary"); vary == "" {
			t.Errorf("%s: no Vary", name)
		}
	}
	// Two dictionaries are none.
	req, _ := http.NewRequest("GET", "http://"+h.addr+"/r/list.txt", nil)
	req.Header = http.Header{"Accept-Encoding": {"dcz"}, "Available-Dictionary": {available(old), available(now)}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.Header.Get("Content-Encoding") != "" || !bytes.Equal(body, now) {
		t.Error("two dictionaries: not the plain bytes")
	}
}

// TestDifferenceConditions: HEAD tells what GET would give, as far as it is there, and a
// difference that the client has is not given again.
func TestDifferenceConditions(t *testing.T) {
	h := newHouse(t)
	old, now := h.twice("list.txt")
	has := []string{"Accept-Encoding", "dcz", "Available-Dictionary", available(old)}
	if resp, _ := h.get("HEAD", "/r/list.txt", has...); resp.Header.Get("Content-Encoding") != "" || resp.ContentLength != int64(len(now)) {
		t.Errorf("HEAD, before there is one: %v, %d bytes", resp.Header, resp.ContentLength)
	}
	got, body := h.get("GET", "/r/list.txt", has...)
	h.differs(got, body, old, now)
	head, _ := h.get("HEAD", "/r/list.txt", has...)
	head.Header.Del("Date")
	got.Header.Del("Date")
	if a, b := fmt.Sprint(head.Header), fmt.Sprint(got.Header); a != b {
		t.Errorf("HEAD: %s, expected %s", a, b)
	}
	held, none := h.get("GET", "/r/list.txt", append(has, "If-None-Match", `"x", W/`+got.Header.Get("Etag"))...)
	if held.StatusCode != 304 || len(none) > 0 || held.Header.Get("Etag") != got.Header.Get("Etag") || held.Header.Get("Vary") == "" {
		t.Errorf("%s %v, expected 304", held.Status, held.Header)
	}
	resp, body := h.get("GET", "/r/list.txt", append(has, "If-None-Match", `"of another state"`)...)
	h.differs(resp, body, old, now)
}

// TestDictionariesWhereSecure: under TLS and on the machine itself only (RFC 9842, 8).
func TestDictionariesWhereSecure(t *testing.T) {
	h := newHouse(t)
	h.twice("list.txt")
	h.twice("a+b.txt")
	for path, want := range map[string]string{"list.txt": `match="/r/list.txt"`, "a+b.txt": ""} {
		for _, fields := range [][]string{nil, {"X-Other", "1"}} {
			resp, _ := h.get("GET", "/r/"+path, fields...)
			if got := resp.Header.Get("Use-As-Dictionary"); got != want {
				t.Errorf("%s: %q, expected %q", path, got, want)
			}
		}
	}
	a, err := h.m.Open(t.Context(), mirror.Request{Repo: "r", Path: "list.txt"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if got := (&peer{}).lineage("/r/list.txt", a); got != "" {
		t.Errorf("over a plain connection: %q", got)
	}
	if got := (&peer{secure: true}).lineage("/fleet/v1/repos/r/list.txt", a); got != `match="/fleet/v1/repos/r/list.txt"` {
		t.Errorf("over a secure connection, elsewhere: %q", got)
	}
}
