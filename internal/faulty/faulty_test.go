package faulty_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"mirrord/internal/faulty"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var content = bytes.Repeat([]byte("0123456789abcdef"), 4096) // 64 KiB

type got struct {
	*http.Response
	body []byte
	err  error
}

func get(t *testing.T, url string, fields ...string) got {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity")
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return got{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return got{resp, body, err}
}

func server(t *testing.T) *faulty.Server {
	u := faulty.New(t)
	u.Set("/a", content)
	return u
}

func TestRightByDefault(t *testing.T) {
	u := server(t)
	whole := get(t, u.URL+"/a")
	if whole.err != nil || whole.StatusCode != 200 || !bytes.Equal(whole.body, content) {
		t.Fatalf("%v %v", whole.err, whole.Response)
	}
	tag := whole.Header.Get("ETag")
	for _, c := range []struct {
		fields []string
		want   int
		body   []byte
	}{
		{[]string{"Range", "bytes=5-9"}, 206, content[5:10]},
		{[]string{"Range", "bytes=65530-"}, 206, content[65530:]},
		{[]string{"Range", "bytes=-4"}, 206, content[65532:]},
		{[]string{"Range", "bytes=5-9", "If-Range", tag}, 206, content[5:10]},
		{[]string{"Range", "bytes=5-9", "If-Range", `"other"`}, 200, content},
		{[]string{"Range", "bytes=65536-"}, 416, nil},
		{[]string{"If-None-Match", tag}, 304, []byte{}},
		{[]string{"If-Modified-Since", whole.Header.Get("Last-Modified")}, 304, []byte{}},
	} {
		r := get(t, u.URL+"/a", c.fields...)
		if r.StatusCode != c.want || c.body != nil && !bytes.Equal(r.body, c.body) {
			t.Errorf("%v: %d, %d bytes", c.fields, r.StatusCode, len(r.body))
		}
	}
	if r := get(t, u.URL+"/none"); r.StatusCode != 404 {
		t.Error(r.Status)
	}
}

func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		fault faulty.Fault
		ok    func(got) bool
	}{
		"cut":       {faulty.Cut(1000), func(g got) bool { return errors.Is(g.err, io.ErrUnexpectedEOF) && len(g.body) == 1000 }},
		"reset":     {faulty.Reset(40000), func(g got) bool { return errors.Is(g.err, syscall.ECONNRESET) }},
		"drop":      {faulty.Drop(), func(g got) bool { return g.Response == nil && g.err != nil }},
		"corrupt":   {faulty.Corrupt(7), func(g got) bool { return g.body[7] == content[7]^0xff && g.body[8] == content[8] }},
		"longer":    {faulty.Length(5), func(g got) bool { return g.ContentLength == 65541 && errors.Is(g.err, io.ErrUnexpectedEOF) }},
		"shorter":   {faulty.Length(-5), func(g got) bool { return g.ContentLength == 65531 && len(g.body) == 65531 }},
		"swap":      {faulty.Swap([]byte("new")), func(g got) bool { return string(g.body) == "new" }},
		"status":    {faulty.Unavailable(3), func(g got) bool { return g.StatusCode == 503 && g.Header.Get("Retry-After") == "3" }},
		"redirect":  {faulty.Redirect("http://x.example/"), func(g got) bool { return g.Header.Get("Location") == "http://x.example/" }},
		"label":     {faulty.Label("gzip"), func(g got) bool { return bytes.Equal(g.body, content) && g.Header.Get("Content-Encoding") == "gzip" }},
		"gzip":      {faulty.Gzip(), func(g got) bool { return len(g.body) < 1000 && g.Header.Get("Content-Encoding") == "gzip" }},
		"chunked":   {faulty.Chunked(), func(g got) bool { return g.ContentLength == -1 && bytes.Equal(g.body, content) && g.err == nil }},
		"cut chunk": {faulty.Chunked().And(faulty.Cut(9)), func(g got) bool { return len(g.body) == 9 && g.err != nil }},
		"close":     {faulty.CloseDelimited(), func(g got) bool { return g.Close && bytes.Equal(g.body, content) && g.err == nil }},
		"cut close": {faulty.CloseDelimited().And(faulty.Cut(9)), func(g got) bool { return len(g.body) == 9 && g.err == nil }},
		"append":    {faulty.Chunked().And(faulty.Append([]byte("x"))), func(g got) bool { return len(g.body) == 65537 }},
		"partial":   {faulty.Partial(), func(g got) bool { return g.StatusCode == 206 && bytes.Equal(g.body, content[1:]) }},
	} {
		t.Run(name, func(t *testing.T) {
			u := server(t)
			u.Fail("/a", c.fault)
			if g := get(t, u.URL+"/a"); !c.ok(g) {
				t.Errorf("%v %v, %d bytes", g.err, g.Response, len(g.body))
			}
			u.Set("/a", content)
			if g := get(t, u.URL+"/a"); g.err != nil || !bytes.Equal(g.body, content) {
				t.Errorf("the fault outlived its request: %v", g.err)
			}
		})
	}
}

