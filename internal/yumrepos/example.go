package yumrepos

import "strings"

// Example is a baseurl line for a .repo file to use the repository at server, the
// base URL of a mirrord.
func Example(server, name, archive string) string {
	paths := map[string]string{
		"fedora":        "releases/$releasever/Everything/$basearch/os/",
		"epel":          "$releasever/Everything/$basearch/",
		"centos-stream": "$releasever-stream/BaseOS/$basearch/os/",
		"rocky":         "$releasever/BaseOS/$basearch/os/",
		"almalinux":     "$releasever/BaseOS/$basearch/os/",
		"opensuse":      "distribution/leap/$releasever/repo/oss/",
	}
	return "baseurl=" + strings.TrimRight(server, "/") + "/" + name + "/" + paths[archive]
}
