package engines

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// HostsTOML puts the server in front of the other hosts in containerd's file for one
// registry; "" is a file that there is not yet. It never touches what stands there:
// where a table cannot be put before the first one, the file is refused.
func HostsTOML(text string, s Server, registry string) (string, error) {
	table := hostTable(s)
	if strings.TrimSpace(text) == "" {
		return "server = " + quote(Origin(registry)) + "\n\n" + table, nil
	}
	before, err := parseHosts(text)
	if err != nil {
		return "", err
	}
	if _, has := hosts(before)[s.URL]; has {
		return text, nil
	}
	head, rest := splitAtTables(text)
	first, err := parseHosts(head)
	changed := head + table + rest
	after, changedErr := parseHosts(changed)
	if err != nil || changedErr != nil || len(hosts(first)) > 0 || !onlyAdded(before, after, s.URL) {
		return "", fmt.Errorf("%q cannot be put in front of its hosts, expected each as a table [host.\"URL\"]", s.URL)
	}
	return changed, nil
}

func hostTable(s Server) string {
	return "[host." + quote(s.URL) + "]\n  capabilities = [\"pull\", \"resolve\"]\n"
}

func parseHosts(text string) (map[string]any, error) {
	var all map[string]any
	err := toml.Unmarshal([]byte(text), &all)
	var syntax *toml.DecodeError
	if errors.As(err, &syntax) {
		line, _ := syntax.Position()
		return nil, fmt.Errorf("line %d: %s, expected TOML", line, syntax)
	}
	return all, err
}

func hosts(all map[string]any) map[string]any {
	tables, _ := all["host"].(map[string]any)
	return tables
}

// onlyAdded reports whether after is before with the one host more.
func onlyAdded(before, after map[string]any, host string) bool {
	if _, has := hosts(after)[host]; !has {
		return false
	}
	delete(hosts(after), host)
	if len(hosts(after)) == 0 && before["host"] == nil {
		delete(after, "host")
	}
	return reflect.DeepEqual(before, after)
}

// splitAtTables splits the text before its first table, and before the comments that
// stand right above that; containerd asks hosts in the order of the file.
func splitAtTables(text string) (head, rest string) {
	at, comment := 0, -1
	for l := range strings.Lines(text) {
		switch bare := strings.TrimSpace(l); {
		case strings.HasPrefix(bare, "["):
			if comment >= 0 {
				at = comment
			}
			return text[:at], "\n" + text[at:]
		case !strings.HasPrefix(bare, "#"):
			comment = -1
		case comment < 0:
			comment = at
		}
		at += len(l)
	}
	return strings.TrimRight(text, "\r\n") + "\n\n", ""
}
