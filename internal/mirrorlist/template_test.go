package mirrorlist

import (
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	for url, want := range map[string]string{
		"https://mirrors.fedoraproject.org/metalink?repo=fedora-$releasever&arch=$basearch":                                            "fedora releases/$releasever/Everything/$basearch/os",
		"http://MIRRORS.fedoraproject.org/metalink?arch=x86_64&repo=fedora-40&country=DE":                                              "fedora releases/40/Everything/x86_64/os",
		"https://mirrors.fedoraproject.org/metalink?repo=updates-released-debug-f$releasever&arch=$basearch":                           "fedora updates/$releasever/Everything/$basearch/debug",
		"https://mirrors.fedoraproject.org/metalink?repo=fedora-source-40&arch=x86_64":                                                 "fedora releases/40/Everything/source/tree",
		"https://mirrors.fedoraproject.org/metalink?repo=rawhide&arch=$basearch":                                                       "fedora development/rawhide/Everything/$basearch/os",
		"https://mirrors.fedoraproject.org/metalink?repo=epel-$releasever&arch=$basearch&infra=$infra&content=$contentdir":             "epel $releasever/Everything/$basearch",
		"https://mirrors.centos.org/metalink?repo=centos-baseos-$stream&arch=$basearch&protocol=https,http":                            "centos-stream $stream/BaseOS/$basearch/os",
		"https://mirrors.centos.org/metalink?repo=centos-extras-sig-extras-common-9-stream&arch=x86_64&protocol=https,http":            "centos-stream SIGs/9-stream/extras/x86_64/extras-common",
		"https://mirrors.fedoraproject.org/metalink?repo=fedora-${releasever}&arch=${basearch}":                                        "fedora releases/${releasever}/Everything/${basearch}/os",
		"https://mirrors.fedoraproject.org/metalink?repo=epel-$releasever_major${releasever_minor:+.$releasever_minor}&arch=$basearch": "epel $releasever_major${releasever_minor:+.$releasever_minor}/Everything/$basearch",
		"https://mirrors.rockylinux.org/mirrorlist?arch=$basearch&repo=BaseOS-$releasever$rltype":                                      "rocky $releasever$rltype/BaseOS/$basearch/os",
		"https://mirrors.almalinux.org/mirrorlist/$releasever/appstream":                                                               "almalinux $releasever/AppStream/$basearch/os",
		"https://mirrors.almalinux.org/mirrorlist/9/appstream/":                                                                        "almalinux 9/AppStream/$basearch/os",
		"https://mirrors.fedoraproject.org/metalink?repo=fedora-cisco-openh264-$releasever&arch=$basearch":                             "",
		"https://mirrors.fedoraproject.org/metalink?repo=epel-z-$releasever&arch=$basearch":                                            "",
		"https://mirrors.fedoraproject.org/metalink?repo=fedora-40":                                                                    "",
		"https://mirrors.fedoraproject.org/metalink?repo=fedora-4/../0&arch=x86_64":                                                    "",
		"https://mirrors.fedoraproject.org/metalink?repo=fedora-40&arch=x86_64%2Fos":                                                   "",
		"https://mirrors.fedoraproject.org.evil.example/metalink?repo=fedora-40&arch=x86_64":                                           "",
		"mirrors.fedoraproject.org/metalink?repo=fedora-40&arch=x86_64":                                                                "",
		"": "",
	} {
		k, path, _ := Find(url)
		if got := strings.TrimSpace(k.Archive + " " + path); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

// Each template leads from a path to its list and back.
func TestKnownBothWays(t *testing.T) {
	vars := map[string]string{"$releasever": "40", "$basearch": "x86_64", "$stream": "9-stream"}
	for _, k := range All {
		path := Expand(k.Path, vars)
		list, at, ok := k.Covers(path + "/repodata/repomd.xml")
		if source := strings.Contains(k.Path, "source"); ok == source || at != path {
			t.Errorf("%s: %q, %q, %v", k.URL, list, at, ok)
		}
		if !ok || k.Archive == "almalinux" {
			continue // its URL does not say the architecture
		}
		if found, back, ok := Find(list); !ok || back != path || found.Archive != k.Archive {
			t.Errorf("%s: back at %q of %s", list, back, found.Archive)
		}
	}
}

func TestCovers(t *testing.T) {
	tree := Template{URL: "https://l.example/m?repo=f-$releasever&arch=$basearch", Path: "rel/$releasever/$basearch/os"}
	for path, want := range map[string]string{
		"rel/40/x86_64/os/repodata/repomd.xml":            "https://l.example/m?repo=f-40&arch=x86_64 rel/40/x86_64/os",
		"rel/40/x86_64/os":                                "https://l.example/m?repo=f-40&arch=x86_64 rel/40/x86_64/os",
		"rel/40/x86_64":                                   "",
		"rel/4&x=1/x86_64/os/f":                           "",
		"rel/$releasever/x86_64/os/f":                     "",
		"rel/4{0}/x86_64/os/f":                            "",
		"rel/4+0/x86_64/os/f":                             "",
		"rel/40/x86_{64}/os/f":                            "",
		"rel/4..0/x86_64/os/f":                            "",
		"rel/40/x86 64/os/f":                              "",
		"rel/" + strings.Repeat("4", 65) + "/x86_64/os/f": "",
	} {
		list, at, _ := tree.Covers(path)
		if got := strings.TrimSpace(list + " " + at); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	whole := Template{URL: "https://l.example/m?repo=a"}
	if list, at, ok := whole.Covers("repodata/repomd.xml"); !ok || list != whole.URL || at != "" {
		t.Errorf("a whole tree: %q, %q, %v", list, at, ok)
	}
}

func FuzzPlace(f *testing.F) {
	f.Add("https://l.example/m?repo=f-40&arch=x86_64", "https://l.example/m?repo=f-$releasever&arch=$basearch", "rel/$releasever")
	f.Add("a://b/$c", "$a$a", "$a")
	f.Fuzz(func(t *testing.T, url, pattern, path string) {
		if len(url) > 200 || len(pattern) > 40 {
			return
		}
		got, ok := (Template{URL: pattern, Path: path}).Place(url)
		if ok && strings.Contains(got, "..") && !strings.Contains(path, "..") && !strings.Contains(path, ".") {
			t.Errorf("%q leads up", got)
		}
	})
}
