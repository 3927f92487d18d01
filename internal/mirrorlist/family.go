package mirrorlist

import (
	"slices"
	"strings"
)

// family makes templates of pairs: what stands for ID in the URL, and the path.
func family(archive string, kind Kind, url string, pairs ...string) []Known {
	var all []Known
	for pair := range slices.Chunk(pairs, 2) {
		all = append(all, Known{archive, List{kind, Template{URL: strings.Replace(url, "ID", pair[0], 1), Path: pair[1]}}})
	}
	return all
}

// Find is the known family that a list's URL belongs to, and where in the archive its
// repository stands.
func Find(rawURL string) (k Known, path string, ok bool) {
	for _, k := range All {
		if path, ok := k.Place(rawURL); ok {
			return k, path, true
		}
	}
	return Known{}, "", false
}
