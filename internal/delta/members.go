package delta

import (
	"path"
	"strings"

	"mirrord/internal/archive"
)

// partners finds for each of the new members the old one that it was made from: of
// the same name, else of the same lineage, which is the name without the numbers
// that versions change. It is -1 where there is none.
func partners(olds, news []archive.Member) []int {
	used := make([]bool, len(olds))
	from := make([]int, len(news))
	for i := range from {
		from[i] = -1
	}
	for _, key := range []func(string) string{func(name string) string { return name }, lineage} {
		open := map[string][]int{} // the olds of a key that are not used, in order
		for i, m := range olds {
			if !used[i] {
				open[key(m.Name)] = append(open[key(m.Name)], i)
			}
		}
		for i, m := range news {
			if k := key(m.Name); from[i] < 0 && len(open[k]) > 0 {
				from[i], open[k] = open[k][0], open[k][1:]
				used[from[i]] = true
			}
		}
	}
	return from
}

// lineage is a name with each number as # and without the compression's suffix:
// usr/lib/modules/#.#.#-#-amd64/kernel/fs/fat.ko
func lineage(name string) string {
	switch ext := path.Ext(name); ext {
	case ".gz", ".xz", ".zst", ".bz2":
		name = strings.TrimSuffix(name, ext)
	}
	var b strings.Builder
	number := false
	for _, r := range name {
		digit := '0' <= r && r <= '9'
		switch {
		case !digit:
			b.WriteRune(r)
		case !number:
			b.WriteByte('#')
		}
		number = digit
	}
	return b.String()
}
