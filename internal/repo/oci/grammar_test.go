package oci

import (
	"regexp"
	"strings"
	"testing"

	"github.com/distribution/reference"
)

// The reference implementation's grammar, against which ours is held.
var (
	wholeName = whole(reference.NameRegexp)
	wholeTag  = whole(reference.TagRegexp)
	wholeHost = whole(reference.DomainRegexp)
	// longPort and the IPv6 addresses of the reference implementation are not taken here.
	longPort = regexp.MustCompile(`:[0-9]{6}`)
)

func whole(part *regexp.Regexp) *regexp.Regexp {
	return regexp.MustCompile(`\A(?:` + part.String() + `)\z`)
}

func checkGrammar(t *testing.T, s string) {
	t.Helper()
	beyond := len(s) > maxName || strings.Contains(s, "[") || longPort.MatchString(s)
	if ours, theirs := isTag(s), wholeTag.MatchString(s); ours != theirs {
		t.Errorf("isTag(%q) = %v, to the reference implementation %v", s, ours, theirs)
	}
	if ours, theirs := isHost(s), wholeHost.MatchString(s); ours != theirs && !(theirs && beyond) {
		t.Errorf("isHost(%q) = %v, to the reference implementation %v", s, ours, theirs)
	}
	if ours, theirs := isPathName(s), wholeName.MatchString(s); ours != theirs && !(theirs && beyond) {
		t.Errorf("isPathName(%q) = %v, to the reference implementation %v", s, ours, theirs)
	}
}

// TestGrammar tries every text of up to five characters out of those that matter.
func TestGrammar(t *testing.T) {
	const letters = "aZ0.-_:/"
	var try func(s string, more int)
	try = func(s string, more int) {
		checkGrammar(t, s)
		for i := 0; i < len(letters) && more > 0; i++ {
			try(s+letters[i:i+1], more-1)
		}
	}
	try("", 5)
	for _, s := range []string{"a__b", "a___b", "a---b", "a.-b", "é", "a\n", "\na", "localhost:5000/a/b", "127.0.0.1:80", "a:65535/b", strings.Repeat("t", 128), strings.Repeat("t", 129)} {
		checkGrammar(t, s)
	}
}

func FuzzGrammar(f *testing.F) {
	for _, s := range []string{"registry.example:5000/a__b/c-d", "v1.2_3-4", "a..b", "-a", "a/B"} {
		f.Add(s)
	}
	f.Fuzz(checkGrammar)
}
