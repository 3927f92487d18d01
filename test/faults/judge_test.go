package faults

import (
	"fmt"
	"strings"

	"mirrord/test/rig"
)

// clear says what an error's text lacks, or holds that is nobody's business.
func clear(r rig.Reply, repo, host, dir string) error {
	text := string(r.Body)
	switch {
	case !strings.Contains(text, repo):
		return fmt.Errorf("error without the repository %s: %q", repo, text)
	case !strings.Contains(text, host):
		return fmt.Errorf("error without the upstream %s: %q", host, text)
	case strings.Contains(text, dir), strings.Contains(text, "/tmp/"), strings.Contains(text, "partial/"), strings.Contains(text, "blobs/"):
		return fmt.Errorf("error with a local path: %q", text)
	case strings.Count(strings.TrimSpace(text), "\n") > 0 || len(text) > 600:
		return fmt.Errorf("error of more than one short line: %q", text)
	}
	return nil
}
