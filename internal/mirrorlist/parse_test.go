package mirrorlist

import (
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// metalink is in the form of MirrorManager's, for two states of repomd.xml.
func metalink(now, before string, urls ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="utf-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" generator="mirrormanager" xmlns:mm0="http://fedorahosted.org/mirrormanager">
 <files>
  <file name="other.xml"><verification><hash type="sha256">%x</hash></verification><resources><url>https://no.example/repodata/repomd.xml</url></resources></file>
  <file name="repomd.xml">
   <mm0:timestamp>1779326542</mm0:timestamp>
   <size>4057</size>
   <verification>
    <hash type="md5">9e3283e1e6227d8bb786709fc3771cef</hash>
    <hash type="sha512">%x</hash>
   </verification>
   <mm0:alternates>
    <mm0:alternate>
      <verification><hash type="sha256">%x</hash></verification>
    </mm0:alternate>
   </mm0:alternates>
   <resources maxconnections="1">
`, sha256.Sum256([]byte("other")), sha512.Sum512([]byte(now)), sha256.Sum256([]byte(before)))
	for i, u := range urls {
		fmt.Fprintf(&b, "    <url protocol=\"https\" type=\"https\" location=\"DE\" preference=\"%d\">%s</url>\n", 100-i, u)
	}
	return b.String() + "   </resources>\n  </file>\n </files>\n</metalink>\n"
}

func texts(l Listing) (all []string) {
	for _, u := range l.Repos {
		all = append(all, u.String())
	}
	return all
}

func TestParseMetalink(t *testing.T) {
	l, err := Metalink.Parse([]byte(metalink("now", "before",
		"http://b.example/linux/rel/40/repodata/repomd.xml", "rsync://a.example/rel/40/repodata/repomd.xml",
		"https://B.example/linux/rel/40/repodata/repomd.xml", "https://a.example/rel/40/repodata/repomd.xml",
		"https://c.example/rel/40/repodata/other.xml", "https://u:p@d.example/rel/40/repodata/repomd.xml",
		"https://e.example/rel/40/repodata/repomd.xml?x=1", "https://f.example/../rel/repodata/repomd.xml", "file:///etc/repodata/repomd.xml")))
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(l); !slices.Equal(got, []string{"https://b.example/linux/rel/40", "https://a.example/rel/40"}) {
		t.Errorf("%q", got)
	}
	for text, want := range map[string]bool{"now": true, "before": true, "other": false, "": false} {
		if l.Vouches([]byte(text)) != want {
			t.Errorf("vouches for %q: %v", text, !want)
		}
	}
}

// The preference counts, not the order.
func TestPreference(t *testing.T) {
	text := metalink("a", "b", "https://first.example/repodata/repomd.xml", "https://second.example/repodata/repomd.xml")
	text = strings.Replace(text, `preference="100"`, `preference="1"`, 1)
	l, err := Metalink.Parse([]byte(text))
	if err != nil || l.Repos[0].Host != "second.example" {
		t.Errorf("%q, %v", texts(l), err)
	}
}

// Version 4 says the same in other words.
func TestMetalink4(t *testing.T) {
	text := fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<metalink xmlns="urn:ietf:params:xml:ns:metalink"><generator>MirrorCache</generator>
 <file name="repomd.xml"><size>1</size><hash type="sha-256">%x</hash><hash type="md5">00</hash>
  <url location="de" priority="2">http://second.example/oss/repodata/repomd.xml</url>
  <url location="de" priority="1">http://first.example/oss/repodata/repomd.xml</url>
 </file></metalink>`, sha256.Sum256([]byte("now")))
	l, err := Metalink.Parse([]byte(text))
	if err != nil || !slices.Equal(texts(l), []string{"http://first.example/oss", "http://second.example/oss"}) || !l.Vouches([]byte("now")) || l.Vouches([]byte("other")) {
		t.Errorf("%q, %v, %v", texts(l), l.Digests, err)
	}
}

