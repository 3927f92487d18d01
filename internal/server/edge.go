package server

import (
	"net/http"

	"mirrord/internal/mirror"
	"mirrord/internal/repo"
	"mirrord/internal/repo/oci"
)

// edgeTree serves another mirrord a path of a repository that is a tree. It is given
// what is current, not what its address was given before: many may have one address.
func (s *server) edgeTree(w http.ResponseWriter, r *http.Request, name, escaped string) {
	path, err := repo.CleanPath(escaped)
	if err == nil {
		err = s.open(w, r, mirror.Request{Repo: name, Path: path, Edge: true})
	}
	if err != nil {
		s.fail(w, r, err)
	}
}

// edgeRegistry serves another mirrord the API of a registry, without anybody's
// credentials: what is public, and what the operator shares. A no of the registry's names
// no way to log in, by which it can be told from one that is the mirrord's own.
func (s *server) edgeRegistry(w http.ResponseWriter, r *http.Request, name, escaped string) {
	req, err := oci.ParseRequest(r.Method, escaped, r.URL.RawQuery)
	if err == nil && req.Namespace != "" {
		err = &oci.Error{Code: oci.CodeNameInvalid, Status: http.StatusBadRequest, Message: "ns is not for another mirrord, the path names the registry"}
	}
	if err == nil {
		named := req
		named.Namespace = name
		err = s.pulled(w, r, req, mirror.Pull{Request: named, Edge: true})
	}
	if err != nil {
		s.say(w, r, asError(req, err), err)
	}
}
