package stream

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

const (
	smallSize = 1 << 20
	// smallRate has it in flight for a second.
	smallRate = 1 << 20
)

// question is a request with fields and the answer it must have.
type question struct {
	name   string
	method string
	fields func(etag, modified string) []string
	status int
	field  string // the Range that the bytes must be of
}

func given(fields ...string) func(string, string) []string {
	return func(string, string) []string { return fields }
}

var questions = []question{
	{name: "plain", fields: given(), status: 200},
	{name: "HEAD", method: http.MethodHead, fields: given(), status: 200},
	{name: "HEAD with Range", method: http.MethodHead, fields: given("Range", "bytes=0-9"), status: 206},
	{name: "prefix", fields: given("Range", "bytes=0-99"), status: 206, field: "bytes=0-99"},
	{name: "middle", fields: given("Range", "bytes=700000-700099"), status: 206, field: "bytes=700000-700099"},
	{name: "open end", fields: given("Range", "bytes=700000-"), status: 206, field: "bytes=700000-"},
	{name: "suffix", fields: given("Range", "bytes=-100"), status: 206, field: "bytes=-100"},
	{name: "multi", fields: given("Range", "bytes=5-9,800000-800009"), status: 206, field: "bytes=5-9,800000-800009"},
	{name: "multi, backwards", fields: given("Range", "bytes=800000-800009,5-9"), status: 206, field: "bytes=800000-800009,5-9"},
	{name: "beyond the end", fields: given("Range", fmt.Sprintf("bytes=%d-", smallSize)), status: 416},
	{name: "malformed", fields: given("Range", "bytes=9-5"), status: 416},
	{name: "If-Range holds", fields: func(e, _ string) []string { return []string{"Range", "bytes=0-9", "If-Range", e} }, status: 206, field: "bytes=0-9"},
	{name: "If-Range by date", fields: func(_, d string) []string { return []string{"Range", "bytes=0-9", "If-Range", d} }, status: 206, field: "bytes=0-9"},
	{name: "If-Range of another", fields: given("Range", "bytes=0-9", "If-Range", `"other"`), status: 200},
	{name: "If-None-Match holds", fields: func(e, _ string) []string { return []string{"If-None-Match", e} }, status: 304},
	{name: "If-None-Match of many", fields: func(e, _ string) []string { return []string{"If-None-Match", `"a", ` + e} }, status: 304},
	{name: "If-None-Match of another", fields: given("If-None-Match", `"other"`), status: 200},
	{name: "If-Modified-Since holds", fields: func(_, d string) []string { return []string{"If-Modified-Since", d} }, status: 304},
	{name: "If-Modified-Since before", fields: given("If-Modified-Since", "Mon, 01 Jan 2001 00:00:00 GMT"), status: 200},
	{name: "HEAD, If-None-Match holds", method: http.MethodHead, fields: func(e, _ string) []string { return []string{"If-None-Match", e} }, status: 304},
}

// ask puts the question and says what is wrong with the answer.
func (q question) ask(o object) error {
	up := rig.Do(rig.NewClient(false), http.MethodHead, o.source)
	etag, modified := cmp.Or(o.etag, up.Header.Get("Etag")), up.Header.Get("Last-Modified")
	method := cmp.Or(q.method, http.MethodGet)
	r := rig.Do(rig.NewClient(false), method, o.url, q.fields(etag, modified)...)
	switch {
	case r.Err != nil, r.Status != q.status:
		return fmt.Errorf("%s, expected %d", r.How(), q.status)
	case q.status == http.StatusRequestedRangeNotSatisfiable:
		return nil
	case r.Header.Get("Etag") != etag:
		return fmt.Errorf("%s, Etag %s, expected %s", r.How(), r.Header.Get("Etag"), etag)
	case method != http.MethodHead && q.status != http.StatusNotModified:
		return r.Right(q.field, o.data)
	case len(r.Body) > 0:
		return fmt.Errorf("%s, expected no body", r.How())
	case q.status == http.StatusOK && r.Header.Get("Content-Length") != fmt.Sprint(len(o.data)):
		return fmt.Errorf("Content-Length %q, expected %d", r.Header.Get("Content-Length"), len(o.data))
	}
	return nil
}

// object is one that a question is put to.
type object struct {
	url, source string // at mirrord and upstream
	data        []byte
	etag        string // as mirrord gives it, "" where it passes upstream's on
}

// TestQuestions puts every question to a file and to a package, cold, in flight
// and stored: the answers do not differ.
func TestQuestions(t *testing.T) {
	u := faulty.New(t)
	debs := map[string][]byte{}
	for i := range 2 * len(questions) {
		debs[fmt.Sprintf("pool/%d.deb", i)] = rig.Content(uint64(1000+i), smallSize)
		u.Set(fmt.Sprintf("/files/%d.bin", i), rig.Content(uint64(2000+i), smallSize))
	}
	tree := rig.NewTree(debs)
	for p, data := range tree {
		u.Set("/apt/"+p, data)
	}
	m := rig.Start(t, rig.Config{Repos: fmt.Sprintf("- {name: apt, type: apt, fresh: 1h, upstreams: [%q]}\n- {name: files, type: generic, fresh: 1h, upstreams: [%q]}",
		u.URL+"/apt", u.URL+"/files")})
	for _, p := range []string{rig.ReleasePath, rig.PackagesPath} {
		if err := rig.Get(m.URL("apt", p)).Right("", tree[p]); err != nil {
			t.Fatal(err)
		}
	}
	u.Rate(smallRate)
	var wg sync.WaitGroup
	for i, q := range questions {
		for _, kind := range []string{"files/%d.bin", "apt/pool/%d.deb"} {
			var two [2]object
			for j := range two {
				p := fmt.Sprintf(kind, 2*i+j)
				two[j] = object{url: m.URL(p), source: u.URL + "/" + p, data: rig.Content(uint64(2000+2*i+j), smallSize)}
				if deb, ok := debs[strings.TrimPrefix(p, "apt/")]; ok {
					two[j].data, two[j].etag = deb, fmt.Sprintf("\"%x\"", sha256.Sum256(deb))
				}
			}
			wg.Go(func() {
				if err := q.askThrice(two[0], two[1]); err != nil {
					t.Errorf("%s of %s: %v", q.name, two[1].url, err)
				}
			})
		}
	}
	wg.Wait()
	m.Fsck(t)
}

// askThrice asks of one object that is cold, and of another that is in flight, and
// then stored.
func (q question) askThrice(one, other object) error {
	if err := q.ask(one); err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	landed := make(chan rig.Reply)
	go func() { landed <- rig.Get(other.url) }()
	time.Sleep(300 * time.Millisecond) // a third of it is there
	err := q.ask(other)
	first := <-landed
	if err != nil {
		return fmt.Errorf("in flight: %w", err)
	}
	if err := first.Right("", other.data); err != nil {
		return fmt.Errorf("the first client: %w", err)
	}
	if err := q.ask(other); err != nil {
		return fmt.Errorf("stored: %w", err)
	}
	return nil
}
