package admin

import (
	"log/slog"
	"net/http"

	"mirrord/internal/audit"
	"mirrord/internal/bearer"
	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/mirror"
)

// selection is a Selector in a body.
type selection struct {
	Repo   string        `json:"repo,omitempty"`
	Path   string        `json:"path,omitempty"`
	Prefix string        `json:"prefix,omitempty"`
	Glob   string        `json:"glob,omitempty"`
	Digest digest.Digest `json:"digest,omitempty"`
	Tag    string        `json:"tag,omitempty"`
}

func selectionOf(s mirror.Selector) selection {
	return selection{Repo: s.Repo, Path: s.Path, Prefix: s.Prefix, Glob: s.Glob, Digest: s.Digest, Tag: s.Tag}
}

func (s selection) selector() mirror.Selector {
	return mirror.Selector{Repo: s.Repo, Path: s.Path, Prefix: s.Prefix, Glob: s.Glob, Digest: s.Digest, Tag: s.Tag}
}

// act does something, writes down who did it and what came of it, and answers with
// that. A dry run does nothing, so nothing is written down.
func act[T any](a *api, w http.ResponseWriter, r *http.Request, name string, what any, dry bool, do func() (T, error)) error {
	effect, err := do()
	if !dry {
		err = a.note(r, name, what, effect, err)
	}
	if err != nil {
		return err
	}
	return answer(w, effect)
}

// note writes an act down, and gives its error back, or why it could not be written.
func (a *api) note(r *http.Request, name string, what, effect any, err error) error {
	t := caller(r)
	rec := audit.Record{
		Time: a.Now().UTC(), Token: t.Name, Role: string(t.Role), From: bearer.Address(r), Act: name, What: what, Effect: effect,
	}
	if err != nil {
		rec.Error = err.Error()
	}
	if werr := a.Audit.Write(rec); werr != nil {
		slog.Error("an act cannot be written to the audit log", "act", name, "token", t.Name, "err", werr)
		if err == nil {
			err = errAudit
		}
	}
	outcome := done
	if err != nil {
		outcome = failed
	}
	a.calls.WithLabelValues(name, outcome).Inc()
	return err
}

type purgeRequest struct {
	selection
	DryRun bool `json:"dry_run,omitempty"`
	Force  bool `json:"force,omitempty"` // what is pinned goes too
}

func (a *api) purge(w http.ResponseWriter, r *http.Request, req purgeRequest) error {
	return act(a, w, r, "purge", req, req.DryRun, func() (mirror.Purged, error) {
		return a.Mirror.Purge(r.Context(), req.selector(), mirror.PurgeOptions{DryRun: req.DryRun, Force: req.Force})
	})
}

// purgeURL purges the artifact whose URL is asked for.
func (a *api) purgeURL(w http.ResponseWriter, r *http.Request) error {
	s, err := a.Mirror.Locate(r.URL.EscapedPath(), r.URL.RawQuery)
	if err != nil {
		return err
	}
	return a.purge(w, r, purgeRequest{selection: selectionOf(s)})
}

type refreshRequest struct {
	Repo string `json:"repo"`
	Path string `json:"path,omitempty"` // "" = every root that is known
}

type refreshed struct {
	Refreshed []mirror.Refreshed `json:"refreshed"`
}

func (a *api) refresh(w http.ResponseWriter, r *http.Request, req refreshRequest) error {
	return act(a, w, r, "refresh", req, false, func() (refreshed, error) {
		all, err := a.Mirror.Refresh(r.Context(), req.Repo, req.Path)
		if all == nil {
			all = []mirror.Refreshed{}
		}
		return refreshed{all}, err
	})
}

// pinOwner is whose pins the API sets and takes back: the operators', all of them.
const pinOwner = "operator"

func (a *api) pin(w http.ResponseWriter, r *http.Request, req selection) error {
	return act(a, w, r, "pin", req, false, func() (mirror.Count, error) {
		return a.Mirror.Pin(r.Context(), req.selector(), pinOwner)
	})
}

func (a *api) unpin(w http.ResponseWriter, r *http.Request, req selection) error {
	return act(a, w, r, "unpin", req, false, func() (mirror.Count, error) {
		return a.Mirror.Unpin(r.Context(), req.selector(), pinOwner)
	})
}

func (a *api) warm(w http.ResponseWriter, r *http.Request, req selection) error {
	return act(a, w, r, "warm", req, false, func() (mirror.Warmed, error) {
		return a.Mirror.Warm(r.Context(), req.selector())
	})
}

type collectRequest struct {
	DryRun bool `json:"dry_run,omitempty"`
}

func (a *api) collect(w http.ResponseWriter, r *http.Request, req collectRequest) error {
	return act(a, w, r, "gc", req, req.DryRun, func() (mirror.Count, error) {
		found, err := a.Mirror.Collect(r.Context(), cache.Collection{Idle: mirror.CollectIdle, DryRun: req.DryRun})
		return mirror.Count{Matched: int(found.Objects), Bytes: found.Bytes}, err
	})
}
