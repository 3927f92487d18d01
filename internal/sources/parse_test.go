package sources

import (
	"reflect"
	"testing"
)

type brief struct {
	Line     int
	URI      string
	Suites   []string
	SignedBy []string
	Inline   bool
}

func briefs(name, text string) []brief {
	var all []brief
	for _, e := range parse(name, text) {
		all = append(all, brief{e.Line, e.URI, e.Suites, e.SignedBy, e.InlineKey})
	}
	return all
}

func TestOneLine(t *testing.T) {
	const text = `# deb http://off.example/debian bookworm main
deb http://a.example/debian bookworm main # comment
  deb-src   http://a.example/debian	bookworm main
deb [ arch=amd64,i386 signed-by=/k1.gpg,/k2.gpg ] https://b.example/x/ ./
deb [signed-by="/k.gpg"] https://c.example stable main
deb cdrom:[Debian GNU/Linux 12 _Bookworm_]/ bookworm main
deb "http://d.example/q" bookworm main
rpm http://e.example/x y z
deb http://f.example/only
deb [arch=amd64] http://g.example
deb http://h.example/a#b stable main`
	want := []brief{
		{2, "http://a.example/debian", []string{"bookworm"}, nil, false},
		{3, "http://a.example/debian", []string{"bookworm"}, nil, false},
		{4, "https://b.example/x/", []string{"./"}, []string{"/k1.gpg", "/k2.gpg"}, false},
		{5, "https://c.example", []string{"stable"}, []string{"/k.gpg"}, false},
		{6, "cdrom:[Debian GNU/Linux 12 _Bookworm_]/", []string{"bookworm"}, nil, false},
		{7, "http://d.example/q", []string{"bookworm"}, nil, false},
		{11, "http://h.example/a#b", []string{"stable"}, nil, false},
	}
	if got := briefs("sources.list", text); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDeb822(t *testing.T) {
	const text = `# leading comment

Types: deb deb-src
# between fields
URIs: http://a.example/debian http://b.example/debian
Suites: bookworm
 bookworm-updates
Components: main
Signed-By: /k1.gpg /k2.gpg

types: deb
uris:
 http://c.example/debian
# within a field
 http://d.example/debian
suites: stable
signed-by:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEY865
 -----END PGP PUBLIC KEY BLOCK-----

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: x

Types: rpm
URIs: http://rpm.example
Suites: x
`
	want := []brief{
		{5, "http://a.example/debian", []string{"bookworm", "bookworm-updates"}, []string{"/k1.gpg", "/k2.gpg"}, false},
		{5, "http://b.example/debian", []string{"bookworm", "bookworm-updates"}, []string{"/k1.gpg", "/k2.gpg"}, false},
		{13, "http://c.example/debian", []string{"stable"}, nil, true},
		{15, "http://d.example/debian", []string{"stable"}, nil, true},
	}
	if got := briefs("x.sources", text); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	// A Windows editor changes nothing of that.
	crlf := "Types: deb\r\nURIs: http://a.example\r\nSuites: x\r\n\r\nTypes: deb\r\nURIs: http://b.example\r\nSuites: y\r\n"
	if got := briefs("x.sources", crlf); len(got) != 2 || got[1].URI != "http://b.example" || got[1].Suites[0] != "y" {
		t.Errorf("CRLF: %+v", got)
	}
}
