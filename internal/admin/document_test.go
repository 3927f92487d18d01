package admin

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// spec is openapi.yaml, to hold routes and answers against.
type spec struct {
	t    *testing.T
	doc  map[string]any
	with *jsonschema.Compiler
}

func newSpec(t *testing.T) *spec {
	t.Helper()
	var doc map[string]any
	if err := yaml.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	s := &spec{t: t, doc: doc, with: jsonschema.NewCompiler()}
	if err := s.with.AddResource("openapi", any(doc)); err != nil {
		t.Fatal(err)
	}
	return s
}

// path is the document's path for a request's, as a JSON pointer's element.
func (s *spec) path(method, path string) string {
	path = strings.TrimPrefix(path, Prefix)
	if method == http.MethodDelete && strings.HasPrefix(path, "/tokens/") {
		path = "/tokens/{name}"
	} else if method == http.MethodDelete {
		path = "/snapshots/{repo}/{name}"
	}
	return strings.ReplaceAll(path, "/", "~1")
}

// check fails the test where an answer is not as the document says.
func (s *spec) check(method, path string, status int, contentType string, body any) {
	s.t.Helper()
	at := "#/components/responses/problem/content/application~1problem+json/schema"
	if status == http.StatusOK {
		at = "#/paths/" + s.path(method, path) + "/" + strings.ToLower(method) + "/responses/200/content/application~1json/schema"
		if method == MethodPurge {
			at = "#/components/schemas/Purged"
		}
	}
	if want := map[bool]string{true: "application/json", false: "application/problem+json"}[status == http.StatusOK]; contentType != want {
		s.t.Errorf("%s %s: %d with Content-Type %q, expected %q", method, path, status, contentType, want)
	}
	schema, err := s.with.Compile("openapi" + at)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	if err := schema.Validate(body); err != nil {
		s.t.Errorf("%s %s: %d is not as openapi.yaml says: %v", method, path, status, err)
	}
}

// TestDocument: each call is written down, and nothing else is.
func TestDocument(t *testing.T) {
	s := newSpec(t)
	written := make(map[string]bool)
	for path, item := range s.doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			written[strings.ToUpper(method)+" "+Prefix+path] = true
			if text, _ := op.(map[string]any)["description"].(string); !strings.HasPrefix(text, "read.") && !strings.HasPrefix(text, "operate.") && !strings.HasPrefix(text, "admin.") {
				t.Errorf("%s %s: the description does not begin with the role", method, path)
			}
		}
	}
	a := &api{}
	chi.Walk(a.routes(), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if !written[method+" "+route] {
			t.Errorf("%s %s is not in openapi.yaml", method, route)
		}
		delete(written, method+" "+route)
		return nil
	})
	for call := range written {
		t.Errorf("%s is in openapi.yaml and nowhere else", call)
	}
	for _, pointer := range []string{"Selection", "Purged", "Status", "Explanation", "Objects", "Refreshed", "Warmed", "Token", "Snapshots", "Problem"} {
		if _, err := s.with.Compile("openapi#/components/schemas/" + pointer); err != nil {
			t.Error(err)
		}
	}
}
