package mirror

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/repo/oci"
	"mirrord/internal/upstream"
)

// Gone says what becomes of a tag that is stored and that upstream has no more.
type Gone string

// GoneDeny passes upstream's 404 on, GoneWarn serves what is stored and logs it,
// GoneServe serves it.
const (
	GoneDeny  Gone = "deny"
	GoneWarn  Gone = "warn"
	GoneServe Gone = "serve"
)

// RegistryConfig is one container registry.
type RegistryConfig struct {
	Name     string
	Upstream *upstream.Group // its mirrors' URLs end in /v2 and what goes before each repository
	// Fresh is how long a tag is served without asking upstream.
	Fresh time.Duration
	Gone  Gone
	// Shared tells which repositories everybody may read who reaches mirrord,
	// fetched with the group's own credentials; nil = none.
	Shared func(repository string) bool
	// Shortcut is asked before Upstream for blobs; nil = there is none. What a client may
	// read upstream is asked all the same.
	Shortcut Shortcut
}

// registry is one configured registry and what is known of it.
type registry struct {
	RegistryConfig
	m *Mirror
	absences
	access access
}

func (m *Mirror) newRegistry(c RegistryConfig) *registry {
	r := &registry{RegistryConfig: c, m: m, absences: newAbsences(m.now)}
	r.access = newAccess(r)
	return r
}

// Pull is one client's wish of a registry.
type Pull struct {
	oci.Request
	From int64 // first byte wanted, where known
	Head bool  // no bytes are wanted
	// Login is the client's own at the registry it asks; it goes nowhere else.
	Login upstream.Login
	// Edge is Request's. It is given what stands in the registry that it names, which
	// it may read, and nothing by an alias, which may lead to another.
	Edge bool
}

// Pull answers a request of the distribution API. The Answer is the caller's to
// close.
func (m *Mirror) Pull(ctx context.Context, p Pull) (*Answer, error) {
	wishes, asked, err := m.wishes(p)
	if err != nil {
		return nil, err
	}
	var first error
	for _, w := range wishes {
		a, err := w.open(ctx)
		if err == nil {
			a.Repo = w.r.Name
			return a, nil
		}
		// Of several refusals that of the place asked counts.
		if first == nil || refused(first) && (!refused(err) || w.isAt(asked)) {
			first = err
		}
		// A digest is the same everywhere, so another place does for one that fails.
		if ctx.Err() != nil || p.Digest == "" && !refused(err) {
			break
		}
	}
	if p.Kind == oci.KindReferrers && absent(first) {
		a, err := p.referrers(&Answer{Content: &cache.Content{How: cache.Miss}}, oci.EmptyIndex())
		if err == nil {
			a.Repo = asked.Registry
		}
		return a, err
	}
	return nil, first
}

// wishes are p at each place where it may be answered, in order, and the place
// that it names itself.
func (m *Mirror) wishes(p Pull) (all []wish, asked oci.Place, err error) {
	aliases := m.aliases
	if p.Edge {
		aliases = oci.Aliases{}
	}
	places, err := m.names.Places(p.Request, aliases)
	if err != nil {
		return nil, asked, err
	}
	if asked, err = m.names.Asked(p.Request); err != nil {
		return nil, asked, err
	}
	for _, at := range places {
		w := wish{r: m.registries[at.Registry], Pull: p, repository: at.Repository, tag: at.Tag, digest: cmp.Or(at.Digest, p.Digest)}
		if at.Registry != asked.Registry {
			w.Login = upstream.Login{}
		}
		all = append(all, w)
	}
	if p.Digest != "" { // first where it is known to be: the others may be down
		slices.SortStableFunc(all, func(a, b wish) int { return cmp.Compare(a.rank(), b.rank()) })
	}
	return all, asked, nil
}

func (w wish) isAt(p oci.Place) bool { return w.r.Name == p.Registry && w.repository == p.Repository }

// rank is 0 where the digest is known to be, 1 where a manifest named it, 2 elsewhere.
func (w wish) rank() int {
	switch {
	case w.holds(w.digest):
		return 0
	case w.r.access.mentions.has(w.repository, w.digest):
		return 1
	}
	return 2
}

// wish is a Pull at one place.
type wish struct {
	Pull
	r          *registry
	repository string
	tag        string
	digest     digest.Digest
}

func (w wish) open(ctx context.Context) (*Answer, error) {
	switch w.Kind {
	case oci.KindManifest:
		if w.digest == "" {
			return w.openTag(ctx)
		}
		return w.openManifest(ctx)
	case oci.KindBlob:
		return w.openBlob(ctx)
	case oci.KindTags:
		return w.openTags(ctx)
	case oci.KindReferrers:
		return w.openReferrers(ctx)
	}
	return nil, fmt.Errorf("%w: kind %d", ErrUnknownRepo, w.Kind)
}

// shared reports that everybody may read the repository.
func (w wish) shared() bool { return w.r.Shared != nil && w.r.Shared(w.repository) }

// as is whose credentials fetch for this client: the operator's where the
// repository is shared, else its own or nobody's.
func (w wish) as() *upstream.Login {
	if w.shared() {
		return nil
	}
	return &w.Login
}

// ask is the request for a path below the repository.
func (w wish) ask(path string) upstream.Request {
	r := upstream.Request{Path: w.repository + "/" + path, Size: -1}
	w.sign(&r)
	return r
}

// sign adds who asks.
func (w wish) sign(r *upstream.Request) {
	r.Scope, r.As = "repository:"+w.repository+":pull", w.as()
}

// entry names what the repository calls by a reference: "@sha256:..." or ":tag".
func (w wish) entry(ref string) string { return w.r.Name + "/" + w.repository + ref }
