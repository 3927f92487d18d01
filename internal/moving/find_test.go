package moving

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mirrord/internal/tree"
)

// cacheOf makes a directory like apt-cacher-ng's: a path, and behind a space the URL
// that its header tells.
func cacheOf(t *testing.T, files ...string) *tree.Tree {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		p, source, _ := strings.Cut(f, " ")
		text := "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
		if source != "" {
			text += "X-Original-Source: " + source + "\r\n"
		}
		file := filepath.Join(dir, p)
		err := os.MkdirAll(filepath.Dir(file), 0o755)
		if err == nil {
			err = os.WriteFile(file, []byte("x"), 0o644)
		}
		if err == nil {
			err = os.WriteFile(file+".head", []byte(text+"\r\n"), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	tr, err := tree.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	return tr
}

func repoOf(t *testing.T, name, kind string, upstreams ...string) Repo {
	t.Helper()
	r := Repo{Name: name, Type: kind}
	for _, s := range upstreams {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		r.Upstreams = append(r.Upstreams, u)
	}
	return r
}

func TestFindACNG(t *testing.T) {
	repos := []Repo{
		repoOf(t, "debian", "apt", "http://ftp.one.example/debian", "http://two.example:8080/pub/debian"),
		repoOf(t, "security", "apt", "http://security.example/debian-security"),
		repoOf(t, "ubuntu", "apt", "https://two.example/ubuntu"),
		repoOf(t, "ubuntu-security", "apt", "https://two.example/ubuntu"),
		repoOf(t, "top", "rpm", "https://top.example"),
		repoOf(t, "hub", "oci", "https://hub.example/v2"),
	}
	for name, c := range map[string]struct {
		files []string
		told  []Mount
		want  string
	}{
		"by host, whatever the port":     {[]string{"ftp.one.example/debian/dists/s/InRelease", "two.example/pub/debian/x", "two.example/ubuntu/y", "top.example/a/b"}, nil, "ftp.one.example/debian -> debian; top.example -> top; two.example/pub/debian -> debian; two.example/ubuntu -> ubuntu"},
		"a host in capitals":             {[]string{"FTP.One.Example/debian/x"}, nil, "FTP.One.Example/debian -> debian"},
		"another archive of a host":      {[]string{"ftp.one.example/other/x"}, nil, ""},
		"its own":                        {[]string{"_xstore/rsnap/ftp.one.example/debian/x http://ftp.one.example/debian/x"}, nil, ""},
		"by the source, not by the word": {[]string{"debrep/pool/x http://nobody.example/debian/pool/x", "debrep/pool/y http://two.example:8080/pub/debian/pool/y"}, nil, "debrep -> debian"},
		"a source elsewhere":             {[]string{"myrep/pool/x http://two.example/pub/debian/pool/x"}, nil, ""},
		"a source of any word":           {[]string{"myrep/pool/x https://two.example/ubuntu/pool/x"}, nil, "myrep -> ubuntu"},
		"by the word":                    {[]string{"debrep/x", "uburep/x", "secdeb/x", "fedora/x", "sfnet/x"}, nil, "debrep -> debian; secdeb -> security; uburep -> ubuntu"},
		"told":                           {[]string{"other.example/a/x", "debrep/x"}, []Mount{{"other.example/a", "ubuntu", "sub"}, {"debrep", "ubuntu", ""}}, "debrep -> ubuntu; other.example/a -> ubuntu/sub"},
		"told of a part":                 {[]string{"ftp.one.example/debian/x", "ftp.one.example/more/x"}, []Mount{{"ftp.one.example/more", "top", ""}}, "ftp.one.example/debian -> debian; ftp.one.example/more -> top"},
		"a registry has no tree":         {[]string{"hub.example/v2/x"}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			mounts, err := FindACNG(t.Context(), cacheOf(t, c.files...), repos, c.told)
			var all []string
			for _, m := range mounts {
				all = append(all, m.String())
			}
			slices.Sort(all)
			if got := strings.Join(all, "; "); got != c.want || err != nil {
				t.Errorf("%s, %v\nwant %s", got, err, c.want)
			}
		})
	}
}

func TestCountMounts(t *testing.T) {
	tr := cacheOf(t, "h/debian/a", "h/debian/in/b", "h/other/c", "h/other/d", "_xstore/e", "loose")
	in, out, err := CountMounts(t.Context(), tr, ACNG{}, []Mount{{"h/debian", "debian", ""}, {"h/debian/in", "in", ""}})
	if want := []Count{{"h/debian", 1, 1}, {"h/debian/in", 1, 1}}; err != nil || !slices.Equal(in, want) {
		t.Errorf("%+v, %v", in, err)
	}
	if want := []Count{{"h/other", 2, 2}}; !slices.Equal(out, want) {
		t.Errorf("%+v", out)
	}
}

func TestMountPaths(t *testing.T) {
	m := Mount{"h/debian", "debian", "sub"}
	for p, want := range map[string]string{
		"h/debian/pool/a.deb": "sub/pool/a.deb", "h/debian/a\xff": "", "h/debian/a\nb": "", `h/debian/a\b`: "",
	} {
		if got, ok := m.path(p); ok != (want != "") || ok && got != want {
			t.Errorf("%q is %q, %v", p, got, ok)
		}
	}
	if p, ok := m.file("sub/pool/a.deb"); !ok || p != "h/debian/pool/a.deb" {
		t.Errorf("%q, %v", p, ok)
	}
	if p, ok := m.file("pool/a.deb"); ok {
		t.Errorf("%q is in no mount", p)
	}
}
