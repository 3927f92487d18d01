package main

import (
	"bufio"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mirrord/internal/config"
)

// askFor is how long a server may take to say what it serves.
const askFor = 5 * time.Second

// served asks the mirrord which repositories it has, and leaves out those that it
// has not: sources that point at them would break.
func served(cmd *cobra.Command, server string, repos []config.Repo) []config.Repo {
	page, asked := askOrAssume(cmd, server)
	if !asked {
		return repos
	}
	return slices.DeleteFunc(slices.Clone(repos), func(r config.Repo) bool { return !slices.Contains(page.names, r.Name) })
}

// page is what a mirrord says at / that it serves.
type page struct {
	names    []string // NAME, or v2/NAME for a registry
	standard string   // the default registry, "" where it has none
}

// askOrAssume asks the mirrord for its page. A server that cannot be asked, since
// it may not run yet, is believed to have the built-in catalogue, and that is said.
func askOrAssume(cmd *cobra.Command, server string) (p page, asked bool) {
	p, err := askServed(cmd, server)
	if err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "mirrord: %s could not be asked what it serves (%v); the built-in catalogue is assumed\n", server, rootCause(err))
	}
	return p, err == nil
}

// askServed reads the page at /, which has a line /NAME/ for each repository,
// /v2/NAME/ for each registry, and one for the default among these.
func askServed(cmd *cobra.Command, server string) (page, error) {
	req, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, server+"/", nil)
	if err != nil {
		return page{}, err
	}
	client := http.Client{Timeout: askFor}
	resp, err := client.Do(req)
	if err != nil {
		return page{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return page{}, fmt.Errorf("it answered %s", resp.Status)
	}
	var p page
	lines := bufio.NewScanner(http.MaxBytesReader(nil, resp.Body, 1<<20))
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "/"); ok {
			p.names = append(p.names, strings.TrimSuffix(name, "/"))
		}
		if name, ok := strings.CutPrefix(lines.Text(), "default registry: "); ok {
			p.standard = name
		}
	}
	return p, lines.Err()
}
