package mirror

import (
	"io"

	"mirrord/internal/cache"
)

// coming has the blob count as held by the repository while an answer brings it, so
// that who may read the repository joins without a question of its own. Only the
// digest proves that the answer was no page of an outage: where it fails, or the
// bytes never come, nothing is held.
func (w wish) coming(in *cache.Incoming) (over func()) {
	held, key := w.r.access.held, heldKey{w.repository, w.digest}
	if held.Contains(key) {
		return func() {}
	}
	held.Add(key, struct{}{})
	over = func() { held.Remove(key) }
	in.Body = &comingBody{ReadCloser: in.Body, over: over}
	return over
}

// comingBody calls over where it is closed before its end.
type comingBody struct {
	io.ReadCloser
	over  func()
	whole bool
}

func (b *comingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.whole = b.whole || err == io.EOF
	return n, err
}

// Origin is the body's own.
func (b *comingBody) Origin() (mirror, version string) {
	if o, ok := b.ReadCloser.(interface{ Origin() (string, string) }); ok {
		return o.Origin()
	}
	return "", ""
}

func (b *comingBody) Close() error {
	if !b.whole {
		b.over()
	}
	return b.ReadCloser.Close()
}
