package mirror

import (
	"cmp"
	"slices"
	"time"

	"mirrord/internal/upstream"
)

// Upstream is what is known of one repository's mirrors.
type Upstream struct {
	Repo    string
	Mirrors []upstream.MirrorStatus
	Counts  []upstream.Count
}

// Upstreams tells of every repository, in the order of their names.
func (m *Mirror) Upstreams() []Upstream {
	var all []Upstream
	for name, r := range m.repos {
		all = append(all, Upstream{name, r.Upstream.Status(), r.Upstream.Counts()})
	}
	for name, r := range m.registries {
		all = append(all, Upstream{name, r.Upstream.Status(), r.Upstream.Counts()})
	}
	slices.SortFunc(all, func(a, b Upstream) int { return cmp.Compare(a.Repo, b.Repo) })
	return all
}

// MirrorState is what is known of one mirror, as the admin API tells it. Times are
// nil, and numbers 0, where nothing is known.
type MirrorState struct {
	Mirror     string           `json:"mirror"` // its URL without credentials
	State      string           `json:"state"`  // closed, open, half-open: of its breaker
	Failures   int              `json:"failures"`
	Until      *time.Time       `json:"until,omitempty"` // when it is tried again
	Error      string           `json:"error,omitempty"` // its last
	ErrorAt    *time.Time       `json:"error_at,omitempty"`
	FirstByte  float64          `json:"first_byte_seconds"`
	Throughput float64          `json:"throughput_bytes_per_second"`
	ErrorRatio float64          `json:"error_ratio"`
	Used       *time.Time       `json:"used,omitempty"`
	Active     int              `json:"active"` // bodies under way
	Behind     bool             `json:"behind"` // it had an older root than is known
	Left       map[string]int64 `json:"left,omitempty"`
}

// states puts what the group knows into the API's terms.
func states(g *upstream.Group) []MirrorState {
	all := []MirrorState{}
	for _, s := range g.Status() {
		m := MirrorState{
			Mirror: s.Mirror, State: string(s.State), Failures: s.Failures, Until: moment(s.Until), Error: s.LastError, ErrorAt: moment(s.LastAt),
			FirstByte: s.FirstByte.Seconds(), Throughput: s.Throughput, ErrorRatio: s.Errors, Used: moment(s.Used), Active: s.Active, Behind: s.Behind,
			Left: s.Left,
		}
		all = append(all, m)
	}
	return all
}

// moment is t in UTC, nil where it is zero.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// RepoState is one repository or registry.
type RepoState struct {
	Name      string        `json:"name"`
	Registry  bool          `json:"registry"`
	Roots     []*RootState  `json:"roots"` // that are known, by directory
	Upstreams []MirrorState `json:"upstreams"`
}

// Repos tells of every repository, by name.
func (m *Mirror) Repos() []RepoState {
	all := []RepoState{}
	for _, p := range m.places() {
		st := RepoState{Name: p.name, Registry: p.reg != nil, Roots: []*RootState{}, Upstreams: p.mirrors()}
		if p.r != nil {
			st.Roots = p.r.states()
		}
		all = append(all, st)
	}
	return all
}

// states are those of the roots that have a generation, by directory.
func (r *repository) states() []*RootState {
	all := []*RootState{}
	for _, rt := range r.allRoots() {
		if rt.head() != nil {
			all = append(all, rt.state())
		}
	}
	slices.SortFunc(all, func(a, b *RootState) int { return cmp.Compare(a.Dir, b.Dir) })
	return all
}

func (p place) mirrors() []MirrorState {
	if p.r != nil {
		return states(p.r.Upstream)
	}
	return states(p.reg.Upstream)
}
