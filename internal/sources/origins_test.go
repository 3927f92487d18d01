package sources

import (
	"errors"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var testRules = Rules{
	Upstream: func(s string) (*url.URL, error) {
		u, err := url.Parse(s)
		if err == nil && u.RawQuery != "" {
			return nil, errors.New("query")
		}
		return u, err
	},
	Keyring: func(s string) (string, error) {
		if strings.Contains(s, "missing") {
			return "", errors.New("no such file")
		}
		return s, nil
	},
	Name: func(s string) (string, error) {
		if s == "api" {
			return "", errors.New("reserved")
		}
		return s, nil
	},
}

func TestOrigins(t *testing.T) {
	const text = `deb [signed-by=/k1.gpg] http://ftp.nl.debian.org/debian bookworm main
deb https://ftp.nl.debian.org/debian/ bookworm-updates main
deb [signed-by=/missing.gpg] http://security.debian.org/debian-security bookworm-security main
deb http://mirror.lan/debian bookworm main
deb [signed-by=0123456789ABCDEF] https://node.example/a stable main
deb https://node.example/b stable main
deb https://node.example/b?c=d stable main
deb http://api stable main
deb tor+http://u:secret@x.example/debian stable main
deb cdrom:[Disc 1]/ stable main
`
	file := File{Name: "sources.list", Text: text, Entries: parse("sources.list", text)}
	origins, notes := Origins([]File{file}, NewMatcher(nil, catalogue(t)), testRules)
	type short struct{ name, url, keyring, notes string }
	var got []short
	for _, o := range origins {
		got = append(got, short{o.Name, o.URL.String(), o.Keyring, strings.Join(o.Notes, "|")})
	}
	want := []short{
		{"debian", "http://ftp.nl.debian.org/debian", "/k1.gpg", ""},
		{"debian-security", "http://security.debian.org/debian-security", "", "Signed-By no such file"},
		{"mirror.lan", "http://mirror.lan/debian", "", ""},
		{"node.example", "https://node.example/a", "", `Signed-By "0123456789ABCDEF" is no file`},
		{"node.example-b", "https://node.example/b", "", ""},
		{"api-2", "http://api", "", ""},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !slices.Equal(origins[0].Used, []string{"sources.list:1", "sources.list:2"}) {
		t.Errorf("used: %v", origins[0].Used)
	}
	wantNotes := []string{
		`sources.list:7: "https://node.example/b?c=d" cannot be an upstream`,
		`sources.list:9: "...@x.example/debian" is not http or https`,
		`sources.list:10: "cdrom:[Disc 1]/" is not http or https`,
	}
	if !slices.Equal(notes, wantNotes) {
		t.Errorf("notes: %q", notes)
	}
}

func TestOriginsInlineAndSecondKey(t *testing.T) {
	const text = "Types: deb\nURIs: http://a.example/x\nSuites: s\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n\n" +
		"Types: deb\nURIs: http://a.example/x\nSuites: t\nSigned-By: /k1 /k2\n"
	file := File{Name: "x.sources", Text: text, Entries: parse("x.sources", text)}
	origins, _ := Origins([]File{file}, NewMatcher(nil, nil), testRules)
	if len(origins) != 1 || origins[0].Keyring != "/k1" || len(origins[0].Notes) != 2 {
		t.Errorf("%+v", origins[0])
	}
}

func TestExamples(t *testing.T) {
	release := ParseRelease("PRETTY_NAME=\"Debian\"\nID=debian\nVERSION_CODENAME=\"trixie\"\n")
	for _, tc := range []struct{ archive, want string }{
		{"debian", "http://s:1/n trixie main"},
		{"debian-security", "http://s:1/n trixie-security main"},
		{"ubuntu", "http://s:1/n noble main universe"},
		{"ubuntu-ports", "http://s:1/n noble main universe"},
		{"ubuntu-security", "http://s:1/n noble-security main universe"},
		{"", "deb http://s:1/n SUITE COMPONENT"},
	} {
		if got := Examples("http://s:1/", "n", tc.archive, release); !strings.HasSuffix(got[0], tc.want) {
			t.Errorf("%s: %q, want ...%q", tc.archive, got[0], tc.want)
		}
	}
}
