package server

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"

	"mirrord/internal/digest"
	"mirrord/internal/mirrorlist"
)

const (
	place  = "rel/40/x86_64/os"
	repomd = place + "/repodata/repomd.xml"
)

// answered are lists of "f", and of "other", which is not served.
func answered() Options {
	tree := mirrorlist.Template{URL: "https://l.example/metalink?repo=f-$releasever&arch=$basearch", Path: "rel/$releasever/$basearch/os"}
	return Options{Lists: []Lists{
		{"f", []mirrorlist.Template{
			{URL: "https://l.example/any.xml", Path: place},
			tree,
			{URL: "https://l.example/mirrorlist/$releasever/base", Path: "rel/$releasever/$basearch/os"},
			{URL: "https://l.example/mirrorlist?repo=c&arch=$basearch", Path: "rel/40/$basearch/os"},
		}},
		{"other", []mirrorlist.Template{tree, {URL: "https://l.example/metalink?repo=o", Path: place}}},
	}}
}

// publish puts a state of the repository upstream, and gives its repomd.xml.
func (h *house) publish(version int) []byte {
	primary := fmt.Appendf(nil, "<metadata><!-- %d --></metadata>", version)
	name := fmt.Sprintf("repodata/%x-primary.xml", sha256.Sum256(primary))
	text := fmt.Appendf(nil, `<repomd><data type="primary"><checksum type="sha256">%x</checksum><location href="%s"/><size>%d</size><timestamp>%d</timestamp></data></repomd>`,
		sha256.Sum256(primary), name, len(primary), 1_700_000_000+version)
	h.up.Set("/"+place+"/"+name, primary)
	h.up.Set("/"+repomd, text)
	return text
}

// metalink asks for one and reads it.
func (h *house) metalink(path string, fields ...string) mirrorlist.Listing {
	h.t.Helper()
	resp, body := h.get("GET", path, fields...)
	l, err := mirrorlist.Metalink.Parse(body)
	if err != nil || resp.StatusCode != 200 || len(l.Repos) != 1 ||
		resp.Header.Get("Content-Type") != "application/metalink+xml" || resp.Header.Get("Cache-Control") != "no-store" {
		h.t.Fatalf("%s: %s, %v, %v\n%s", path, resp.Status, resp.Header, err, body)
	}
	return l
}

// TestMetalink: it names this server and the states of repomd.xml, the one that is
// given now first.
func TestMetalink(t *testing.T) {
	h := newHouseWith(t, answered(), usualWaits)
	old := h.publish(1)
	l := h.metalink("/metalink?repo=f-40&arch=x86_64&countme=1", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.example", "Forwarded", "host=evil.example")
	if at := l.Repos[0].String(); at != "http://"+h.addr+"/f/"+place {
		t.Errorf("it names %s", at)
	}
	if len(l.Digests) != 1 || l.Digests[0] != digest.Of(old) {
		t.Errorf("it has %v", l.Digests)
	}
	if _, got := h.get("GET", l.Repos[0].Path+"/repodata/repomd.xml"); string(got) != string(old) {
		t.Errorf("what it names is %q", got)
	}
	young := h.publish(2)
	if _, got := h.get("GET", "/f/"+repomd); string(got) != string(old) { // within the time that it was promised for
		t.Errorf("promised was %q, given is %q", old, got)
	}
	l = h.metalink("/f/metalink?repo=f-40&arch=x86_64")
	if len(l.Digests) != 2 || l.Digests[0] != digest.Of(old) || l.Digests[1] != digest.Of(young) {
		t.Errorf("it has %v, expected those of\n%s\n%s", l.Digests, old, young)
	}
	h.up.Down()
	resp, body := h.get("HEAD", "/metalink?repo=f-40&arch=x86_64")
	if resp.StatusCode != 200 || len(body) != 0 || !strings.Contains(resp.Header.Get("Cache-Status"), "fwd=stale; detail=") {
		t.Errorf("HEAD: %s, %v, %q", resp.Status, resp.Header, body)
	}
}

// TestMirrorlist: the same as lines, with the variable that the question does not tell
// left to the client.
func TestMirrorlist(t *testing.T) {
	h := newHouseWith(t, answered(), usualWaits)
	h.publish(1)
	for path, want := range map[string]string{
		"/mirrorlist?repo=f-40&arch=x86_64": place,
		"/mirrorlist?repo=c&arch=x86_64":    place,
		"/f/mirrorlist":                     place,
		"/mirrorlist/40/base":               "rel/40/$basearch/os",
		"/mirrorlist/40/base/":              "rel/40/$basearch/os",
		"/f/mirrorlist/41/base?countme=1":   "rel/41/$basearch/os",
	} {
		resp, body := h.get("GET", path)
		if resp.StatusCode != 200 || string(body) != "http://"+h.addr+"/f/"+want+"/\n" ||
			resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s, %v\n%s", path, resp.Status, resp.Header, body)
		}
	}
	if l := h.metalink("/f/metalink"); l.Repos[0].Path != "/f/"+place {
		t.Errorf("the one of its repository: %s", l.Repos[0])
	}
}

