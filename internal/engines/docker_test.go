package engines

import (
	"encoding/json"
	"strings"
	"testing"
)

var (
	near = Server{"http://127.0.0.1:8080"}
	far  = Server{"http://mirror.lan:8080"}
	safe = Server{"https://mirror.example"}
)

func TestDaemonJSON(t *testing.T) {
	for _, tc := range []struct {
		name, before, after string
		server              Server
		mirror              bool
	}{
		{"no file", "", "{\n  \"registry-mirrors\": [\"http://127.0.0.1:8080\"]\n}\n", near, true},
		{"both keys", "", "{\n  \"registry-mirrors\": [\"http://mirror.lan:8080\"],\n  \"insecure-registries\": [\"mirror.lan:8080\"]\n}\n", far, true},
		{"no mirror", "{}", "{\n  \"insecure-registries\": [\"mirror.lan:8080\"]\n}", far, false},
		{"nothing to set", " \n", " \n", safe, false},
		{"blanks of the object go", "{ \n }\n", "{\n  \"registry-mirrors\": [\"https://mirror.example\"]\n}\n", safe, true},
		{
			"layout stays", "{\n\t\"bip\" :  \"10.0.0.1/24\",\n\t\"debug\":true\n}",
			"{\n\t\"bip\" :  \"10.0.0.1/24\",\n\t\"debug\":true,\n\t\"registry-mirrors\": [\"http://127.0.0.1:8080\"]\n}", near, true,
		},
		{"one line", `{"debug":true}`, `{"debug":true,"registry-mirrors": ["https://mirror.example"]}`, safe, true},
		{
			"others go behind", "{\"registry-mirrors\": [\n  \"https://other\" ,\n  \"https://third\"]}",
			"{\"registry-mirrors\": [\n  \"https://mirror.example\",\n  \"https://other\" ,\n  \"https://third\"]}", safe, true,
		},
		{"one-line list", `{"registry-mirrors":["a"], "x": 1}`, `{"registry-mirrors":["https://mirror.example", "a"], "x": 1}`, safe, true},
		{"moved to the front", `{"registry-mirrors":["a","https://mirror.example/"]}`, `{"registry-mirrors":["https://mirror.example", "a"]}`, safe, true},
		{"first already", `{"registry-mirrors":["https://mirror.example/","a"]}`, `{"registry-mirrors":["https://mirror.example/","a"]}`, safe, true},
		{"empty list", `{"registry-mirrors": [ ]}`, `{"registry-mirrors": ["https://mirror.example"]}`, safe, true},
		{"null", `{"registry-mirrors": null }`, `{"registry-mirrors": ["https://mirror.example"] }`, safe, true},
		{"insecure anywhere", `{"insecure-registries":["a","mirror.lan:8080"]}`, `{"insecure-registries":["a","mirror.lan:8080"]}`, far, false},
		{"byte order mark", bom + "{}\n", bom + "{\n  \"registry-mirrors\": [\"https://mirror.example\"]\n}\n", safe, true},
		{"a key inside", `{"x": {"registry-mirrors": ["a"]}}`, `{"x": {"registry-mirrors": ["a"]},"registry-mirrors": ["https://mirror.example"]}`, safe, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := DaemonJSON(tc.before, tc.server, tc.mirror)
			if err != nil || got != tc.after {
				t.Errorf("got  %q, %v\nwant %q", got, err, tc.after)
			}
			if again, err := DaemonJSON(got, tc.server, tc.mirror); err != nil || again != got {
				t.Errorf("a second time: %q, %v", again, err)
			}
		})
	}
}

func TestDaemonJSONRefuses(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"{\n  \"debug\": true,\n}\n", "line 3: "},
		{"{", "line 1: unexpected end of JSON input, expected JSON"},
		{"[]", "line 1: array, expected a JSON object"},
		{"null", "line 1: null, expected a JSON object"},
		{"{}\n{}", "line 2: "},
		{`{"registry-mirrors": "a"}`, `line 1: "registry-mirrors" is no list of strings, expected one`},
		{"{\n\"registry-mirrors\": [\"a\", 1]}", `line 2: "registry-mirrors" is no list of strings, expected one`},
		{`{"registry-mirrors": [null]}`, "no list of strings"},
		{"{\"debug\":true,\n\"debug\":false}", `line 2: "debug" a second time, expected it once`},
	} {
		if got, err := DaemonJSON(tc.text, near, true); err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %q, %v; want %q", tc.text, got, err, tc.want)
		}
	}
}

// FuzzDaemonJSON: whatever stands in the file, the other keys keep their bytes and
// the server is in its place.
func FuzzDaemonJSON(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "{\"a\":[1,{\"b\":null}],\n \"registry-mirrors\":[ \"x\" , \"http://mirror.lan:8080\"]}",
		`{"\"":"}","insecure-registries":["é"]}`, `{"registry-mirrors": ["[\"", "]"]}`, "\ufeff{ }",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := DaemonJSON(text, far, true)
		if err != nil {
			return
		}
		var before, after map[string]json.RawMessage
		json.Unmarshal([]byte(strings.TrimPrefix(text, bom)), &before) // a blank file is none
		if err := json.Unmarshal([]byte(strings.TrimPrefix(got, bom)), &after); err != nil {
			t.Fatalf("%q becomes %q: %v", text, got, err)
		}
		for key, value := range before {
			if key != mirrorsKey && key != insecureKey && string(after[key]) != string(value) {
				t.Errorf("%q: %s becomes %s", key, value, after[key])
			}
		}
		var mirrors []string
		if err := json.Unmarshal(after[mirrorsKey], &mirrors); err != nil || strings.TrimSuffix(mirrors[0], "/") != far.URL {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}
