package registryfaults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

const (
	// midway is where the range in the middle begins, and midLong its length.
	midway  = blobSize * 7 / 8
	midLong = 100_000
	// heldAfter bytes of an answer upstream holds back the rest.
	heldAfter = 40_000
	// holdFor ends a client that hangs.
	holdFor = time.Minute
	// noticeFor is what mirrord takes to see that a client has gone. Where it needs
	// longer the test passes, and proves less.
	noticeFor = 200 * time.Millisecond
)

// TestMiddleFirst: who asks for the middle of a layer that is not here, as
// lazy-loading snapshotters do, has for one request what upstream gives of it while
// the rest is held back. When nobody is left the layer is filled all the same, and no
// byte is asked for that is here.
func TestMiddleFirst(t *testing.T) {
	t.Parallel()
	const whole = "GET layer 0 -> 200"
	far := fmt.Sprintf("GET layer 0 bytes=%d- -> 206", midway)
	for _, c := range []struct {
		name      string
		another   bool // who wants the whole, and began before
		held, end []string
	}{
		{"cold", false, []string{far}, []string{far, whole}},
		{"in flight", true, []string{whole, far}, []string{whole, far}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			u := faulty.New(t)
			im := newImage("docker.io", "team/app", 1, blobSize)
			im.publish(u)
			m := rig.Start(t, rig.Config{Repos: hub(u)}) // patient with what is held back
			im.approach(t, m, u)
			url, path := im.url(m, im.layer(0)), im.path(im.layer(0))
			leave := func() {}
			if c.another {
				u.Fail(path, faulty.Stall(heldAfter))
				leave = hold(t, url, "", im.blobs[1][:heldAfter])
			}
			// The last one is not released: a fill that wants of it what is here does not end.
			u.Fail(path, faulty.Stall(heldAfter), faulty.Stall(midway))
			hangUp := hold(t, url, fmt.Sprintf("bytes=%d-%d", midway, midway+midLong-1), im.blobs[1][midway:midway+heldAfter])
			if got := im.lines(u); !slices.Equal(got, c.held) {
				t.Errorf("upstream was asked %q, expected %q", got, c.held)
			}
			hangUp()
			leave()
			time.Sleep(noticeFor)
			u.Release()
			landed(t, m)
			sent := u.Sent(path)
			for _, field := range []string{middle, ""} {
				r := rig.Get(url, ranged(field)...)
				if err := exactly(r, field, im.blobs[1]); err != nil || !r.Hit() {
					t.Errorf("afterwards, Range %q: %v: %s", field, err, r.How())
				}
			}
			im.wantsAsked(t, u, c.end...)
			// Of the other's answer more is under way when it meets the middle.
			if sent != blobSize && !c.another {
				t.Errorf("upstream sent %d bytes, expected each of %d once", sent, blobSize)
			}
			m.Fsck(t)
		})
	}
}

// hold asks for a layer and takes what there is: an answer that begins with those
// bytes. The func it gives hangs up.
func hold(t *testing.T, url, field string, first []byte) (hangUp func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), holdFor)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	status := http.StatusOK
	if field != "" {
		req.Header.Set("Range", field)
		status = http.StatusPartialContent
	}
	resp, err := noKeep.Do(req)
	if err != nil {
		t.Fatalf("Range %q: %v", field, err)
	}
	got := make([]byte, len(first))
	if _, err := io.ReadFull(resp.Body, got); err != nil || resp.StatusCode != status || !bytes.Equal(got, first) {
		t.Errorf("Range %q: %d, %v, expected %d and the first %d bytes", field, resp.StatusCode, err, status, len(first))
	}
	return func() {
		cancel()
		resp.Body.Close()
	}
}

// landed waits until mirrord fetches nothing more, without asking it for anything
// that it could fetch.
func landed(t *testing.T, m *rig.Mirrord) {
	t.Helper()
	err := until(func() rig.Reply { return rig.Get(m.URL("metrics")) }, func(r rig.Reply) error {
		if !strings.Contains(string(r.Body), "\nmirrord_flights 0\n") {
			return errors.New("a fill is still under way")
		}
		return r.Err
	})
	if err != nil {
		t.Error(err)
	}
}