func TestNoList(t *testing.T) {
	h := newHouseWith(t, answered(), usualWaits)
	h.publish(1)
	h.set("metalink", 10)
	for path, want := range map[string]string{
		"/metalink":                             `404 no such list of mirrors here: "metalink"`,
		"/metalink?repo=x-40&arch=x86_64":       `404 no such list of mirrors here: "metalink?repo=x-40&arch=x86_64"`,
		"/metalink?repo=f-40":                   `404 no such list of mirrors here: "metalink?repo=f-40"`,
		"/metalink?repo=f-40&arch=$basearch":    `404 no such list of mirrors here: "metalink?repo=f-40&arch=$basearch"`,
		"/metalink?repo=f-40%0Ax&arch=a":        `404 no such list of mirrors here: "metalink?repo=f-40%0Ax&arch=a"`,
		"/metalink/40/base":                     `404 no such list of mirrors here: "metalink/40/base"`,
		"/metalink?" + strings.Repeat("a", 2e3): `404 no such list of mirrors`,
		"/metalink?repo=f-41&arch=x86_64":       `404 f: http://` + h.up.Host() + ` answered 404 Not Found`,
		"/mirrorlist?repo=f-41&arch=x86_64":     `404 f: http://` + h.up.Host() + ` answered 404 Not Found`,
		"/metalink?repo=o":                      `404 no such repository: "other"`,
		"/mirrorlist/..%2f40/base":              `400 bad path: an encoded slash`,
	} {
		resp, body := h.get("GET", path)
		if got := fmt.Sprintf("%d %s", resp.StatusCode, strings.TrimSuffix(string(body), "\n")); got != want {
			t.Errorf("%.80s: %.200s, expected %s", path, got, want)
		}
	}
	if resp, body := h.get("GET", "/r/metalink"); resp.StatusCode != 200 || len(body) != 10 {
		t.Errorf("a file of that name: %s, %d bytes", resp.Status, len(body))
	}
	if resp, _ := h.get("POST", "/metalink?repo=f-40&arch=x86_64"); resp.StatusCode != 405 {
		t.Errorf("POST: %s", resp.Status)
	}
	h.up.Down()
	if resp, body := h.get("GET", "/metalink?repo=f-42&arch=x86_64"); resp.StatusCode != 503 || strings.Count(string(body), "\n") != 1 {
		t.Errorf("upstream is down: %s, %q", resp.Status, body)
	}
}

// TestListHost: an answer names the client's own word for this server, and only where
// that is a host.
func TestListHost(t *testing.T) {
	h := newHouseWith(t, answered(), usualWaits)
	h.publish(1)
	for host, want := range map[string]string{
		"mirror.lan":        "http://mirror.lan",
		"mirror_1.lan.:80":  "http://mirror_1.lan.:80",
		"10.0.0.1:8080":     "http://10.0.0.1:8080",
		"[fe80::1]:8080":    "http://[fe80::1]:8080",
		"":                  "",
		"a b":               "",
		"a/b":               "",
		"user@host":         "",
		"a&b":               "",
		`"><evil>`:          "",
		"a'b":               "",
		"a:80:81":           "",
		"a:port":            "",
		"-a":                "",
		"a%0d%0ab":          "",
		"[::1]evil.example": "",
	} {
		got := h.raw("GET /mirrorlist?repo=f-40&arch=x86_64 HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
		head, body, _ := strings.Cut(got, "\r\n\r\n")
		if want == "" && (!strings.HasPrefix(head, "HTTP/1.1 400 ") || strings.Contains(body, "evil")) ||
			want != "" && body != want+"/f/"+place+"/\n" {
			t.Errorf("%q: %s", host, got)
		}
	}
	o := answered()
	o.Public, _ = url.Parse("https://mirror.example/all")
	public := newHouseWith(t, o, usualWaits)
	public.publish(1)
	if l := public.metalink("/metalink?repo=f-40&arch=x86_64"); l.Repos[0].String() != "https://mirror.example/all/f/"+place {
		t.Errorf("it names %s", l.Repos[0])
	}
}

// TestListOverTLS: who came by TLS is sent on by TLS.
func TestListOverTLS(t *testing.T) {
	h, addr, client, _ := secureHouse(t, usualWaits)
	h.publish(1)
	for _, http2 := range []bool{true, false} {
		resp, err := client(http2).Get("https://" + addr + "/mirrorlist?repo=f-40&arch=x86_64")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(body) != "https://"+addr+"/f/"+place+"/\n" {
			t.Errorf("%s: %s, %q, %v", resp.Proto, resp.Status, body, err)
		}
	}
}

// raw sends text and reads all that comes.
func (h *house) raw(text string) string {
	h.t.Helper()
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(text)); err != nil {
		h.t.Fatal(err)
	}
	var all strings.Builder
	if _, err := io.Copy(&all, c); err != nil {
		h.t.Fatal(err)
	}
	return all.String()
}
