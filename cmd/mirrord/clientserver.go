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
// has not: sources that point at them would break. A server that cannot be asked,
// since it may not run yet, is believed to have them all, and that is said.
func served(cmd *cobra.Command, server string, repos []config.Repo) []config.Repo {
	names, err := askServed(cmd, server)
	if err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "mirrord: %s could not be asked what it serves (%v); the built-in catalogue is assumed\n", server, rootCause(err))
		return repos
	}
	return slices.DeleteFunc(slices.Clone(repos), func(r config.Repo) bool { return !slices.Contains(names, r.Name) })
}

// askServed reads the page at /, which has a line /NAME/ for each repository.
func askServed(cmd *cobra.Command, server string) ([]string, error) {
	req, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, server+"/", nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{Timeout: askFor}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %s", resp.Status)
	}
	var names []string
	lines := bufio.NewScanner(http.MaxBytesReader(nil, resp.Body, 1<<20))
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "/"); ok {
			names = append(names, strings.TrimSuffix(name, "/"))
		}
	}
	return names, lines.Err()
}
