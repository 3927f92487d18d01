package yumrepos

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"mirrord/internal/mirrorlist"
)

// repo is a served repository or one of the catalogue.
func repo(t testing.TB, name string, upstreams ...string) Repo {
	t.Helper()
	r := Repo{Name: name}
	for _, s := range upstreams {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		r.Upstreams = append(r.Upstreams, u)
	}
	return r
}

func catalogue(t testing.TB) []Repo {
	return []Repo{
		repo(t, "fedora", "https://mirrors.kernel.org/fedora"),
		repo(t, "epel", "https://mirrors.kernel.org/fedora-epel"),
		repo(t, "centos-stream", "https://mirror.stream.centos.org"),
		repo(t, "rocky", "https://dl.rockylinux.org/pub/rocky"),
		repo(t, "almalinux", "https://repo.almalinux.org/almalinux"),
		repo(t, "opensuse", "https://download.opensuse.org"),
	}
}

func file(text string) File {
	return File{Name: "x.repo", Text: text, Sections: sections("x.repo", text)}
}

// Each text becomes the other, and every byte that is not a source stays.
func TestRewrite(t *testing.T) {
	served := append(catalogue(t), repo(t, "corp", "https://pkg.corp.example/rpm/"))
	m := NewMatcher(served, catalogue(t))
	for _, tc := range []struct{ name, text, want string }{
		{"metalink", "# c\n[fedora]\nname=F\n#baseurl=http://download.example/x\nmetalink=https://mirrors.fedoraproject.org/metalink?repo=fedora-$releasever&arch=$basearch\nenabled=1\n",
			"# c\n[fedora]\nname=F\n#baseurl=http://download.example/x\nbaseurl=http://s:1/fedora/releases/$releasever/Everything/$basearch/os/\nenabled=1\n"},
		{"mirrorlist with blanks and CRLF", "[baseos]\r\nmirrorlist = https://mirrors.rockylinux.org/mirrorlist?arch=$basearch&repo=BaseOS-$releasever$rltype\r\ngpgcheck=1\r\n",
			"[baseos]\r\nbaseurl = http://s:1/rocky/$releasever$rltype/BaseOS/$basearch/os/\r\ngpgcheck=1\r\n"},
		{"a comma in the list's URL", "[b]\nmetalink=https://mirrors.centos.org/metalink?repo=centos-baseos-$stream&arch=$basearch&protocol=https,http\n",
			"[b]\nbaseurl=http://s:1/centos-stream/$stream/BaseOS/$basearch/os/\n"},
		{"several baseurls over lines", "[u]\nname=U\nBASEURL=https://mirrors.kernel.org/fedora/updates/40/Everything/x86_64/,\n   http://dl.fedoraproject.org/pub/fedora/linux/updates/40/Everything/x86_64\n\nother=1",
			"[u]\nname=U\nBASEURL=http://s:1/fedora/updates/40/Everything/x86_64/\n\nother=1"},
		{"baseurl beside a list", "[e]\nbaseurl=https://foreign.example/epel/9/\nenabled=0\nmetalink=https://mirrors.fedoraproject.org/metalink?repo=epel-9&arch=$basearch&infra=$infra\ngpgcheck=1\n",
			"[e]\nbaseurl=http://s:1/epel/9/Everything/$basearch/\nenabled=0\ngpgcheck=1\n"},
		{"contentdir", "[a]\nbaseurl=http://dl.rockylinux.org/$contentdir/$releasever/AppStream/$basearch/os/", "[a]\nbaseurl=http://s:1/rocky/$releasever/AppStream/$basearch/os/"},
		{"zypper", "[oss]\nbaseurl=http://cdn.opensuse.org/distribution/leap/$releasever/repo/oss/\npath=/\n[home]\nbaseurl=https://download.opensuse.org/repositories/home:/x/15.6/\n",
			"[oss]\nbaseurl=http://s:1/opensuse/distribution/leap/$releasever/repo/oss/\npath=/\n[home]\nbaseurl=https://download.opensuse.org/repositories/home:/x/15.6/\n"},
		{"a byte order mark", "\ufeff[f]\nbaseurl=https://mirrors.kernel.org/fedora/x\n", "\ufeff[f]\nbaseurl=http://s:1/fedora/x/\n"},
		{"blanks within a value and behind it", "[f]\nbaseurl=https://mirrors.kernel.org/fedora/x\n  \n\t \n  https://foreign.example/x\n  \n[g]\nx=1\n",
			"[f]\nbaseurl=http://s:1/fedora/x/\n  \n[g]\nx=1\n"},
		{"quotes", "[f]\nbaseurl = \"https://mirrors.kernel.org/fedora/x\"\n[e]\nmetalink='https://mirrors.fedoraproject.org/metalink?repo=epel-9&arch=$basearch'\n",
			"[f]\nbaseurl = http://s:1/fedora/x/\n[e]\nbaseurl=http://s:1/epel/9/Everything/$basearch/\n"},
		{"the last of several counts", "[f]\nbaseurl=https://foreign.example/x\nenabled=1\nbaseurl=https://mirrors.kernel.org/fedora/x\n", "[f]\nbaseurl=http://s:1/fedora/x/\nenabled=1\n"},
		{"EPEL 10", "[e]\nmetalink=https://mirrors.fedoraproject.org/metalink?repo=epel-${releasever_major}${releasever_minor:+.$releasever_minor}&arch=$basearch\n",
			"[e]\nbaseurl=http://s:1/epel/${releasever_major}${releasever_minor:+.$releasever_minor}/Everything/$basearch/\n"},
		{"Latin-1, no end of line", "[f]\nname=Caf\xe9\n#\xe9\nbaseurl=https://mirrors.kernel.org/fedora/\xe9", "[f]\nname=Caf\xe9\n#\xe9\nbaseurl=http://s:1/fedora/\xe9/"},
		{"another's upstream", "[c]\nbaseurl=http://user:pw@pkg.corp.example:80//rpm/$basearch//os/\n", "[c]\nbaseurl=http://s:1/corp/$basearch/os/\n"},
	} {
		got, changes := file(tc.text).Rewrite(m, "http://s:1/")
		if got != tc.want || changes[0].To == "" {
			t.Errorf("%s:\n got %q\nwant %q", tc.name, got, tc.want)
		}
	}
	for name, text := range map[string]string{
		"foreign":                    "[f]\nbaseurl=https://foreign.example/fedora/releases/40\n",
		"two different ones":         "[f]\nbaseurl=https://mirrors.kernel.org/fedora/a https://mirrors.kernel.org/fedora/b\n",
		"a list that is not known":   "[f]\nmetalink=https://mirrors.fedoraproject.org/metalink?repo=fedora-cisco-openh264-$releasever&arch=$basearch\n",
		"another scheme":             "[f]\nbaseurl=file:///mnt/fedora ftp://mirrors.kernel.org/fedora\n",
		"a name that only begins so": "[f]\nbaseurl=https://mirrors.kernel.org/fedora-secondary/x\n",
		"a foreign one that counts":  "[f]\nbaseurl=https://mirrors.kernel.org/fedora/x\nbaseurl=https://foreign.example/x\n",
		"a path upwards":             "[f]\nbaseurl=https://mirrors.kernel.org/fedora/../x\n",
		"a query":                    "[f]\nbaseurl=https://mirrors.kernel.org/fedora/x?y\n",
	} {
		if got, changes := file(text).Rewrite(m, "http://s:1"); got != text || len(changes) != 1 || changes[0].To != "" {
			t.Errorf("%s: %q, %+v", name, got, changes)
		}
	}
}