// TestSwapComesFirst: what is set while a swapping request is still being answered
// stays.
func TestSwapComesFirst(t *testing.T) {
	u := server(t)
	u.Fail("/a", faulty.Delay(50*time.Millisecond).And(faulty.Swap([]byte("new"))))
	swapped := make(chan got)
	go func() { swapped <- get(t, u.URL+"/a") }()
	for u.Count("/a") == 0 {
		time.Sleep(time.Millisecond)
	}
	u.Set("/a", content)
	if g := <-swapped; string(g.body) != "new" {
		t.Errorf("%v, %d bytes", g.err, len(g.body))
	}
	if g := get(t, u.URL+"/a"); !bytes.Equal(g.body, content) {
		t.Errorf("%v, %d bytes", g.err, len(g.body))
	}
}

func TestRangeFaults(t *testing.T) {
	u := server(t)
	ask := []string{"Range", "bytes=10-19", "If-Range", `"stale"`}
	u.Fail("/a", faulty.IgnoreIfRange().And(faulty.Shift(2)), faulty.IgnoreIfRange().And(faulty.ContentRange("bytes 0-9/65536")))
	if g := get(t, u.URL+"/a", ask...); g.StatusCode != 206 || !bytes.Equal(g.body, content[12:22]) || g.Header.Get("Content-Range") != "bytes 10-19/65536" {
		t.Errorf("shift: %v %s", g.Response, g.body)
	}
	if g := get(t, u.URL+"/a", ask...); g.Header.Get("Content-Range") != "bytes 0-9/65536" {
		t.Errorf("content range: %v", g.Response)
	}
	u.Fail("/a", faulty.IgnoreRange().Ranged())
	get(t, u.URL+"/a")
	if g := get(t, u.URL+"/a", "Range", "bytes=10-19"); g.StatusCode != 200 {
		t.Errorf("ignore range: %v", g.Response)
	}
}

func TestLogAndQueues(t *testing.T) {
	u := server(t)
	u.Fail(faulty.All, faulty.Status(500).Times(2))
	u.Fail("/a", faulty.Pass(), faulty.Cut(100))
	for range 5 {
		get(t, u.URL+"/a", "Range", "bytes=0-999")
	}
	want := []string{"206", "206", "500", "500", "206"}
	var have []string
	for _, r := range u.Requests() {
		have = append(have, strings.TrimPrefix(r.String(), "GET /a bytes=0-999 -> "))
	}
	if !slices.Equal(have, want) {
		t.Errorf("%q", have)
	}
	if r := u.Requests(); r[0].Bytes != 1000 || r[1].Bytes != 100 || u.Count("/a") != 5 {
		t.Errorf("%+v", r)
	}
}

func TestStallHangAndLeaving(t *testing.T) {
	u := server(t)
	u.Fail("/a", faulty.Stall(10), faulty.Hang(), faulty.Hang())
	for range 2 {
		go func() {
			time.Sleep(50 * time.Millisecond)
			u.Release()
		}()
		if g := get(t, u.URL+"/a"); !bytes.Equal(g.body, content) {
			t.Fatal(g.err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, u.URL+"/a", nil)
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	if _, err := tr.RoundTrip(req); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestRate(t *testing.T) {
	u := server(t)
	u.Rate(256 << 10)
	start := time.Now()
	get(t, u.URL+"/a")
	if took := time.Since(start); took < 200*time.Millisecond {
		t.Errorf("64 KiB at 256 KiB/s took %v", took)
	}
}

func TestDownAndUp(t *testing.T) {
	u := server(t)
	u.Down()
	if g := get(t, u.URL+"/a"); !errors.Is(g.err, syscall.ECONNREFUSED) {
		t.Error(g.err)
	}
	u.Up()
	if g := get(t, u.URL+"/a"); g.err != nil || !bytes.Equal(g.body, content) {
		t.Error(g.err)
	}
}

func TestPage(t *testing.T) {
	u := server(t)
	u.Set("/a", content, faulty.Field("Docker-Content-Digest", "sha256:00"))
	if r := get(t, u.URL+"/a"); r.err != nil || r.Header.Get("Docker-Content-Digest") != "sha256:00" {
		t.Errorf("%v, %v", r.err, r.Header)
	}
	u.Fail("/a", faulty.Page("text/html", []byte("<p>")))
	r := get(t, u.URL+"/a", "Range", "bytes=5-")
	if r.err != nil || r.StatusCode != 200 || string(r.body) != "<p>" || r.Header.Get("Content-Type") != "text/html" || r.Header.Get("ETag") != "" {
		t.Errorf("%v, %+v, %q", r.err, r.Response, r.body)
	}
}
