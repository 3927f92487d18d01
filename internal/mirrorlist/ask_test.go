package mirrorlist

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"mirrord/internal/digest"
)

// Whoever changes the host of a public list's URL gets the place that it lists.
func TestAnswers(t *testing.T) {
	vars := map[string]string{"$releasever": "40", "$basearch": "x86_64", "$stream": "9-stream"}
	for _, k := range All {
		u, err := url.Parse(Expand(k.URL, vars))
		if err != nil {
			t.Fatal(err)
		}
		q, ok := ParseQuestion(strings.Trim(u.Path, "/"), u.RawQuery+"&countme=4")
		if !ok || q.Kind != k.Kind {
			t.Fatalf("%s: %v, %v", u, q, ok)
		}
		want := Expand(k.Path, vars)
		if k.Archive == "almalinux" { // its URL does not say the architecture
			want = Expand(k.Path, map[string]string{"$releasever": "40"})
		}
		if got, ok := k.Answers(q); !ok || got != want {
			t.Errorf("%s: %q, %v; expected %q", u, got, ok, want)
		}
		for _, other := range All {
			if place, ok := other.Answers(q); ok && place != want {
				t.Errorf("%s: also %q of %s", u, place, other.URL)
			}
		}
	}
}

func TestQuestion(t *testing.T) {
	fixed := Template{URL: "https://l.example/any.xml", Path: "rel/40"}
	nested := Template{URL: "https://l.example/mm/metalink?repo=f-$releasever", Path: "rel/$releasever"}
	alma := Template{URL: "https://l.example/mirrorlist/$releasever/base", Path: "$releasever/$basearch"}
	for _, c := range []struct {
		t           Template
		path, query string
		want        string
	}{
		{fixed, "metalink", "", "rel/40"},
		{fixed, "metalink", "repo=any", "rel/40"},
		{fixed, "metalink/9", "", ""},
		{nested, "metalink", "x=1&repo=f-40", "rel/40"},
		{nested, "mirrorlist", "repo=f-40", "rel/40"},
		{nested, "metalink", "repo=f-40&repo=f-41", "rel/40"},
		{nested, "metalink", "repo=f-4%2F..", ""},
		{nested, "metalink", "repo=f-$releasever", ""},
		{nested, "metalink", "", ""},
		{nested, "metalink/x", "repo=f-40", ""},
		{nested, "mm/metalink", "repo=f-40", ""},
		{nested, "metalinks", "repo=f-40", ""},
		{alma, "mirrorlist/9/base", "", "9/$basearch"},
		{alma, "mirrorlist/9", "", ""},
		{alma, "mirrorlist/$releasever/base", "", ""},
	} {
		q, _ := ParseQuestion(c.path, c.query)
		if got, ok := c.t.Answers(q); got != c.want || ok != (got != "") {
			t.Errorf("%s of %s?%s: %q, %v, expected %q", c.t.URL, c.path, c.query, got, ok, c.want)
		}
	}
	if !fixed.Single() || nested.Single() || alma.Single() {
		t.Error("which lists are told apart")
	}
	if _, ok := ParseQuestion("metalink", strings.Repeat("a=b&", askMost)); ok {
		t.Error("a question without end")
	}
}

func FuzzQuestion(f *testing.F) {
	f.Add("metalink", "repo=fedora-40&arch=x86_64")
	f.Add("mirrorlist/9/baseos", "countme=1")
	f.Add("metalink", "repo=fedora-%2e%2e&arch=$basearch")
	f.Fuzz(func(t *testing.T, path, query string) {
		q, ok := ParseQuestion(path, query)
		if !ok {
			return
		}
		if s := q.String(); len(s) > 500 || strings.ContainsAny(s, "\r\n") {
			t.Errorf("worded as %s", s)
		}
		for _, k := range All {
			place, ok := k.Answers(q)
			if !ok {
				continue
			}
			if strings.Contains(place, "..") || strings.Contains(strings.Replace(place, "$basearch", "", 1), "$") ||
				strings.Count(place, "/") != strings.Count(k.Path, "/") {
				t.Errorf("%q of %s", place, q)
			}
		}
	})
}

func TestWriteMetalink(t *testing.T) {
	now := State{digest.Of([]byte("now")), 3, time.Unix(1_700_000_000, 0)}
	before := State{Digest: digest.Of([]byte("before")), Size: 6}
	base := &url.URL{Scheme: "http", Host: "mirror.lan:8080", Path: "/f/rel/40"}
	want := `<?xml version="1.0" encoding="UTF-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" generator="mirrord" xmlns:mm0="http://fedorahosted.org/mirrormanager">
 <files>
  <file name="repomd.xml">
   <mm0:timestamp>1700000000</mm0:timestamp>
   <size>3</size>
   <verification>
    <hash type="sha256">` + now.Digest.Hex() + `</hash>
   </verification>
   <mm0:alternates>
    <mm0:alternate>
     <size>6</size>
     <verification>
      <hash type="sha256">` + before.Digest.Hex() + `</hash>
     </verification>
    </mm0:alternate>
   </mm0:alternates>
   <resources>
    <url protocol="http" type="http" preference="100">http://mirror.lan:8080/f/rel/40/repodata/repomd.xml</url>
   </resources>
  </file>
 </files>
</metalink>
`
	if got := string(WriteMetalink(base, now, []State{before})); got != want {
		t.Errorf("%s\nexpected\n%s", got, want)
	}
}

// Whatever base it has, what is written is read again as the same.
func FuzzWriteMetalink(f *testing.F) {
	f.Add("http://mirror.lan:8080/a b/<c>&\"'")
	f.Add("https://[::1]/$x/%2f")
	f.Fuzz(func(t *testing.T, raw string) {
		base, err := url.Parse(raw)
		if err != nil {
			return
		}
		var one Listing
		one.add(base.String())
		if len(one.Repos) == 0 {
			return // no mirror could be there
		}
		now, before := State{Digest: digest.Of([]byte("now"))}, State{Digest: digest.Of([]byte("before"))}
		l, err := Metalink.Parse(WriteMetalink(one.Repos[0], now, []State{before}))
		if err != nil || len(l.Repos) != 1 || !l.Vouches([]byte("now")) || !l.Vouches([]byte("before")) || l.Vouches([]byte("other")) {
			t.Fatalf("%q: %+v, %v", raw, l, err)
		}
		if l.Repos[0].Host != one.Repos[0].Host || l.Repos[0].Scheme != one.Repos[0].Scheme {
			t.Errorf("%q became %s", raw, l.Repos[0])
		}
	})
}
