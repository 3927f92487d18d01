package upstream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

// unpinned has no digest behind it: only a validator can join bytes.
func unpinned() upstream.Request { return upstream.Request{Path: file, Size: -1} }

func from(off int) string { return fmt.Sprintf("GET %s bytes=%d- -> 206", path, off) }

func TestResume(t *testing.T) {
	const get = "GET " + path + " -> 200"
	for name, c := range map[string]struct {
		r             upstream.Request
		faults        []faulty.Fault
		first, second []string
	}{
		"cut":           {whole(), []faulty.Fault{faulty.Cut(70000)}, []string{get, from(70000)}, nil},
		"no byte came":  {whole(), []faulty.Fault{faulty.Cut(0)}, []string{get, get}, nil},
		"cut, unpinned": {unpinned(), []faulty.Fault{faulty.Cut(70000)}, []string{get, from(70000)}, nil},
		"close-delimited": {whole(), []faulty.Fault{faulty.CloseDelimited().And(faulty.Cut(70000))},
			[]string{get, from(70000)}, nil},
		"chunked, size unknown": {unpinned(), []faulty.Fault{faulty.Chunked().And(faulty.Cut(70000))},
			[]string{get, from(70000)}, nil},
		"length lies, size known": {whole(), []faulty.Fault{faulty.Length(5)}, []string{get}, []string{get}},
		"cut three times": {whole(), []faulty.Fault{faulty.Cut(1000), faulty.Cut(1000), faulty.Cut(1000)},
			[]string{get, from(1000), from(2000), from(3000)}, nil},
		"same once, then the other": {whole(), []faulty.Fault{faulty.Cut(1000), faulty.Cut(0)},
			[]string{get, from(1000)}, []string{from(1000)}},
		"gone meanwhile": {whole(), []faulty.Fault{faulty.Cut(1000), faulty.Status(404)},
			[]string{get, "GET " + path + " bytes=1000- -> 404"}, []string{from(1000)}},
		"range ignored, prefix skipped": {whole(), []faulty.Fault{faulty.Cut(1000), faulty.IgnoreRange()},
			[]string{get, "GET " + path + " bytes=1000- -> 200"}, nil},
		"lying Content-Range": {whole(), []faulty.Fault{faulty.Cut(1000), faulty.ContentRange("bytes 0-198999/200000")},
			[]string{get, from(1000)}, []string{from(1000)}},
		"other total": {whole(), []faulty.Fault{faulty.Cut(1000), faulty.ContentRange("bytes 1000-199999/200001")},
			[]string{get, from(1000)}, []string{from(1000)}},
		"no Content-Range": {whole(), []faulty.Fault{faulty.Cut(1000), faulty.ContentRange("")},
			[]string{get, from(1000)}, []string{from(1000)}},
		"strong ETag elsewhere": {unpinned(), []faulty.Fault{faulty.Cut(1000), faulty.Status(500)},
			[]string{get, "GET " + path + " bytes=1000- -> 500"}, []string{from(1000)}},
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t, 2)
			b.u[0].Fail(path, c.faults...)
			body := b.mustGet(t, c.r)
			asked(t, b.u[0], c.first...)
			asked(t, b.u[1], c.second...)
			want := []string{b.u[0].URL, b.u[1].URL}
			if c.second == nil {
				want = want[:1]
			}
			if c.second != nil && c.second[0] == get {
				want = want[1:]
			}
			if got := body.Sources(); !slices.Equal(got, want) {
				t.Errorf("sources %v", got)
			}
			if last := b.u[0].Requests()[len(c.first)-1]; !c.r.Pinned && last.Range != "" && last.IfRange != body.Validator.ETag {
				t.Errorf("If-Range %q", last.IfRange)
			}
		})
	}
}

func TestResumeAfterReset(t *testing.T) {
	b := setUp(t, 1) // a reset may destroy bytes on their way: how many come is open
	b.u[0].Fail(path, faulty.Reset(70000), faulty.Reset(50000))
	b.mustGet(t, whole())
}

func TestResumeAfterStall(t *testing.T) {
	b := setUp(t, 2, hasty)
	b.u[0].Fail(path, faulty.Stall(1000), faulty.Stall(1000), faulty.Hang())
	b.mustGet(t, whole())
	asked(t, b.u[0], "GET "+path+" -> 200", from(1000), "GET "+path+" bytes=2000- -> 0")
	asked(t, b.u[1], from(2000))
	if s := b.Status(); s[0].State != upstream.Open || s[1].State != upstream.Closed {
		t.Errorf("%+v", s)
	}
}

