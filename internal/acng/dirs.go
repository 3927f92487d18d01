package acng

import "strings"

// Own reports a directory at the top that holds nobody's files but apt-cacher-ng's.
func Own(dir string) bool { return strings.HasPrefix(dir, "_") }

// remaps are the words of the configuration that Debian ships, with the paths at which
// the mirrors that they stand for have their archive.
var remaps = map[string][]string{
	"debrep": {"/debian"},
	"uburep": {"/ubuntu"},
	"secdeb": {"/debian-security"},
	"klxrep": {"/kali"},
	"fedora": {"/fedora/linux", "/fedora"},
	"epel":   {"/epel"},
}

// Means lists how the paths of mirrors may end whose files stand in dir, the likeliest
// first; nil where dir is no word that is known.
func Means(dir string) []string { return remaps[dir] }