func TestParseMirrorlist(t *testing.T) {
	l, err := Mirrorlist.Parse([]byte("# repo = x country = DE\nhttps://a.example/9/BaseOS/x86_64/os/\r\n\nhttp://b.example/9.4/BaseOS/$basearch/os\nftp://c.example/x\nnonsense\n"))
	if err != nil || len(l.Digests) != 0 || !l.Vouches([]byte("anything")) {
		t.Fatal(err, l)
	}
	alma := Template{Path: "$releasever/BaseOS/$basearch/os"}
	var bases []string
	for _, repo := range l.Repos {
		if base, ok := alma.Base(repo); ok {
			bases = append(bases, base.String())
		}
	}
	if !slices.Equal(bases, []string{"https://a.example", "http://b.example"}) {
		t.Errorf("%q of %q", bases, texts(l))
	}
}

func TestBase(t *testing.T) {
	tree := Template{Path: "rel/$releasever/os"}
	for repo, want := range map[string]string{
		"https://a.example/pub/linux/rel/40/os": "https://a.example/pub/linux",
		"https://a.example/rel/40/os":           "https://a.example",
		"https://a.example/rel/40/other":        "",
		"https://a.example/40/os":               "",
		"https://a.example/$x/rel/40/os":        "",
	} {
		u, err := url.Parse(repo)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := tree.Base(u)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s: %v, %v", repo, got, ok)
		}
	}
	u, _ := url.Parse("https://a.example/x")
	if got, ok := (Template{}).Base(u); !ok || got.String() != "https://a.example/x" {
		t.Errorf("%v, %v", got, ok)
	}
}

func TestListsThatCannotBe(t *testing.T) {
	many := "https://a.example/\n"
	for i := range 80 {
		many += fmt.Sprintf("https://m%d.example/x\n", i)
	}
	if l, err := Mirrorlist.Parse([]byte(many)); err != nil || len(l.Repos) != MirrorsMost {
		t.Errorf("%d mirrors, %v", len(l.Repos), err)
	}
	for name, text := range map[string]string{
		"nothing":                   "",
		"a page":                    "<html><body>503</body></html>",
		"no end":                    `<metalink><files><file name="repomd.xml"><resources><url>https://a.example/repodata/repomd.xml`,
		"neither mirror nor digest": `<metalink><files><file name="repomd.xml"><hash type="sha1">0</hash></file></files></metalink>`,
		"too long":                  metalink("a", "b", "https://a.example/repodata/repomd.xml") + strings.Repeat(" ", BytesMost),
		"too deep":                  strings.Repeat("<metalink>", 40),
		"a nested value":            `<metalink><files><file name="repomd.xml"><hash type="sha256"><b/></hash></file></files></metalink>`,
		"an own entity":             `<!DOCTYPE m [<!ENTITY a "b">]><metalink><files><file name="repomd.xml"><url>&a;</url></file></files></metalink>`,
		"a giant URL":               metalink("a", "b", "https://a.example/"+strings.Repeat("a", 5000)+"/repodata/repomd.xml"),
		"another charset":           `<?xml version="1.0" encoding="utf-16"?><metalink></metalink>`,
	} {
		if _, err := Metalink.Parse([]byte(text)); !errors.Is(err, ErrFormat) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Mirrorlist.Parse([]byte(strings.Repeat("a", 70<<10))); !errors.Is(err, ErrFormat) {
		t.Errorf("a long line: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(metalink("a", "b", "https://a.example/repodata/repomd.xml")))
	f.Add([]byte("https://a.example/x\n# c\nhttp://b.example:81/"))
	f.Add([]byte("<metalink></a></metalink>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, kind := range []Kind{Metalink, Mirrorlist} {
			l, err := kind.Parse(text)
			if err != nil {
				if !errors.Is(err, ErrFormat) {
					t.Fatal(err)
				}
				continue
			}
			if len(l.Repos)+len(l.Digests) == 0 || len(l.Repos) > MirrorsMost || len(l.Digests) > digestsMost {
				t.Fatalf("%+v", l)
			}
			for _, u := range l.Repos {
				again, err := url.Parse(u.String())
				if err != nil || u.User != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || again.Host != u.Host {
					t.Fatalf("%+v, %v", u, err)
				}
			}
		}
	})
}