func TestResumeOfARange(t *testing.T) {
	b := setUp(t, 1)
	b.u[0].Fail(path, faulty.Cut(10))
	data, _, err := b.get(t, upstream.Request{Path: file, Size: int64(len(content)), Off: 100, End: 200, Pinned: true})
	if err != nil || !bytes.Equal(data, content[100:200]) {
		t.Fatal(err)
	}
	asked(t, b.u[0], "GET "+path+" bytes=100-199 -> 206", "GET "+path+" bytes=110-199 -> 206")
}

func TestNeverSpliced(t *testing.T) {
	other := random(len(content))
	other[150_000] ^= 1
	for name, c := range map[string]struct {
		r      upstream.Request
		set    []faulty.Option
		faults []faulty.Fault
		want   error
	}{
		"swapped":                      {unpinned(), nil, []faulty.Fault{faulty.Cut(1000), faulty.Swap(other)}, upstream.ErrChanged},
		"swapped, If-Range ignored":    {unpinned(), nil, []faulty.Fault{faulty.Cut(1000), faulty.Swap(other).And(faulty.IgnoreIfRange())}, upstream.ErrChanged},
		"shorter now":                  {unpinned(), nil, []faulty.Fault{faulty.Cut(1000), faulty.Swap(other[:500]).And(faulty.IgnoreIfRange())}, upstream.ErrChanged},
		"swapped before the first":     {unpinned(), nil, []faulty.Fault{faulty.Cut(0), faulty.Swap(other)}, upstream.ErrChanged},
		"range ignored":                {unpinned(), nil, []faulty.Fault{faulty.Cut(1000), faulty.IgnoreRange()}, upstream.ErrChanged},
		"pinned, other size":           {whole(), nil, []faulty.Fault{faulty.Cut(1000), faulty.Swap(other[:5000])}, upstream.ErrChanged},
		"no validator":                 {unpinned(), []faulty.Option{faulty.ETag(""), faulty.Modified(time.Time{})}, []faulty.Fault{faulty.Cut(1000)}, io.ErrUnexpectedEOF},
		"weak validator":               {unpinned(), []faulty.Option{faulty.ETag(`W/"1"`), faulty.Modified(time.Time{})}, []faulty.Fault{faulty.Cut(1000)}, io.ErrUnexpectedEOF},
		"swapped, Last-Modified alone": {unpinned(), []faulty.Option{faulty.ETag("")}, []faulty.Fault{faulty.Cut(1000), faulty.Swap(other)}, upstream.ErrChanged},
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t, 1)
			b.u[0].Set(path, content, c.set...)
			b.u[0].Fail(path, c.faults...)
			data, _, err := b.get(t, c.r)
			if !errors.Is(err, c.want) || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%v", err)
			}
			if !bytes.Equal(data, content[:len(data)]) || len(data) > 1000 {
				t.Errorf("%d bytes", len(data))
			}
		})
	}
}

