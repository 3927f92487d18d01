package main

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	groupMirrors = 4
	groupSize    = 256 << 20
	// groupRate is what each mirror gives of a group's object on one connection, bytes/s.
	groupRate = 8e6
)

// group is what several mirrors were good for in one round. Times are in seconds.
type group struct {
	Direct float64 `json:"direct_s"` // from the best mirror, over one connection
	Total  float64 `json:"total_s"`  // through mirrord
	Times  float64 `json:"times_as_fast"`
	Bytes  float64 `json:"upstream_bytes_ratio"`
	// Pause is the longest wait for a byte when the mirror that had given most was
	// killed at a quarter of the object.
	Pause  float64 `json:"longest_pause_s"`
	Errors int     `json:"client_errors"` // with three of four mirrors dead
}

// groupYard is a mirrord of its own before some mirrors, all of them new: a round kills
// most of them.
type groupYard struct {
	mirrors []*upstream
	base    string // of the repository at mirrord
	repo    *repository
}

func measureGroups(ctx context.Context, dir string, o options, repo *repository, say sayFunc) ([]group, error) {
	var all []group
	for round := range o.groups {
		say("group of %d mirrors, round %d of %d: about a minute", groupMirrors, round+1, o.groups)
		g, err := measureGroup(ctx, filepath.Join(dir, fmt.Sprintf("group%d", round)), o, repo)
		if err != nil {
			return nil, fmt.Errorf("group: %w", err)
		}
		all = append(all, g)
	}
	return all, nil
}

func measureGroup(ctx context.Context, dir string, o options, repo *repository) (g group, err error) {
	f := &fleet{versions: map[string]string{}}
	defer f.stop()
	y, err := startGroup(ctx, f, dir, o, repo)
	if err != nil {
		return g, err
	}
	if err := update(ctx, y.base, repo); err != nil {
		return g, err
	}
	if err := y.race(ctx, &g); err != nil {
		return g, err
	}
	if err := y.kill(ctx, &g); err != nil {
		return g, err
	}
	g.Errors = y.bury(ctx)
	return g, nil
}

func startGroup(ctx context.Context, f *fleet, dir string, o options, repo *repository) (*groupYard, error) {
	y := &groupYard{repo: repo}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	r := mirrordRepo{name: "bench", kind: "apt"}
	for range groupMirrors {
		u, err := f.origin(repo)
		if err != nil {
			return nil, err
		}
		y.mirrors, r.upstreams = append(y.mirrors, u), append(r.upstreams, u.URL)
	}
	addr, _, err := runMirrord(ctx, f, dir, o, []mirrordRepo{r})
	y.base = "http://" + addr + "/bench"
	return y, err
}

// race fetches the first object directly, and then through mirrord.
func (y *groupYard) race(ctx context.Context, g *group) error {
	o, c := y.repo.Group[0], newClient()
	defer c.CloseIdleConnections()
	start := time.Now()
	if _, err := fetch(ctx, c, y.mirrors[0].URL+"/"+o.Path, o); err != nil {
		return err
	}
	g.Direct = time.Since(start).Seconds()
	before := y.bytes(o)
	start = time.Now()
	if _, err := fetch(ctx, c, y.base+"/"+o.Path, o); err != nil {
		return err
	}
	g.Total = time.Since(start).Seconds()
	g.Times = g.Direct / g.Total
	g.Bytes = float64(y.bytes(o)-before) / float64(o.Size)
	return nil
}

// bytes is what all mirrors have sent of o.
func (y *groupYard) bytes(o object) (n int64) {
	for _, u := range y.mirrors {
		n += u.count(o.Path).Bytes
	}
	return n
}

// kill fetches the second object and, when a quarter is there, ends the mirror that
// has given most of it.
func (y *groupYard) kill(ctx context.Context, g *group) error {
	o, c := y.repo.Group[1], newClient()
	defer c.CloseIdleConnections()
	body, err := open(ctx, c, y.base+"/"+o.Path)
	if err != nil {
		return err
	}
	defer body.Close()
	crc, size, buf, last := uint32(0), int64(0), make([]byte, 256<<10), time.Now()
	killed, pause := false, time.Duration(0)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			pause, last = max(pause, time.Since(last)), time.Now()
		}
		crc, size = crc32.Update(crc, castagnoli, buf[:n]), size+int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("after %d bytes: %w", size, err)
		}
		if !killed && size >= o.Size/4 {
			killed = true
			best := slices.MaxFunc(y.mirrors, func(a, b *upstream) int { return int(a.count(o.Path).Bytes - b.count(o.Path).Bytes) })
			if err := best.Close(); err != nil {
				return err
			}
			y.mirrors = slices.DeleteFunc(y.mirrors, func(u *upstream) bool { return u == best })
		}
	}
	if size != o.Size || crc != o.CRC {
		return fmt.Errorf("%w: %d bytes, checksum %08x; want %d, %08x", errWrongAnswer, size, crc, o.Size, o.CRC)
	}
	g.Pause = pause.Seconds()
	return nil
}

// bury leaves one mirror and asks for all the small objects, none of which mirrord
// has; it counts those that could not be had.
func (y *groupYard) bury(ctx context.Context) (failed int) {
	for _, u := range y.mirrors[:len(y.mirrors)-1] {
		_ = u.Close() // it is to be gone
	}
	c := newClient()
	defer c.CloseIdleConnections()
	for _, o := range y.repo.Hits {
		if _, err := fetch(ctx, c, y.base+"/"+o.Path, o); err != nil {
			failed++
		}
	}
	return failed
}
