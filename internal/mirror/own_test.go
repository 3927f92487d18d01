package mirror

import (
	"errors"
	"io"
	"strings"
	"testing"

	"mirrord/internal/cache"
)

// twoMirrors is a Source of two.
type twoMirrors struct{ cache.Source }

func (twoMirrors) Avoid(string) bool                  { return true }
func (twoMirrors) RejectFrom(_ string, r error) error { return r }
func (twoMirrors) Reject(r error) error               { return r }
func (twoMirrors) Read([]byte) (int, error)           { return 0, io.EOF }
func (twoMirrors) Close() error                       { return nil }
func (twoMirrors) Origin() (mirror, version string)   { return "http://a", `"1"` }

// TestWrongBlobProvesNothing: once its digest was wrong nothing that it brought counts,
// also while the right bytes are sought elsewhere.
func TestWrongBlobProvesNothing(t *testing.T) {
	for name, judge := range map[string]func(*own){
		"rejected": func(o *own) { o.Reject(errors.New("wrong")) },
		"on trial": func(o *own) { o.Avoid("http://a") },
		"right":    func(o *own) { o.Avoid("") },
	} {
		over := false
		o := &own{Source: twoMirrors{}, over: []func(){func() { over = true }}}
		if _, ok := cache.Source(o).(cache.Suspecting); !ok {
			t.Fatal("it has no trials")
		}
		judge(o)
		if over == (name == "right") {
			t.Errorf("%s: ended %v", name, over)
		}
	}
	b := &comingBody{ReadCloser: twoMirrors{}}
	if m, v := b.Origin(); m != "http://a" || v != `"1"` {
		t.Error(m, v)
	}
	if m, _ := (&comingBody{ReadCloser: io.NopCloser(strings.NewReader(""))}).Origin(); m != "" {
		t.Error(m)
	}
}
