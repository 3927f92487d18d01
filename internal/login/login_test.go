package login

import (
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// script puts a credential helper in front of PATH.
func script(t *testing.T, name, body string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-"+name), []byte("#!/bin/sh\n"+body), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func want(t *testing.T, file, host string, want Login) {
	t.Helper()
	if got, err := FromDockerConfig(file)(t.Context(), host); err != nil || got != want {
		t.Errorf("%s: %v %v", host, got, err)
	}
}

func auth(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestFile(t *testing.T) {
	file := write(t, `{"auths": {
		"https://index.docker.io/v1/": {"auth": "`+auth("hub:a:b")+`"},
		"reg.example:5000": {"auth": "`+auth("u:p")+`"},
		"https://old.example/v2/": {"auth": "`+auth("old:p")+`"},
		"acr.example": {"auth": "`+auth("0:")+`", "identitytoken": "idt"},
		"empty.example": {}
	}, "unknown": [1]}`)
	hub := Login{Username: "hub", Password: "a:b"}
	want(t, file, "registry-1.docker.io", hub)
	want(t, file, "docker.io", hub)
	want(t, file, "reg.example:5000", Login{Username: "u", Password: "p"})
	want(t, file, "old.example", Login{Username: "old", Password: "p"})
	want(t, file, "acr.example", Login{Username: "0", IdentityToken: "idt"})
	for _, nobody := range []string{"reg.example", "empty.example", "other.example", "example"} {
		want(t, file, nobody, Login{})
	}
	want(t, write(t, `{"auths":{"docker.io":{"auth":"`+auth("pod:man")+`"}}}`), "registry-1.docker.io", Login{Username: "pod", Password: "man"})
	want(t, write(t, `{}`), "reg.example", Login{})
}

// What docker login writes counts at once.
func TestFileChanges(t *testing.T) {
	file := write(t, `{"auths":{"r.example":{"auth":"`+auth("u:old")+`"}}}`)
	find := FromDockerConfig(file)
	for _, password := range []string{"old", "new"} {
		got, err := find(t.Context(), "r.example")
		if err != nil || got.Password != password {
			t.Errorf("%v %v", got, err)
		}
		if err := os.WriteFile(file, []byte(`{"auths":{"r.example":{"auth":"`+auth("u:new")+`"}}}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBadFiles(t *testing.T) {
	if _, err := FromDockerConfig(filepath.Join(t.TempDir(), "none.json"))(t.Context(), "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	for _, text := range []string{
		`hush`, `{"auths":"hush"}`, `{"auths":{"x":{"auth":"hush!"}}}`, `{"auths":{"x":{"auth":"` + auth("hush") + `"}}}`, `[]`,
	} {
		_, err := FromDockerConfig(write(t, text))(t.Context(), "x")
		if err == nil || !strings.HasPrefix(err.Error(), "config.json: not a docker config.json") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := FromDockerConfig(write(t, strings.Repeat(" ", fileMost)+`{}`))(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Error(err)
	}
}

func TestHelpers(t *testing.T) {
	script(t, "one", `read host
case "$1 $host" in
"get r.example:5000") echo '{"ServerURL":"r","Username":"u","Secret":"p"}';;
"get token.example") echo '{"Username":"<token>","Secret":"idt"}';;
"get https://index.docker.io/v1/") echo '{"Username":"hub","Secret":"p"}';;
*) echo "credentials not found in native keychain"; exit 1;;
esac
`)
	script(t, "two", `echo '{"Username":"second","Secret":"p"}'`)
	store := write(t, `{"credsStore":"one","credHelpers":{"two.example":"two"},"auths":{"file.example":{"auth":"`+auth("u:p")+`"}}}`)
	want(t, store, "r.example:5000", Login{Username: "u", Password: "p"})
	want(t, store, "token.example", Login{IdentityToken: "idt"})
	want(t, store, "registry-1.docker.io", Login{Username: "hub", Password: "p"})
	want(t, store, "two.example", Login{Username: "second", Password: "p"})
	want(t, store, "unknown.example", Login{})
	own := write(t, `{"credHelpers":{"two.example":"two"},"auths":{"file.example":{"auth":"`+auth("u:p")+`"}}}`)
	want(t, own, "file.example", Login{Username: "u", Password: "p"})
}

func TestBadHelpers(t *testing.T) {
	script(t, "fails", "echo hush; echo hush >&2; exit 3")
	script(t, "lies", "echo hush")
	script(t, "babbles", "while echo hushhushhushhushhushhushhushhushhushhushhushhush; do :; done")
	for name, text := range map[string]string{
		"fails": "exit status 3", "lies": "no credentials", "babbles": "docker-credential-babbles: ", "absent": "executable file not found",
	} {
		_, err := FromDockerConfig(write(t, `{"credsStore":"`+name+`"}`))(t.Context(), "x")
		if err == nil || !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), "docker-credential-"+name) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHelperEndsWithTheContext(t *testing.T) {
	script(t, "hangs", "sleep 600")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := FromDockerConfig(write(t, `{"credsStore":"hangs"}`))(ctx, "x")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
