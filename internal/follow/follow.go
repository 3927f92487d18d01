package follow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"mirrord/internal/mirrorlist"
	"mirrord/internal/upstream"
)

const (
	// listFor is how long a list is used without asking again. Mirrors come and go
	// within days.
	listFor = time.Hour
	// doubtAfter is how old a list may be that says no to a repomd.xml: the mirrors
	// may have been quicker.
	doubtAfter = time.Minute
	// retryAfter is the pause after a list could not be had.
	retryAfter = time.Minute
	// waitFor is how long a question waits for a list where other mirrors are known.
	waitFor = 3 * time.Second
	// atOnce bounds the questions for lists that are under way.
	atOnce = 4
)

// Config is what a Follower needs.
type Config struct {
	Name      string // the repository, for error texts
	Group     *upstream.Group
	Lists     []mirrorlist.List
	Transport *upstream.Transport
	Timeouts  upstream.Timeouts
	Now       func() time.Time // default time.Now
	Log       *slog.Logger     // default slog.Default()
}

// Follower keeps one group. It is safe for concurrent use.
type Follower struct {
	Config
	hosts map[string]*upstream.Group // that have lists, by scheme://host
	slots chan struct{}              // one for each question under way

	ctx  context.Context // ends with the Follower; questions live in it
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu    sync.Mutex
	known map[string]*state // by the list's URL; guarded by mu
	order []*state          // as they came; guarded by mu
}

// state is one list. Its fields but the first three are guarded by the Follower's mu.
type state struct {
	list mirrorlist.List
	url  string
	at   string // where in the tree the listed repository stands

	listing mirrorlist.Listing
	asked   time.Time // for something that it covers, last
	bases   []*url.URL
	fetched time.Time // zero = never
	tried   time.Time // when it failed last
	err     error     // of the last question, nil where it was answered
	asking  chan struct{}
}

// New makes a Follower and has the group ask it.
func New(c Config) (*Follower, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	f := &Follower{Config: c, hosts: map[string]*upstream.Group{}, slots: make(chan struct{}, atOnce), known: map[string]*state{}}
	for _, l := range c.Lists {
		host, _, _, err := cutList(l.URL)
		if err != nil {
			return nil, fmt.Errorf("%s: %s %s: %w", c.Name, l.Kind, l.URL, err)
		}
		if f.hosts[host.String()] == nil {
			f.hosts[host.String()] = upstream.NewGroup(upstream.Config{Name: c.Name, Mirrors: []*url.URL{host}, Timeouts: c.Timeouts}, c.Transport)
		}
	}
	f.ctx, f.stop = context.WithCancel(context.Background())
	c.Group.SetReady(f.ready)
	return f, nil
}

// Close ends the questions under way.
func (f *Follower) Close() {
	f.stop()
	f.wg.Wait()
}

// cutList takes a list's URL apart; variables may stand in it.
func cutList(raw string) (host *url.URL, path, query string, err error) {
	before, query, _ := strings.Cut(raw, "?")
	u, err := url.Parse(before)
	if err != nil {
		return nil, "", "", err
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, strings.Trim(u.Path, "/"), query, nil
}

var errNoMirror = errors.New("no list covers the path and no mirror is configured")

// ready waits until the list that covers path is there, for as long as that is worth
// it: the group may have other mirrors.
func (f *Follower) ready(ctx context.Context, path string) error {
	others := len(f.Group.Mirrors()) > 0
	s := f.covering(path)
	if s == nil && others {
		return nil
	}
	if s == nil {
		return fmt.Errorf("%s: %w: %w", f.Name, upstream.ErrUnavailable, errNoMirror)
	}
	done, have := f.begin(s, listFor)
	if done == nil || have {
		return f.verdict(s, others)
	}
	var late <-chan time.Time
	if others {
		t := time.NewTimer(waitFor)
		defer t.Stop()
		late = t.C
	}
	select {
	case <-done:
		return f.verdict(s, others)
	case <-late:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// verdict is nil where there is some mirror to ask.
func (f *Follower) verdict(s *state, others bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if others || !s.fetched.IsZero() || s.err == nil {
		return nil
	}
	return s.err
}

// begin asks for the list where it is older than that, and tells when the answer is
// there; nil where there is no need, or where it failed a short while ago. have says
// that an older one is there.
func (f *Follower) begin(s *state, old time.Duration) (done <-chan struct{}, have bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.Now()
	have = !s.fetched.IsZero()
	switch {
	case s.asking != nil:
		return s.asking, have
	case have && now.Sub(s.fetched) < old, s.err != nil && now.Sub(s.tried) < retryAfter:
		return nil, have
	}
	s.asking = make(chan struct{})
	f.wg.Add(1)
	go f.run(s)
	return s.asking, have
}

func (f *Follower) run(s *state) {
	defer f.wg.Done()
	listing, err := f.fetch(s)
	read := err == nil
	var bases []*url.URL
	for _, repo := range listing.Repos {
		if base, ok := s.list.Base(repo); ok {
			bases = append(bases, base)
		}
	}
	if err == nil && len(bases) == 0 {
		err = fmt.Errorf("%s: %w: %s names no mirror that has %q at its end", f.Name, upstream.ErrUnavailable, s.list.Kind, s.list.Path)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if read {
		s.listing = listing // its digests count, whatever mirrors it names
	}
	if s.err = err; err == nil {
		s.bases, s.fetched = bases, f.Now()
		f.Group.SetListed(f.union())
	} else {
		s.tried = f.Now()
		f.Log.Warn("a list of mirrors cannot be had", "repo", f.Name, "list", s.url, "err", err)
	}
	close(s.asking)
	s.asking = nil
}

// fetch asks the list's host.
func (f *Follower) fetch(s *state) (mirrorlist.Listing, error) {
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-f.ctx.Done():
		return mirrorlist.Listing{}, f.ctx.Err()
	}
	host, path, query, err := cutList(s.url)
	if err != nil {
		return mirrorlist.Listing{}, err
	}
	body, err := f.hosts[host.String()].Open(f.ctx, upstream.Request{Path: path, Query: query, Size: -1})
	if err != nil {
		return mirrorlist.Listing{}, fmt.Errorf("%s: %w", s.list.Kind, unavailable(err))
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, mirrorlist.BytesMost+1))
	if err != nil {
		return mirrorlist.Listing{}, fmt.Errorf("%s: %w", s.list.Kind, unavailable(err))
	}
	listing, err := s.list.Kind.Parse(text)
	if err != nil {
		return mirrorlist.Listing{}, fmt.Errorf("%s: %s: %w: %w", f.Name, host.Host, upstream.ErrUnavailable, err)
	}
	return listing, nil
}

// unavailable makes of the refusal of a list what it means for the files: nobody can
// say. Only a 404 stays one: there is no such repository.
func unavailable(err error) error {
	var status *upstream.StatusError
	gone := errors.As(err, &status) && (status.Code == http.StatusNotFound || status.Code == http.StatusGone)
	if gone || errors.Is(err, upstream.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", upstream.ErrUnavailable, err)
}
