package sources

import (
	"net/url"
	"strings"
	"testing"
)

func repoOf(t testing.TB, name string, upstreams ...string) Repo {
	t.Helper()
	repo := Repo{Name: name}
	for _, s := range upstreams {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		repo.Upstreams = append(repo.Upstreams, u)
	}
	return repo
}

func catalogue(t testing.TB) []Repo {
	return []Repo{
		repoOf(t, "debian", "http://ftp.us.debian.org/debian", "https://mirror.example/debian"),
		repoOf(t, "debian-security", "http://security.debian.org/debian-security"),
		repoOf(t, "ubuntu", "http://archive.ubuntu.com/ubuntu", "https://mirror.example/ubuntu"),
		repoOf(t, "ubuntu-security", "http://security.ubuntu.com/ubuntu", "https://mirror.example/ubuntu"),
		repoOf(t, "ubuntu-ports", "http://ports.ubuntu.com/ubuntu-ports"),
	}
}

func TestMatch(t *testing.T) {
	served := append(catalogue(t)[1:],
		repoOf(t, "deb12", "http://mirror.example/debian/"),
		repoOf(t, "node", "https://node.example:443/x", "http://node2.example:8080/x"))
	m := NewMatcher(served, catalogue(t))
	for uri, want := range map[string]string{
		"http://ftp.nl.debian.org/debian":            "deb12",
		"HTTPS://FTP.nl.Debian.org/debian/":          "deb12",
		"http://mirror.example:80/debian":            "deb12",
		"http://security.debian.org":                 "debian-security",
		"http://security.debian.org/debian-security": "debian-security",
		"http://ftp.de.debian.org/debian-security/":  "debian-security",
		"http://us.archive.ubuntu.com/ubuntu":        "ubuntu",
		"http://security.ubuntu.com/ubuntu/":         "ubuntu-security",
		"http://mirror.example/ubuntu":               "ubuntu",
		"http://ports.ubuntu.com/ubuntu-ports":       "ubuntu-ports",
		"http://node.example/x":                      "node",
		"http://node2.example:8080/x/":               "node",
		"http://node2.example/x":                     "",
		"http://archive.debian.org/debian":           "",
		"http://evil-debian.org/debian":              "",
		"http://old-releases.ubuntu.com/ubuntu":      "",
		"tor+http://ftp.nl.debian.org/debian":        "",
		"mirror+file:/etc/apt/mirrors.txt":           "",
		"http://ftp.nl.debian.org/debian/$(ARCH)":    "",
		"http://%zz/debian":                          "",
	} {
		if got, ok := m.Match(uri); got != want || ok != (want != "") {
			t.Errorf("Match(%q) = %q, %v; want %q", uri, got, ok, want)
		}
	}
	if got := m.Archive("deb12"); got != "debian" {
		t.Errorf("Archive(deb12) = %q", got)
	}
	if got := m.Archive("node"); got != "" {
		t.Errorf("Archive(node) = %q", got)
	}
}

