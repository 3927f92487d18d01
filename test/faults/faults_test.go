package faults

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// timeouts short enough that upstreams that hang do not make the tests long.
const timeouts = "upstream: {connect_timeout: 2s, header_timeout: 2s, idle_timeout: 2s}\n"

// oneCase is one trouble at one kind of object for one form of request. Each has
// a repository of its own, so that no breaker of another is in its way.
type oneCase struct {
	kind   kind
	wish   wish
	t      trouble
	lasts  bool // until it is mended; else for one request only
	repo   string
	path   string // below the repository
	data   []byte
	accept [][]byte // what may be served cleanly
	blind  bool     // wrong bytes may be served: nobody can tell
}

func (c oneCase) name() string {
	how := "once"
	if c.lasts {
		how = "lasting"
	}
	return fmt.Sprintf("%s/%s/%s/%s", c.t.name, how, kindNames[c.kind], c.wish.name)
}

// matrix makes every combination.
func matrix() (cases []oneCase) {
	for _, t := range troubles {
		for k := free; k <= root; k++ {
			for i, w := range wishes {
				if k >= index && i > 2 {
					break // one kind of range does for what waits until it is whole
				}
				for _, lasts := range []bool{false, true} {
					cases = append(cases, oneCase{
						kind: k, wish: w, t: t, lasts: lasts, repo: fmt.Sprintf("r%d", len(cases)),
						blind: t.blind && k == free || k == leaf && t.shows.in(leaf) && w.inner,
					})
				}
			}
		}
	}
	return cases
}

// configOf lists the cases' repositories, each on all sources.
func configOf(cases []oneCase, sources ...*faulty.Server) string {
	var list strings.Builder
	for _, c := range cases {
		var urls []string
		for _, u := range sources {
			urls = append(urls, strconv.Quote(u.URL+"/"+c.repo))
		}
		typ := map[bool]string{true: "generic", false: "apt"}[c.kind == free]
		fmt.Fprintf(&list, "- {name: %s, type: %s, upstreams: [%s]}\n", c.repo, typ, strings.Join(urls, ", "))
	}
	return list.String()
}

// publish makes the case's files, of which no other case has the like, and puts
// them on every source; the func it returns takes them away.
func (c *oneCase) publish(sources []*faulty.Server) func() {
	seed, _ := strconv.ParseUint(c.repo[1:], 10, 64)
	files := rig.Tree{}
	switch c.kind {
	case free:
		c.path = "dir/file.bin"
		files[c.path] = rig.Content(seed, fileSize)
	case leaf:
		c.path = "pool/a.deb"
		files = rig.NewTree(map[string][]byte{c.path: rig.Content(seed, fileSize)})
	default:
		c.path = map[kind]string{index: rig.PackagesPath, root: rig.ReleasePath}[c.kind]
		files = rig.NewTree(map[string][]byte{"pool/a.deb": rig.Content(seed, 10)})
	}
	c.data = files[c.path]
	c.accept = [][]byte{c.data}
	if c.t.other != nil && (c.kind == free || c.kind == root) {
		c.accept = append(c.accept, c.t.other(c.data))
	}
	for _, u := range sources {
		publish(u, "/"+c.repo, files)
	}
	return func() {
		for _, u := range sources {
			for p := range files {
				u.Remove("/" + c.repo + "/" + p)
			}
		}
	}
}

// mend ends the trouble: the right bytes stand in their place.
func (c oneCase) mend(u *faulty.Server) {
	p := "/" + c.repo + "/" + c.path
	u.Heal(p)
	u.Set(p, c.data)
}

// spoil begins the trouble.
func (c oneCase) spoil(u *faulty.Server) {
	fs := c.t.do(c.data)
	if c.lasts {
		fs[len(fs)-1] = fs[len(fs)-1].Always()
	}
	u.Fail("/"+c.repo+"/"+c.path, fs...)
}

// approach asks for what a client asks for before it asks for the object.
func (c oneCase) approach(m *rig.Mirrord) error {
	before := map[kind][]string{leaf: {rig.ReleasePath, rig.PackagesPath}, index: {rig.ReleasePath}}[c.kind]
	for _, p := range before {
		if r := rig.Get(m.URL(c.repo, p)); r.Err != nil || r.Status != 200 {
			return fmt.Errorf("%s: %s", p, r.How())
		}
	}
	return nil
}

