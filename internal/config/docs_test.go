package config

import (
	"os"
	"regexp"
	"testing"
)

// The page about the configuration shows one that can be used.
func TestDocumentedExample(t *testing.T) {
	page, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	if block == nil {
		t.Fatal("docs/config.md has no yaml block")
	}
	// The keyring is Debian's; here it need not exist.
	text := regexp.MustCompile(`(?m)^ *keyring: .*\n`).ReplaceAll(block[1], nil)
	if _, err := Parse("docs/config.md", text); err != nil {
		t.Error(err)
	}
}
