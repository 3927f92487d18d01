package admin

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirrord/internal/audit"
	"mirrord/internal/cache"
	"mirrord/internal/faulty"
	"mirrord/internal/mirror"
	"mirrord/internal/repo/generic"
	"mirrord/internal/token"
	"mirrord/internal/upstream"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is the API of a mirror with the repository "files".
type desk struct {
	t       *testing.T
	spec    *spec
	dir     string
	up      *faulty.Server
	m       *mirror.Mirror
	tokens  *token.Store
	local   string // the CLI's secret
	options Options
	h       http.Handler
	now     time.Time
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, spec: newSpec(t), dir: t.TempDir(), up: faulty.New(t), now: time.Now()}
	store, err := cache.Open(cache.Options{Dir: filepath.Join(d.dir, "data")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	tr := upstream.NewTransport(upstream.Options{})
	t.Cleanup(tr.Close)
	base, _ := url.Parse("http://" + d.up.Host())
	group := upstream.NewGroup(upstream.Config{Name: "files", Mirrors: []*url.URL{base}}, tr)
	d.m, err = mirror.New(mirror.Options{Store: store, Scrub: 1 << 20, Repos: []mirror.Config{{Name: "files", Adapter: generic.Adapter{}, Upstream: group, Fresh: time.Hour}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.m.Close)
	local := filepath.Join(d.dir, "admin.token")
	if d.tokens, err = token.Open(filepath.Join(d.dir, "tokens.json"), local, func() time.Time { return d.now }); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(local)
	d.local = strings.TrimSpace(string(text))
	d.options = Options{
		Mirror: d.m, Tokens: d.tokens, Audit: audit.New(filepath.Join(d.dir, "audit.log")), Stats: store.Stats, Version: "test",
		Now: time.Now,
	}
	d.h = New(d.options)
	return d
}

// file puts one upstream and has a client fetch it.
func (d *desk) file(path, data string) {
	d.t.Helper()
	d.up.Set("/"+path, []byte(data))
	a, err := d.m.Open(d.t.Context(), mirror.Request{Repo: "files", Path: path})
	if err != nil {
		d.t.Fatal(err)
	}
	defer a.Close()
	if got, err := io.ReadAll(a); err != nil || string(got) != data {
		d.t.Fatalf("%s is %q, %v", path, got, err)
	}
}

// do makes a request; change may be nil.
func (d *desk) do(method, path, secret, body string, change func(*http.Request)) (int, map[string]any) {
	d.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:4000"
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	r.Header.Set("Content-Type", "application/json")
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	d.h.ServeHTTP(w, r)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		d.t.Fatalf("%s %s: %d %q: %v", method, path, w.Code, w.Body, err)
	}
	d.spec.check(method, strings.SplitN(path, "?", 2)[0], w.Code, w.Header().Get("Content-Type"), value)
	got := map[string]any{}
	json.Unmarshal(w.Body.Bytes(), &got)
	return w.Code, got
}

// wants makes a request as the CLI of this machine, and fails where it fails.
func (d *desk) wants(method, path, body string) map[string]any {
	d.t.Helper()
	status, got := d.do(method, path, d.local, body, nil)
	if status != http.StatusOK {
		d.t.Fatalf("%s %s: %d %v", method, path, status, got)
	}
	return got
}

// audited are the acts that were written down since the last call.
func (d *desk) audited() (acts []audit.Record) {
	d.t.Helper()
	file := filepath.Join(d.dir, "audit.log")
	text, _ := os.ReadFile(file)
	os.Remove(file)
	for line := range strings.Lines(string(text)) {
		var r audit.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			d.t.Fatal(err)
		}
		acts = append(acts, r)
	}
	return acts
}

func TestLook(t *testing.T) {
	d := newDesk(t)
	d.file("a/1", "one")
	d.file("a/2", "two")
	if got := d.wants("GET", "/api/v1/status", ""); got["version"] != "test" || got["store"].(map[string]any)["objects"] != 2.0 {
		t.Errorf("status: %v", got)
	}
	got := d.wants("GET", "/api/v1/objects?repo=files&prefix=a/&limit=1", "")
	if got["next"] != "files/a/1" || len(got["objects"].([]any)) != 1 {
		t.Errorf("objects: %v", got)
	}
	got = d.wants("GET", "/api/v1/objects?repo=files&after=files/a/1", "")
	if list := got["objects"].([]any); len(list) != 1 || list[0].(map[string]any)["path"] != "a/2" || got["next"] != nil {
		t.Errorf("objects: %v", got)
	}
	if got := d.wants("GET", "/api/v1/objects?repo=files&path=none", ""); len(got["objects"].([]any)) != 0 {
		t.Errorf("objects: %v", got)
	}
	if got := d.wants("GET", "/api/v1/explain?repo=files&path=a/1", ""); got["would"] != "hit" {
		t.Errorf("explain: %v", got)
	}
	if acts := d.audited(); len(acts) != 0 {
		t.Errorf("looking was written down: %+v", acts)
	}
}

func TestActs(t *testing.T) {
	d := newDesk(t)
	d.file("a/1", "one")
	d.file("a/2", "two")
	for _, c := range []struct {
		method, path, body, key string
		want                    any
	}{
		{"POST", "/api/v1/purge", `{"repo":"files","path":"a/1","dry_run":true}`, "matched", 1.0},
		{"POST", "/api/v1/pin", `{"repo":"files","path":"a/1"}`, "matched", 1.0},
		{"POST", "/api/v1/purge", `{"repo":"files","path":"a/1"}`, "pinned", 1.0},
		{"POST", "/api/v1/unpin", `{"repo":"files"}`, "matched", 2.0},
		{"POST", "/api/v1/purge", `{"repo":"files","path":"a/1"}`, "bytes", 3.0},
		{"PURGE", "/files/a/2", "", "matched", 1.0},
		{"PURGE", "/files/a/2", "", "matched", 0.0},
		{"POST", "/api/v1/warm", `{"repo":"files","path":"a/1"}`, "fetched", 1.0},
		{"POST", "/api/v1/gc", `{"dry_run":true}`, "matched", 0.0},
		{"POST", "/api/v1/gc", `{}`, "matched", 0.0},
	} {
		if got := d.wants(c.method, c.path, c.body); got[c.key] != c.want {
			t.Errorf("%s %s %s: %v, expected %s %v", c.method, c.path, c.body, got, c.key, c.want)
		}
	}
	if got := d.wants("POST", "/api/v1/snapshots", `{"name":"s","repo":"files"}`); len(got["snapshots"].([]any)) != 1 {
		t.Errorf("snapshot: %v", got)
	}
	if got := d.wants("GET", "/api/v1/snapshots", ""); len(got["snapshots"].([]any)) != 1 {
		t.Errorf("snapshots: %v", got)
	}
	d.wants("DELETE", "/api/v1/snapshots/files/s", "")
	got := d.wants("POST", "/api/v1/refresh", `{"repo":"files","path":"a/1"}`)
	if list := got["refreshed"].([]any); len(list) != 1 || list[0].(map[string]any)["outcome"] != "unchanged" {
		t.Errorf("refresh: %v", got)
	}
	var acts []string
	for _, a := range d.audited() {
		acts = append(acts, a.Act)
		if a.Token != "local" || a.Role != "admin" || a.From != "127.0.0.1" || a.Time.IsZero() || a.What == nil || a.Effect == nil {
			t.Errorf("the act is %+v, expected who, what, when and effect", a)
		}
	}
	if want := "pin purge unpin purge purge purge warm gc snapshot create snapshot delete refresh"; strings.Join(acts, " ") != want {
		t.Errorf("the acts are %q, expected %q", acts, want)
	}
}

func TestRefused(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct {
		call   string
		status int
	}{
		{`POST /api/v1/purge {"repo":"files","path":"a","dryrun":true}`, 400},
		{`POST /api/v1/purge {"repo":"files"}{}`, 400},
		{`POST /api/v1/purge [`, 400},
		{`POST /api/v1/purge {}`, 400},
		{`POST /api/v1/purge {"repo":"none"}`, 404},
		{`POST /api/v1/purge {"repo":"files","path":"../x"}`, 400},
		{`POST /api/v1/purge {"repo":"files","path":"` + strings.Repeat("x", 70<<10) + `"}`, 400},
		{`GET /api/v1/objects?repo=files&limit=0`, 400},
		{`GET /api/v1/objects?repo=files&repo=files`, 400},
		{`GET /api/v1/objects?rep=files`, 400},
		{`GET /api/v1/explain?repo=files`, 400},
		{`POST /api/v1/refresh {"repo":"none","path":"a"}`, 404},
		{`POST /api/v1/tokens {"name":"a","role":"root"}`, 400},
		{`POST /api/v1/tokens {"name":"a b","role":"read"}`, 400},
		{`POST /api/v1/tokens {"name":"a","role":"read","expires_in":-1}`, 400},
		{`POST /api/v1/tokens {"name":"local","role":"read"}`, 409},
		{`POST /api/v1/snapshots {"name":"2026-01-01"}`, 400},
		{`POST /api/v1/snapshots {"name":"a","repo":"none"}`, 404},
		{`DELETE /api/v1/snapshots/files/none`, 404},
		{`DELETE /api/v1/tokens/none`, 404},
		{`DELETE /api/v1/tokens/local`, 400},
		{`PURGE /`, 400},
		{`PURGE /none/a`, 404},
	} {
		method, rest, _ := strings.Cut(c.call, " ")
		path, body, _ := strings.Cut(rest, " ")
		if status, got := d.do(method, path, d.local, body, nil); status != c.status {
			t.Errorf("%.80s: %d %v, expected %d", c.call, status, got, c.status)
		}
	}
	form := func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }
	if status, got := d.do("POST", "/api/v1/purge", d.local, `{"repo":"files"}`, form); status != 200 {
		t.Errorf("as curl -d sends it: %d %v", status, got)
	}
}

// TestAuditFails: what was done and cannot be written down is told so.
func TestAuditFails(t *testing.T) {
	d := newDesk(t)
	d.file("a/1", "one")
	if err := os.Mkdir(filepath.Join(d.dir, "audit.log"), 0o755); err != nil {
		t.Fatal(err)
	}
	status, got := d.do("POST", "/api/v1/purge", d.local, `{"repo":"files"}`, nil)
	if text, _ := got["detail"].(string); status != 500 || !strings.Contains(text, "audit") || strings.Contains(text, d.dir) {
		t.Errorf("%d %v, expected 500 that names the audit log and no path", status, got)
	}
}
