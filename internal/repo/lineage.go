package repo

import "strings"

// Lineage is what the versions of one artifact have in common: those before it are
// what a new one is told apart from. The zero value is of what has none.
type Lineage struct {
	Prefix string // what the paths of all of them begin with
	Key    string // equal for all of them, and for nothing else
}

// NewLineage is the lineage of a file in dir whose name, without its version, is name;
// kind is what else tells it apart. A number in the name is a version too:
// linux-image-6.1.0-50-amd64 comes after linux-image-6.1.0-49-amd64.
func NewLineage(dir, name, kind string) Lineage {
	if dir != "" {
		dir += "/"
	}
	fixed := strings.IndexAny(name, digits)
	if fixed < 0 {
		fixed = len(name)
	}
	return Lineage{Prefix: dir + name[:fixed], Key: dir + WithoutNumbers(name) + " " + kind}
}

const digits = "0123456789"

// WithoutNumbers puts # for each run of digits.
func WithoutNumbers(s string) string {
	var b strings.Builder
	within := false
	for i := range len(s) {
		digit := '0' <= s[i] && s[i] <= '9'
		switch {
		case !digit:
			b.WriteByte(s[i])
		case !within:
			b.WriteByte('#')
		}
		within = digit
	}
	return b.String()
}
