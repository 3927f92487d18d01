package config

import (
	"os"
	"regexp"
	"testing"
)

// The pages show configurations that can be used.
func TestDocumentedExamples(t *testing.T) {
	cert, key := pairFiles(t)
	for _, page := range []string{"README.md", "docs/config.md", "docs/docker.md", "docs/service.md", "docs/fleet.md"} {
		text, err := os.ReadFile("../../" + page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1)
		if len(blocks) == 0 {
			t.Errorf("%s has no yaml block", page)
		}
		for _, block := range blocks {
			// These files are the reader's; here they need not exist.
			text := regexp.MustCompile(`(?m)^ *(keyring|docker_config): .*\n`).ReplaceAll(block[1], nil)
			text = regexp.MustCompile(`(?m)^( *(?:cert|ca|token_file): ).*$`).ReplaceAll(text, []byte("${1}"+cert))
			text = regexp.MustCompile(`(?m)^( *key: ).*$`).ReplaceAll(text, []byte("${1}"+key))
			if _, err := Parse(page, text); err != nil {
				t.Errorf("%v in\n%s", err, block[1])
			}
		}
	}
}
