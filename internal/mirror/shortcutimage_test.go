package mirror

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
	"mirrord/internal/upstream"
)

// TestShortcutOfLayer: a shortcut brings the bytes of a layer, and says nothing of who may have them.
func TestShortcutOfLayer(t *testing.T) {
	ann := upstream.Login{Username: "ann", Password: "a"}
	old, young := layer("old"), layer("new")
	blob := "corp/app/blobs/" + string(digest.Of([]byte(young)))
	short := new(shortcutFunc)
	prepare := func() *hub {
		h := newHub(t, nil)
		h.m.registries["docker.io"].Shortcut = short
		im := h.main.image("corp/app")
		im.users = map[string]string{"ann": "a"}
		first := im.push("1", old)
		h.gets(ann, "corp/app/manifests/1", im.blobs[first])
		h.gets(ann, "corp/app/blobs/"+string(digest.Of([]byte(old))), old)
		second := im.push("1", young)
		h.advance(time.Hour)
		h.gets(ann, "corp/app/manifests/1", im.blobs[second])
		h.main.asked()
		*short = shortcutFunc{open: func(repo.Ref, []Object) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(young)), nil }}
		return h
	}
	t.Run("who may read", func(t *testing.T) {
		h := prepare()
		h.gets(ann, blob, young)
		if got := h.main.asked(); slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, "GET") }) {
			t.Errorf("upstream was asked for %v, expected no bytes", got)
		}
		if len(short.asked) != 1 || short.asked[0].Digest != digest.Of([]byte(old)) {
			t.Errorf("bases: %+v, expected the old layer", short.asked)
		}
	})
	t.Run("who may not", func(t *testing.T) {
		h := prepare()
		for _, l := range []upstream.Login{nobody, {Username: "ann", Password: "wrong"}, {Username: "bob", Password: "b"}} {
			h.refuses(l, blob)
			h.refuses(l, "HEAD "+blob)
		}
		h.gets(ann, blob, young)
		for _, l := range []upstream.Login{nobody, {Username: "bob", Password: "b"}} {
			h.refuses(l, blob)
		}
	})
}