// A repository that lists mirrors of its own, and one that is served under another name.
func TestRewriteByConfiguredLists(t *testing.T) {
	mine := Repo{Name: "mine", Lists: []mirrorlist.List{{Template: mirrorlist.Template{URL: "https://lists.corp.example/m?repo=c-$releasever", Path: "c/$releasever"}}}}
	f40 := Repo{Name: "f", Lists: []mirrorlist.List{{Template: mirrorlist.Template{URL: "https://mirrors.fedoraproject.org/metalink?repo=fedora-$releasever&arch=$basearch", Path: "releases/$releasever/Everything/$basearch/os"}}}}
	m := NewMatcher([]Repo{mine, f40}, catalogue(t))
	const text = "[a]\nmirrorlist=https://lists.corp.example/m?repo=c-$releasever\n[b]\nbaseurl=https://dl.fedoraproject.org/pub/fedora/linux/updates/40/\n[c]\nmetalink=https://mirrors.fedoraproject.org/metalink?repo=epel-9&arch=x86_64\n"
	_, changes := file(text).Rewrite(m, "http://s:1")
	var got []string
	for _, c := range changes {
		got = append(got, c.To)
	}
	if want := "http://s:1/mine/c/$releasever/ http://s:1/f/updates/40/ "; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
	if m.Archive("f") != "fedora" || m.Archive("mine") != "" {
		t.Errorf("archives %q, %q", m.Archive("f"), m.Archive("mine"))
	}
}