// Last-Modified proves nothing on another mirror, even when it is equal.
func TestLastModifiedStaysOnItsMirror(t *testing.T) {
	b := setUp(t, 2)
	same := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, u := range b.u {
		u.Set(path, content, faulty.ETag(""), faulty.Modified(same))
	}
	b.u[0].Fail(path, faulty.Cut(1000))
	b.mustGet(t, unpinned())
	b.u[0].Fail(path, faulty.Cut(1000), faulty.Status(403))
	if _, _, err := b.get(t, unpinned()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	asked(t, b.u[1])
}

func TestHeld(t *testing.T) {
	b := setUp(t, 2)
	v := b.mustGet(t, whole()).Validator
	r := upstream.Request{Path: file, Size: -1, Off: 500, Held: v}
	if body := b.mustGet(t, r); body.Off != 500 {
		t.Error(body.Off)
	}
	r.Held.ETag = `"of another version"`
	if body := b.mustGet(t, r); body.Off != 0 {
		t.Error(body.Off)
	}
	// Without a strong ETag and on no known mirror the answer starts at 0.
	r.Held = upstream.Validator{LastModified: v.LastModified}
	if body := b.mustGet(t, r); body.Off != 0 {
		t.Error(body.Off)
	}
	r.HeldFrom = b.u[0].URL
	b.u[0].Set(path, content, faulty.ETag(""))
	r.Held.LastModified = b.mustGet(t, whole()).Validator.LastModified
	b.u[0].Forget()
	if body := b.mustGet(t, r); body.Off != 500 {
		t.Error(body.Off)
	}
	asked(t, b.u[0], from(500))
}

func TestHeldByEveryMirrorChanged(t *testing.T) {
	b := setUp(t, 1)
	b.u[0].Fail(path, faulty.IgnoreIfRange().Always())
	r := upstream.Request{Path: file, Size: -1, Off: 500, Held: upstream.Validator{ETag: `"old"`}}
	if _, _, err := b.get(t, r); !errors.Is(err, upstream.ErrChanged) {
		t.Error(err)
	}
}

func TestFruitlessResumesEnd(t *testing.T) {
	b := setUp(t, 1)
	b.u[0].Fail(path, faulty.Cut(1000), faulty.Cut(0).Always())
	data, _, err := b.get(t, whole())
	var broken *upstream.BrokenError
	if !errors.Is(err, io.ErrUnexpectedEOF) || !errors.As(err, &broken) || broken.At != 1000 || len(data) != 1000 {
		t.Errorf("%v, %d bytes", err, len(data))
	}
	if n := len(b.u[0].Requests()); n != 6 { // the first and five more
		t.Errorf("%d requests", n)
	}
	if n := len(b.c.Slept()); n != 4 { // the first of the five is at once
		t.Errorf("slept %v", b.c.Slept())
	}
}

func TestProgressResetsTheCount(t *testing.T) {
	b := setUp(t, 1)
	b.u[0].Fail(path, faulty.Cut(1000).Times(20))
	b.mustGet(t, whole())
	if n := len(b.u[0].Requests()); n != 21 || len(b.c.Slept()) != 0 {
		t.Errorf("%d requests, slept %v", n, b.c.Slept())
	}
	if s := b.Status()[0]; s.State != upstream.Closed || s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}

func TestMoreBytesThanExpected(t *testing.T) {
	for name, f := range map[string]faulty.Fault{"chunked": faulty.Chunked(), "closed": faulty.CloseDelimited()} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t, 1)
			b.u[0].Fail(path, f.And(faulty.Append([]byte("x"))))
			if data, _, err := b.get(t, whole()); !errors.Is(err, io.ErrUnexpectedEOF) || len(data) != len(content) {
				t.Errorf("%v, %d bytes", err, len(data))
			}
		})
	}
	b := setUp(t, 1) // beyond Content-Length: cut off unseen
	b.u[0].Fail(path, faulty.Append([]byte("x")))
	b.mustGet(t, whole())
}

// Nothing but the length says where an unpinned file ends; one that promises
// too much must not end cleanly.
func TestLengthPromisesTooMuch(t *testing.T) {
	b := setUp(t, 1)
	b.u[0].Fail(path, faulty.Length(5))
	data, _, err := b.get(t, unpinned())
	if !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, upstream.ErrChanged) || !bytes.Equal(data, content) {
		t.Errorf("%v, %d bytes", err, len(data))
	}
	asked(t, b.u[0], "GET "+path+" -> 200", "GET "+path+" bytes=200000- -> 416")
}

func TestUnframed(t *testing.T) {
	b := setUp(t, 1)
	b.u[0].Fail(path, faulty.CloseDelimited().And(faulty.Cut(1000)))
	data, body, err := b.get(t, unpinned())
	if err != nil || len(data) != 1000 || body.Framed || body.Size != -1 {
		t.Errorf("%v %+v", err, body.Info)
	}
}

// When all announced bytes came, a missing end of the last chunk costs no
// idle time-out and no resume.
func TestAllBytesButNoEnd(t *testing.T) {
	b := setUp(t, 1)
	b.u[0].Fail(path, faulty.Chunked().And(faulty.Stall(int64(len(content)))))
	b.mustGet(t, whole())
	asked(t, b.u[0], "GET "+path+" -> 200")
}

func TestCallerLeavesMidBody(t *testing.T) {
	b := setUp(t, 1)
	b.u[0].Fail(path, faulty.Stall(1000), faulty.Stall(1000))
	ctx, cancel := context.WithCancel(t.Context())
	body, err := b.Open(ctx, whole())
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(30*time.Millisecond, cancel)
	if _, err := io.Copy(io.Discard, body); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	body.Close()

	if body, err = b.Open(t.Context(), whole()); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(30*time.Millisecond, func() { body.Close() })
	if _, err := io.Copy(io.Discard, body); !errors.Is(err, http.ErrBodyReadAfterClose) {
		t.Error(err)
	}
	if s := b.Status()[0]; s.State != upstream.Closed || s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}

// TestCrumbs: a mirror that cuts every answer soon is not asked for ever.
func TestCrumbs(t *testing.T) {
	b := setUp(t, 1)
	b.u[0].Fail(path, faulty.Cut(1000).Always())
	body, err := b.Open(t.Context(), whole())
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	n, err := io.Copy(io.Discard, body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || n > 30_000 {
		t.Errorf("%d bytes, %v", n, err)
	}
	if got := len(b.u[0].Requests()); got < 10 || got > 30 {
		t.Errorf("asked %d times", got)
	}
}