func (c oneCase) right(r rig.Reply, field string) (err error) {
	for _, data := range c.accept {
		if err = r.Right(field, data); err == nil {
			return nil
		}
	}
	return err
}

// mayFail says what is wrong with an answer that came during the trouble.
func (c oneCase) mayFail(r rig.Reply, field string, m *rig.Mirrord, host string) error {
	switch {
	case r.Err != nil:
		return nil // broken off: the client knows
	case r.Status >= 500 && r.Status <= 504 && r.Status != 501:
		return clear(r, c.repo, host, m.Data)
	case c.blind:
		return nil
	}
	return c.right(r, field)
}

// recoverFor covers the cool-downs of a breaker after two failures (1 s, then
// 2 s, each up to a fifth longer) and a busy machine.
const recoverFor = 10 * time.Second

// lingerFor is how long what was asked for during the trouble may still be ending.
const lingerFor = 2 * time.Second

// recovers asks until the whole object comes. Until then the breaker may say that
// it cools down; and who joins the flight that went wrong fails with it.
func (c oneCase) recovers(m *rig.Mirrord, host string) error {
	start := time.Now()
	for ; ; time.Sleep(200 * time.Millisecond) {
		r := rig.Get(m.URL(c.repo, c.path))
		if c.right(r, "") == nil {
			return nil
		}
		cools := (r.Status == 503 || r.Status == 504) && clear(r, c.repo, host, m.Data) == nil
		joined := r.Err != nil && strings.Contains(r.Header.Get("Cache-Status"), "collapsed")
		joined = joined || r.Status == 502 && clear(r, c.repo, host, m.Data) == nil
		if !cools && (!joined || time.Since(start) > lingerFor) || time.Since(start) > recoverFor {
			return fmt.Errorf("%s, body %.200q", r.How(), r.Body)
		}
	}
}

// each runs fn for all cases, many at a time: most of them wait.
func each(t *testing.T, cases []oneCase, sources []*faulty.Server, fn func(oneCase) error) {
	t.Helper()
	sema := make(chan struct{}, 48)
	var wg sync.WaitGroup
	for _, c := range cases {
		sema <- struct{}{}
		wg.Go(func() {
			defer func() { <-sema }()
			defer c.publish(sources)()
			if err := fn(c); err != nil {
				t.Errorf("%s: %s: %v", c.name(), c.repo, err)
			}
		})
	}
	wg.Wait()
}

// requestsMost bounds what one case may cost upstream: the requests before it,
// three rounds of a fetch that fails, resumes, and the recovery.
const requestsMost = 30

// TestOneUpstream has every trouble at the only upstream.
func TestOneUpstream(t *testing.T) {
	u := faulty.New(t)
	cases := matrix()
	m := rig.Start(t, rig.Config{Repos: configOf(cases, u), Extra: timeouts})
	each(t, cases, []*faulty.Server{u}, func(c oneCase) error {
		if err := c.approach(m); err != nil {
			return err
		}
		c.spoil(u)
		field := c.wish.field(len(c.data))
		r := rig.Get(m.URL(c.repo, c.path), fields(field)...)
		if err := c.mayFail(r, field, m, u.Host()); err != nil {
			return err
		}
		c.mend(u)
		if c.blind && c.kind == free {
			return nil // what is stored now is what upstream gave
		}
		if err := c.recovers(m, u.Host()); err != nil {
			return fmt.Errorf("does not recover: %w", err)
		}
		again := rig.Get(m.URL(c.repo, c.path), fields(field)...)
		if err := c.right(again, field); err != nil {
			return fmt.Errorf("after recovery: %w", err)
		}
		return nil
	})
	asked := map[string]int{}
	for _, r := range u.Requests() {
		asked[strings.Split(r.Path, "/")[1]]++
	}
	for _, c := range cases {
		if asked[c.repo] > requestsMost {
			t.Errorf("%s: %d requests reached upstream", c.name(), asked[c.repo])
		}
	}
	m.Fsck(t)
}

func fields(rangeField string) []string {
	if rangeField == "" {
		return nil
	}
	return []string{"Range", rangeField}
}
