package yumrepos

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var testRules = Rules{
	Upstream: func(s string) (*url.URL, error) { return url.Parse(strings.TrimRight(s, "/")) },
	Keyring: func(s string) (string, error) {
		if strings.Contains(s, "missing") {
			return "", errors.New("no such file")
		}
		return s, nil
	},
	Name: func(s string) (string, error) {
		if s == "api" || s == "" {
			return "", errors.New("reserved")
		}
		return s, nil
	},
}

func TestOrigins(t *testing.T) {
	const text = `[baseos]
baseurl=http://dl.rockylinux.org/$contentdir/$releasever/BaseOS/$basearch/os/
gpgkey=file:///k/rocky
[appstream]
baseurl=http://dl.rockylinux.org/$contentdir/$releasever/AppStream/$basearch/os/
gpgkey=file:///k/rocky file:///k/other https://k.example/key
[off]
enabled=0
baseurl=https://off.example/x
[engine]
baseurl=https://pkg.example/linux/fedora/$releasever/$basearch/stable
gpgkey=file:///missing
[tool]
baseurl=https://pkg.example/linux/tool/
gpgkey=file:///k/RPM-GPG-KEY-$releasever
[updates]
metalink=https://mirrors.fedoraproject.org/metalink?repo=updates-released-f$releasever&arch=$basearch
[fedora]
metalink=https://mirrors.fedoraproject.org/metalink?repo=fedora-$releasever&arch=$basearch
[disk]
baseurl=file:///media/disk
[list]
mirrorlist=https://lists.example/x
[var]
baseurl=https://$host/x
[api]
baseurl=http://api
`
	origins, notes := Origins([]File{file(text)}, NewMatcher(nil, catalogue(t)), testRules)
	var got []string
	for _, o := range origins {
		place := fmt.Sprintf("%d lists", len(o.Lists))
		if o.URL != nil {
			place = o.URL.String()
		}
		got = append(got, strings.Join([]string{o.Name, place, o.Keyring, strings.Join(o.Notes, "|"), strings.Join(o.Used, " ")}, ";"))
	}
	want := []string{
		`rocky;http://dl.rockylinux.org/pub/rocky;/k/rocky;gpgkey "/k/other" is another keyring; one can be named|gpgkey "https://k.example/key";x.repo:2 x.repo:5`,
		"pkg.example;https://pkg.example/linux/fedora;;gpgkey no such file;x.repo:11",
		`pkg.example-linux-tool;https://pkg.example/linux/tool;;gpgkey "file:///k/RPM-GPG-KEY-$releasever";x.repo:14`,
		"fedora;2 lists;;;x.repo:17 x.repo:19",
		"api-2;http://api;;;x.repo:27",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	wantNotes := []string{
		`x.repo:21: "file:///media/disk" is not http or https`,
		`x.repo:23: "https://lists.example/x" is a list that is not known`,
		`x.repo:25: "https://$host/x" cannot be an upstream`,
	}
	if !slices.Equal(notes, wantNotes) {
		t.Errorf("notes: %q", notes)
	}
}

func TestReadDirectory(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.repo", "a.repo", "c.repo.rpmnew", "notes"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("[x]\nbaseurl=http://x\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "d.repo"), 0o755); err != nil {
		t.Fatal(err)
	}
	files, err := Dir(dir).Read()
	if err != nil || len(files) != 2 || files[0].Name != "a.repo" || files[1].Name != "b.repo" {
		t.Errorf("%+v, %v", files, err)
	}
}