func TestSections(t *testing.T) {
	const text = "baseurl=http://outside/\n[main]\ngpgcheck=1\n  stray\n[a]\nenabled = no\nbaseurl=\n  http://a/1 ; not a comment\n  http://a/2\ngpgkey=file:///k1\n  file:///k2\n; c\n[b]\nbaseurl=http://u:secret@b/\nenabled=0\nenabled=1\nproxy=_none_\nusername=\npassword=p\nsslclientkey=/k"
	all := sections("x.repo", text)
	if len(all) != 2 || all[0].Name != "a" || all[0].Enabled || len(all[0].Sources) != 6 || all[0].Line != 7 || strings.Join(all[0].Keys, " ") != "file:///k1 file:///k2" {
		t.Errorf("%+v", all)
	}
	if b := all[1]; !slices.Equal(b.Beside, []string{"password", "sslclientkey"}) {
		t.Errorf("beside: %q", b.Beside)
	}
	if b := all[1]; !b.Enabled || b.Where() != "x.repo:14" || strings.Contains(b.Shown(), "secret") {
		t.Errorf("%+v %s %s", b, b.Where(), b.Shown())
	}
}

func TestShown(t *testing.T) {
	for url, want := range map[string]string{
		"https://u:secret@h.example/x":              `"...@h.example/x"`,
		"https://u:se@cret@h.example":               `"...@h.example"`,
		"https://copr.example/results/@group/x/$os": `"https://copr.example/results/@group/x/$os"`,
		"https://u:secret@h.example/@group":         `"...@h.example/@group"`,
		"file:///x":                                 `"file:///x"`,
		"":                                          `""`,
	} {
		if got := shown(url); got != want {
			t.Errorf("%s: %s, expected %s", url, got, want)
		}
	}
}

// without is the text less its sources.
func without(text string) string {
	all := sections("", text)
	for i := len(all) - 1; i >= 0; i-- {
		for j := len(all[i].options) - 1; j >= 0; j-- {
			o := all[i].options[j]
			text = text[:o.start] + text[o.end:]
		}
	}
	return text
}

// FuzzRewrite: what is not a source stays byte for byte, and a second rewriting finds
// nothing more to do.
func FuzzRewrite(f *testing.F) {
	f.Add("[fedora]\nmetalink=https://mirrors.fedoraproject.org/metalink?repo=fedora-$releasever&arch=$basearch\nenabled=1\n")
	f.Add("[a]\r\nbaseurl = https://mirrors.kernel.org/fedora/x,\r\n\thttps://b/\r\n#c\r\n[b]\nmirrorlist=x")
	f.Add("[a\n[b]c\n=\n = \n\tbaseurl=x\nbaseurl")
	f.Fuzz(func(t *testing.T, text string) {
		m := NewMatcher(catalogue(t), catalogue(t))
		got, changes := file(text).Rewrite(m, "http://s:1")
		changed := false
		for _, c := range changes {
			changed = changed || c.To != ""
		}
		if !changed && got != text {
			t.Fatalf("%q became %q without a change", text, got)
		}
		if without(got) != without(text) {
			t.Fatalf("%q became %q: other bytes changed", text, got)
		}
		again := file(got)
		if len(again.Sections) != len(changes) {
			t.Fatalf("%q: %d sections became %d in %q", text, len(changes), len(again.Sections), got)
		}
		for i, s := range again.Sections {
			if c := changes[i]; c.To != "" && (len(s.Sources) != 1 || s.Sources[0].URL != c.To || s.Name != c.Name || s.Enabled != c.Enabled) {
				t.Fatalf("%q: %+v is not %+v in %q", text, s, c, got)
			}
		}
	})
}
