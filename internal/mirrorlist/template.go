package mirrorlist

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// List is a family of lists and their format.
type List struct {
	Kind Kind
	Template
}

// Kind tells the two formats apart.
type Kind string

// The formats, as .repo files call them.
const (
	Metalink   Kind = "metalink"
	Mirrorlist Kind = "mirrorlist"
)

// Template is a family of lists, or a single one where it has no variables.
type Template struct {
	URL  string // of the list; a variable is $name, within an element of the path or the value of a parameter
	Path string // where in the tree the listed repository stands, with the same variables; "" = the tree is the repository
}

var (
	variable = regexp.MustCompile(`\$[a-z_]+`)
	// released is what stands for a release: a number first, or a variable of dnf's, be
	// it ${name} or ${name:+text}. Without that fedora-$releasever would take in
	// fedora-debug-40.
	released = regexp.MustCompile(`^[0-9$][A-Za-z0-9._${}:+-]*$`)
	machine  = regexp.MustCompile(`^[A-Za-z0-9_$][A-Za-z0-9_${}-]*$`)
)

const (
	basearch = "$basearch"
	valueMax = 64 // bytes; "9-stream" and "x86_64" are long ones
)

// fits reports whether a value may stand for the variable.
func fits(name, value string) bool {
	if len(value) > valueMax || strings.Contains(value, "..") {
		return false
	}
	if name == basearch {
		return machine.MatchString(value)
	}
	return released.MatchString(value)
}

// Variables are those of s, each once.
func Variables(s string) []string {
	all := variable.FindAllString(s, -1)
	slices.Sort(all)
	return slices.Compact(all)
}

// match lays pattern over text and adds the values of its variables to vars; one
// that has a value already must have the same.
func match(pattern, text string, vars map[string]string) bool {
	at := variable.FindStringIndex(pattern)
	if at == nil {
		return pattern == text
	}
	name, after := pattern[at[0]:at[1]], pattern[at[1]:]
	rest, ok := strings.CutPrefix(text, pattern[:at[0]])
	if !ok {
		return false
	}
	for end := len(rest); end > 0; end-- {
		value := rest[:end]
		if before, known := vars[name]; known && before != value || !fits(name, value) {
			continue
		}
		_, known := vars[name]
		vars[name] = value
		if match(after, rest[end:], vars) {
			return true
		}
		if !known {
			delete(vars, name)
		}
	}
	return false
}

// plain reports values without variables of dnf's: from a client, not from a .repo file.
func plain(vars map[string]string) bool {
	for _, value := range vars {
		if strings.ContainsAny(value, "${}:+") {
			return false
		}
	}
	return true
}

// matchPath lays pattern over the whole of text, element by element.
func matchPath(pattern, text string, vars map[string]string) bool {
	want, have := elements(pattern), elements(text)
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if !match(want[i], have[i], vars) {
			return false
		}
	}
	return true
}

func elements(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// Expand puts values in the place of variables.
func Expand(pattern string, vars map[string]string) string {
	return variable.ReplaceAllStringFunc(pattern, func(name string) string {
		if value, ok := vars[name]; ok {
			return value
		}
		return name
	})
}

// Place is where in the tree the repository stands whose list has that URL, which may
// hold dnf's own variables. Scheme, order and parameters that the template has not do
// not count.
func (t Template) Place(rawURL string) (path string, ok bool) {
	want, wantQuery := cutURL(t.URL)
	have, haveQuery := cutURL(rawURL)
	vars := map[string]string{}
	if want == "" || !matchPath(want, have, vars) || !matchQuery(wantQuery, haveQuery, vars) {
		return "", false
	}
	return Expand(t.Path, vars), true
}

func matchQuery(want, have, vars map[string]string) bool {
	for key, pattern := range want {
		if value, ok := have[key]; !ok || !match(pattern, value, vars) {
			return false
		}
	}
	return true
}

// cutURL gives host and path as one, and the parameters. The text may hold variables
// that no URL parser takes.
func cutURL(raw string) (place string, query map[string]string) {
	_, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return "", nil
	}
	rest, text, _ := strings.Cut(rest, "?")
	host, path, _ := strings.Cut(rest, "/")
	return strings.ToLower(host) + "/" + path, parameters(text)
}

func parameters(query string) map[string]string {
	all := map[string]string{}
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if decoded, err := url.PathUnescape(value); err == nil { // a + stands for itself, as in ${name:+text}
			value = decoded
		}
		if _, twice := all[key]; key != "" && !twice {
			all[key] = value
		}
	}
	return all
}

// Covers finds the list of the repository that a path of the tree lies in: its URL,
// and where that repository stands.
func (t Template) Covers(path string) (list, at string, ok bool) {
	want, have := elements(t.Path), elements(path)
	if len(have) < len(want) {
		return "", "", false
	}
	at = strings.Join(have[:len(want)], "/")
	vars := map[string]string{}
	if !matchPath(t.Path, at, vars) || !plain(vars) {
		return "", "", false
	}
	list = Expand(t.URL, vars)
	return list, at, len(Variables(list)) == 0 // a path that does not say the architecture has no list
}
