package accesslog

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var sample = Entry{
	At: time.Date(2026, 11, 25, 9, 8, 7, 6_000_000, time.UTC), Took: 1234567 * time.Nanosecond, Addr: "192.0.2.1",
	Method: "GET", URI: "/debian/pool/a.deb", Proto: "HTTP/1.1", Agent: "Debian APT-HTTP/1.3 (2.6.1)",
	Status: 200, Bytes: 4096, Repo: "debian", Cache: "hit",
}

func TestFormats(t *testing.T) {
	failed := Entry{At: sample.At, Addr: "::1", Method: "POST", URI: "/x", Proto: "HTTP/2.0", Status: 405, Referer: "http://r/", Aborted: true}
	for _, tc := range []struct {
		format Format
		entry  Entry
		want   string
	}{
		{Combined, sample, `192.0.2.1 - - [25/Nov/2026:09:08:07 +0000] "GET /debian/pool/a.deb HTTP/1.1" 200 4096 "-" "Debian APT-HTTP/1.3 (2.6.1)" rt=0.001235 cache=hit repo=debian`},
		{Combined, failed, `::1 - - [25/Nov/2026:09:08:07 +0000] "POST /x HTTP/2.0" 405 0 "http://r/" "-" rt=0.000000 cache=- repo=- aborted`},
		{JSON, sample, `{"time":"2026-11-25T09:08:07.006Z","remote_addr":"192.0.2.1","method":"GET","uri":"/debian/pool/a.deb","proto":"HTTP/1.1","status":200,"bytes":4096,"duration":0.001234567,"cache":"hit","repo":"debian","user_agent":"Debian APT-HTTP/1.3 (2.6.1)"}`},
		{JSON, failed, `{"time":"2026-11-25T09:08:07.006Z","remote_addr":"::1","method":"POST","uri":"/x","proto":"HTTP/2.0","status":405,"bytes":0,"duration":0,"referer":"http://r/","aborted":true}`},
	} {
		if got := string(tc.format([]byte("before"), &tc.entry)); got != "before"+tc.want+"\n" {
			t.Errorf("got\n%s, expected\n%s", got, tc.want)
		}
	}
}

// combined is how readers of the format take a line apart.
var combined = regexp.MustCompile(`^(\S+) - - \[([^]]+)\] "([^"]*)" (\d+) (\d+) "([^"]*)" "([^"]*)" rt=(\d+\.\d{6}) cache=(\S+) repo=(\S+)( aborted)?\n$`)

// FuzzForgery: whatever a client sends, a line stays one line and its fields theirs.
func FuzzForgery(f *testing.F) {
	f.Add("GET", "/x", "HTTP/1.1", "", "apt")
	f.Add("GET", "/x\" 200 1 \"-\" \"", "HTTP/1.1\n127.0.0.1 - -", "\\", "\x00\xff\u2028 cache=hit repo=debian")
	f.Fuzz(func(t *testing.T, method, uri, proto, referer, agent string) {
		e := sample
		e.Method, e.URI, e.Proto, e.Referer, e.Agent, e.Repo = method, uri, proto, referer, agent, uri
		text := string(Combined(nil, &e))
		parts := combined.FindStringSubmatch(text)
		if parts == nil {
			t.Fatalf("not one line of the format: %q", text)
		}
		if parts[4] != "200" || parts[5] != "4096" || parts[9] != "hit" || strings.Count(text, "\n") != 1 {
			t.Errorf("forged: %q", text)
		}
		var back line
		text = string(JSON(nil, &e))
		if err := json.Unmarshal([]byte(text), &back); err != nil || strings.Count(text, "\n") != 1 {
			t.Fatalf("%q: %v", text, err)
		}
		if utf8.ValidString(uri) && back.URI != uri || back.Status != 200 || back.Cache != "hit" {
			t.Errorf("forged: %+v", back)
		}
	})
}

func BenchmarkCombined(b *testing.B) {
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = Combined(buf[:0], &sample)
	}
}

func BenchmarkJSON(b *testing.B) {
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = JSON(buf[:0], &sample)
	}
}
