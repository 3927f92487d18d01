package main

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestExplainServed: the server says what it gives.
func TestExplainServed(t *testing.T) {
	f := newFakeMirrord(t)
	index := f.push(t, "docker.io/library/alpine:latest", map[string]v1.Image{"linux/amd64": randomImage(t, 1)})
	code, out, errs := mirrord(t, "explain", "alpine", "--server", f.URL)
	want := "reference   docker.io/library/alpine:latest\naliases     unknown: give the server's --config\n" +
		"registry    docker.io\nrepository  library/alpine\ntag         latest\n" +
		"served      " + digestOf(t, index) + "\nstatus      hub; hit, mirrord; fwd=miss; stored\n"
	if code != exitDone || out != want {
		t.Errorf("exit %d\n%s%swant\n%s", code, out, errs, want)
	}
	if got := f.forget(); !slices.Equal(got, []string{"HEAD " + alpinePath + "/manifests/latest"}) {
		t.Errorf("asked for %q", got)
	}
}

// TestExplainRefused: an answer that is a no is one.
func TestExplainRefused(t *testing.T) {
	f := newFakeMirrord(t)
	for status, want := range map[int]string{404: "404 Not Found", 429: "429 Too Many Requests"} {
		f.before(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodHead {
				w.WriteHeader(status)
			}
			return r.Method == http.MethodHead
		})
		if code, out, errs := mirrord(t, "explain", "alpine", "--server", f.URL); code != exitDone || !strings.HasSuffix(out, "\nserved      nothing: "+want+"\n") {
			t.Errorf("exit %d\n%s%s", code, out, errs)
		}
	}
}

// TestDocumentedAlias: the page's configuration can be used, and explains as it says.
func TestDocumentedAlias(t *testing.T) {
	doc, err := os.ReadFile("../../docs/docker.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(doc), "\n## Aliases\n")
	config := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(section)
	output := regexp.MustCompile("(?s)\\$ mirrord explain alpine:3.12 --config mirrord.yaml\n(.*?)\nserved ").FindStringSubmatch(section)
	if config == nil || output == nil {
		t.Fatal("docs/docker.md has no configuration, or no output, under Aliases")
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("mirrord.yaml", []byte(config[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := mirrord(t, "check-config", "--config", "mirrord.yaml"); code != exitDone {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	f := newFakeMirrord(t)
	code, out, errs := mirrord(t, "explain", "alpine:3.12", "--config", "mirrord.yaml", "--server", f.URL)
	if want := output[1] + "\nserved      nothing: 404 Not Found\n"; code != exitDone || out != want {
		t.Errorf("exit %d\n%s%swant\n%s", code, out, errs, want)
	}
}
