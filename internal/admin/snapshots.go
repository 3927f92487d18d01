package admin

import (
	"net/http"

	"mirrord/internal/mirror"

	"github.com/go-chi/chi/v5"
)

type snapshotList struct {
	Snapshots []mirror.Snapshot `json:"snapshots"`
}

func (a *api) snapshots(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, snapshotList{a.Mirror.Snapshots()})
}

type snapshotName struct {
	Repo string `json:"repo,omitempty"` // "" = every repository
	Name string `json:"name"`
}

func (a *api) addSnapshot(w http.ResponseWriter, r *http.Request, req snapshotName) error {
	return act(a, w, r, "snapshot create", req, false, func() (snapshotList, error) {
		made, err := a.Mirror.Snapshot(r.Context(), req.Repo, req.Name)
		return snapshotList{made}, err
	})
}

func (a *api) deleteSnapshot(w http.ResponseWriter, r *http.Request) error {
	s := snapshotName{chi.URLParam(r, "repo"), chi.URLParam(r, "name")}
	return act(a, w, r, "snapshot delete", s, false, func() (snapshotName, error) {
		return s, a.Mirror.DeleteSnapshot(s.Repo, s.Name)
	})
}
