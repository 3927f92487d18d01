package moving

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"mirrord/internal/cache"
)

func TestParseManifest(t *testing.T) {
	for _, bad := range []string{
		"", "x", "[]", `{"format":0}`, `{"format":2}`, `{"format":1,"repositories":[{"name":".."}]}`, `{"format":1,"repositories":[{"name":""}]}`,
		`{"format":1,"repositories":[{"name":"a/b"}]}`, `{"format":1,"repositories":[{"name":"/etc"}]}`, `{"format":1,"repositories":[{"name":"."}]}`, `{"format":1,"repositories":{}}`,
	} {
		if m, err := parseManifest([]byte(bad)); !errors.Is(err, ErrNoExport) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %+v, %v", bad, m, err)
		}
	}
	m := Manifest{Format: manifestFormat}
	r := m.find(Repo{Name: "files", Type: "generic"})
	r.note("a", Validators{ETag: `"1"`})
	r.note("b", Validators{ETag: `"2"`})
	r.note("b", Validators{})
	m.find(Repo{Name: "docker.io", Type: OCI})
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseManifest(text)
	if err != nil || len(got.Repositories) != 2 || !reflect.DeepEqual(got.Repositories[0].Validators, map[string]Validators{"a": {ETag: `"1"`}}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// What is taken over from foreign files goes into headers.
func TestValidators(t *testing.T) {
	const date = "Wed, 25 Nov 2026 23:58:55 GMT"
	for v, want := range map[Validators]cache.Meta{
		{ETag: `"a"`, LastModified: date, ContentType: "text/plain"}: {ETag: `"a"`, LastModified: date, ContentType: "text/plain"},
		{ETag: `W/"a"`}:         {ETag: `W/"a"`},
		{ETag: `a`}:             {},
		{ETag: `"`}:             {},
		{ETag: "\"a\r\nX: y\""}: {},
		{ETag: `"` + strings.Repeat("a", 300) + `"`}: {},
		{LastModified: "yesterday"}:                  {},
		{LastModified: date + "\n"}:                  {},
		{ContentType: "text/plain\x00"}:              {},
		{ContentType: "text/\u00fc"}:                 {},
	} {
		if got := v.meta(); got != want {
			t.Errorf("%+v: %+v, want %+v", v, got, want)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"format":1,"repositories":[{"name":"files","type":"generic","validators":{"a":{"etag":"\"1\"","last_modified":"Wed, 25 Nov 2026 23:58:55 GMT"}}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseManifest(data)
		if err != nil {
			if !errors.Is(err, ErrNoExport) {
				t.Error(err)
			}
			return
		}
		for _, r := range m.Repositories {
			if r.Name == "" || strings.Contains(r.Name, "/") || r.Name == ".." {
				t.Errorf("%q", r.Name)
			}
			for _, v := range r.Validators {
				meta := v.meta()
				if strings.ContainsAny(meta.ETag+meta.LastModified+meta.ContentType, "\r\n\x00") {
					t.Errorf("%+v", meta)
				}
			}
		}
	})
}
