package config

import (
	"os"
	"regexp"
	"testing"
)

// The page about the configuration shows some that can be used.
func TestDocumentedExamples(t *testing.T) {
	page, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) == 0 {
		t.Fatal("docs/config.md has no yaml block")
	}
	for _, block := range blocks {
		// These files are the reader's; here they need not exist.
		text := regexp.MustCompile(`(?m)^ *(keyring|docker_config|cert|key|ca): .*\n`).ReplaceAll(block[1], nil)
		if _, err := Parse("docs/config.md", text); err != nil {
			t.Errorf("%v in\n%s", err, block[1])
		}
	}
}
