package engines

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

const (
	mirrorsKey  = "registry-mirrors"
	insecureKey = "insecure-registries"
)

// bom is what some editors begin a file with; dockerd passes it over.
const bom = "\ufeff"

// DaemonJSON puts the server into dockerd's configuration file: first among the
// registry-mirrors where it is to be a mirror, which dockerd uses for docker.io only,
// and among the insecure-registries where it is one. All else stays byte for byte.
func DaemonJSON(original string, s Server, mirror bool) (string, error) {
	text, marked := strings.CutPrefix(original, bom)
	if strings.TrimSpace(text) == "" {
		text = "{}\n"
	}
	before := text
	var err error
	if mirror {
		if text, err = prepend(text, mirrorsKey, s.URL); err != nil {
			return "", err
		}
	}
	if s.Insecure() {
		if text, err = include(text, insecureKey, s.Host()); err != nil {
			return "", err
		}
	}
	switch {
	case text == before:
		return original, nil
	case marked:
		return bom + text, nil
	}
	return text, nil
}

// prepend makes value the first of the list; dockerd asks mirrors in this order.
func prepend(text, key, value string) (string, error) {
	o, all, err := readList(text, key)
	if err != nil {
		return "", err
	}
	same := func(other string) bool { return strings.TrimSuffix(other, "/") == value }
	at := slices.IndexFunc(all, same)
	m, found := o.find(key)
	switch {
	case at == 0:
		return text, nil
	case at > 0: // moved to the front, the whole list is written anew
		all = append([]string{value}, slices.DeleteFunc(all, same)...)
		return text[:m.start] + list(all) + text[m.end:], nil
	case !found:
		return o.add(key, list([]string{value})), nil
	}
	return text[:m.start] + inFront(text[m.start:m.end], value, len(all)) + text[m.end:], nil
}

// include puts value into the list, wherever.
func include(text, key, value string) (string, error) {
	_, all, err := readList(text, key)
	if err != nil || slices.Contains(all, value) {
		return text, err
	}
	return prepend(text, key, value)
}

func readList(text, key string) (object, []string, error) {
	o, err := parseObject(text)
	if err != nil {
		return o, nil, err
	}
	m, found := o.find(key)
	if !found {
		return o, nil, nil
	}
	var all []string
	// A null among the strings comes out as "".
	if err := json.Unmarshal([]byte(text[m.start:m.end]), &all); err != nil || slices.Contains(all, "") {
		return o, nil, fmt.Errorf("line %d: %q is no list of strings, expected one", lineAt(text, m.key), key)
	}
	return o, all, nil
}

// inFront puts value into a list of n, with the blanks that its first element has.
func inFront(array, value string, n int) string {
	if n == 0 {
		return list([]string{value})
	}
	first := strings.IndexByte(array, '"')
	blank := array[1:first]
	after := blank
	if blank == "" {
		after = " "
	}
	return "[" + blank + quote(value) + "," + after + array[first:]
}

func list(all []string) string {
	var quoted []string
	for _, s := range all {
		quoted = append(quoted, quote(s))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// quote is a JSON string, which is a TOML string as well.
func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
