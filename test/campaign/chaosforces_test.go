package campaign

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mirrord/test/rig"
)

// which of the versions of a path an answer is; an error where it is none.
func (c *chaos) which(r rig.Reply, path, field string) (at int, err error) {
	for i, data := range c.data[path] {
		if err = r.Right(field, data); err == nil {
			err = mislabels(r, path, data)
		}
		if err == nil {
			return i, nil
		}
	}
	return 0, err
}

// often calls do with one of the paths, after a pause of less than twice that
// long, until stop is closed.
func often(rnd *rand.Rand, stop <-chan struct{}, pause time.Duration, paths []string, do func(path string)) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(rnd.Int64N(int64(2 * pause)))):
		}
		do(paths[rnd.IntN(len(paths))])
	}
}

// move has the tag lead to other images.
func (c *chaos) move(rnd *rand.Rand, stop <-chan struct{}) {
	often(rnd, stop, 20*time.Millisecond, []string{chaosTag}, func(path string) {
		versions := c.data[path]
		c.set(path, versions[rnd.IntN(len(versions))])
	})
}

// spoil queues faults.
func (c *chaos) spoil(rnd *rand.Rand, stop <-chan struct{}) {
	often(rnd, stop, 40*time.Millisecond, c.paths(), func(path string) {
		list := honest
		if strings.HasPrefix(path, "apt/pool/") || path == "apt/"+rig.PackagesPath || strings.HasPrefix(path, team) {
			list = slices.Concat(honest, lies)
		}
		f := list[rnd.IntN(len(list))](rnd, int64(len(c.data[path][0])))
		if rnd.IntN(4) == 0 {
			f = f.Times(1 + rnd.IntN(3))
		}
		u := c.ups[rnd.IntN(len(c.ups))]
		u.Heal("/" + path) // what was not met by now is forgotten
		u.Fail("/"+path, f)
	})
}

// purge has an operator purge what is being downloaded, or is stored.
func (c *chaos) purge(rnd *rand.Rand, stop <-chan struct{}) {
	token, err := os.ReadFile(filepath.Join(c.m.Data, "admin.token"))
	if err != nil {
		c.t.Error(err)
		return
	}
	field := "Bearer " + strings.TrimSpace(string(token))
	often(rnd, stop, 100*time.Millisecond, c.paths(), func(path string) {
		r := rig.Do(http.DefaultClient, "PURGE", c.m.URL(path), "Authorization", field)
		if r.Err == nil && r.Status != http.StatusOK {
			c.t.Errorf("PURGE %s: %s: %.200q", path, r.How(), r.Body)
		}
	})
}

// hangUp has a client ask from a place in the middle on and leave after n bytes.
func (c *chaos) hangUp(path string, from, n int) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.m.URL(path), nil)
	if err != nil {
		c.t.Error(err)
		return
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return // killed
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, int64(n)) // it may break off, too
}