func TestRewrite(t *testing.T) {
	m := NewMatcher(catalogue(t), catalogue(t))
	for _, tc := range []struct{ name, file, in, want string }{
		{"one line", "sources.list",
			"deb [arch=amd64]  http://ftp.nl.debian.org/debian/  bookworm main # keep\n",
			"deb [arch=amd64]  http://s:1/debian  bookworm main # keep\n"},
		{"same lines stay", "sources.list",
			"deb http://ftp.nl.debian.org/debian a main\ndeb http://ftp.de.debian.org/debian b main\n",
			"deb http://s:1/debian a main\ndeb http://s:1/debian b main\n"},
		{"no line end", "sources.list", "deb http://security.debian.org x main", "deb http://s:1/debian-security x main"},
		{"foreign", "sources.list", "deb http://x.example/debian a main\n", "deb http://x.example/debian a main\n"},
		{"doubled on a line", "x.sources",
			"Types: deb\nURIs: http://ftp.nl.debian.org/debian http://x.example http://ftp.de.debian.org/debian\nSuites: a\n",
			"Types: deb\nURIs: http://s:1/debian http://x.example\nSuites: a\n"},
		{"doubled on lines of their own", "x.sources",
			"URIs:\n http://ftp.nl.debian.org/debian\n# c\n http://ftp.de.debian.org/debian\nTypes: deb\nSuites: a\n",
			"URIs:\n http://s:1/debian\n# c\nTypes: deb\nSuites: a\n"},
		{"doubled at a line's head", "x.sources",
			"Types: deb\nSuites: a\nURIs: http://ftp.nl.debian.org/debian\n http://ftp.de.debian.org/debian http://x.example",
			"Types: deb\nSuites: a\nURIs: http://s:1/debian\n http://x.example"},
		{"doubled at the end of the file", "x.sources",
			"Types: deb\nSuites: a\nURIs: http://ftp.nl.debian.org/debian\n http://ftp.de.debian.org/debian",
			"Types: deb\nSuites: a\nURIs: http://s:1/debian\n"},
		{"two stanzas", "x.sources",
			"Types: deb\nURIs: http://ftp.nl.debian.org/debian\nSuites: a\n\nTypes: deb-src\nURIs: http://ftp.nl.debian.org/debian\nSuites: a\n",
			"Types: deb\nURIs: http://s:1/debian\nSuites: a\n\nTypes: deb-src\nURIs: http://s:1/debian\nSuites: a\n"},
		{"disabled", "x.sources",
			"Enabled: no\nTypes: deb\nURIs: http://ftp.nl.debian.org/debian\nSuites: a\n",
			"Enabled: no\nTypes: deb\nURIs: http://ftp.nl.debian.org/debian\nSuites: a\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := File{Name: tc.file, Text: tc.in, Entries: parse(tc.file, tc.in)}
			if got, _ := file.Rewrite(m, "http://s:1/"); got != tc.want {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

// FuzzRewrite: what was rewritten reads as the new URIs, and nothing but URIs
// that matched has changed.
func FuzzRewrite(f *testing.F) {
	f.Add("deb [arch=amd64] http://ftp.nl.debian.org/debian bookworm main\n", false)
	f.Add("deb cdrom:[x y]/ a b\ndeb \"http://ftp.nl.debian.org/debian\" a b", false)
	f.Add("Types: deb\nURIs: http://ftp.nl.debian.org/debian\n http://ftp.de.debian.org/debian x\nSuites: a\n", true)
	f.Add("Types: deb\r\nURIs:\r\n#\r\n http://security.debian.org\r\nSuites: a\r\n\r\n", true)
	m := NewMatcher(catalogue(f), catalogue(f))
	f.Fuzz(func(t *testing.T, text string, stanzas bool) {
		name := "x.list"
		if stanzas {
			name = "x.sources"
		}
		file := File{Name: name, Text: text, Entries: parse(name, text)}
		got, changes := file.Rewrite(m, "http://s:1")
		var uris []string
		matched := false
		for _, change := range changes {
			if matched = matched || change.To != ""; change.To != "" {
				uris = append(uris, change.To)
			} else {
				uris = append(uris, change.URI)
			}
		}
		if !matched && got != text {
			t.Fatalf("nothing matched, yet %q became %q", text, got)
		}
		after := parse(name, got)
		for _, entry := range after { // in order; a doubled one may be gone
			for len(uris) > 0 && uris[0] != entry.URI {
				uris = uris[1:]
			}
			if len(uris) == 0 {
				t.Fatalf("%q became %q, in which %q came from nowhere", text, got, entry.URI)
			}
			uris = uris[1:]
		}
		if again, _ := (File{Name: name, Text: got, Entries: after}).Rewrite(m, "http://s:1"); again != got {
			t.Fatalf("a second rewrite of %q changed it to %q", got, again)
		}
		if !stanzas && strings.Count(got, "\n") != strings.Count(text, "\n") {
			t.Fatalf("lines came or went: %q became %q", text, got)
		}
	})
}
