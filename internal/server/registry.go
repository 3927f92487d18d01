package server

import (
	"errors"
	"net/http"

	"mirrord/internal/mirror"
	"mirrord/internal/repo/oci"
	"mirrord/internal/upstream"
)

// registry serves the pull side of the OCI distribution API.
func (s *server) registry(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	req, err := oci.ParseRequest(r.Method, r.URL.EscapedPath(), r.URL.RawQuery)
	if err == nil {
		err = s.pull(w, r, req)
	}
	if err != nil {
		s.refuse(w, r, req, err)
	}
}

func (s *server) pull(w http.ResponseWriter, r *http.Request, req oci.Request) error {
	login, err := s.tokens.login(r)
	if err != nil {
		return err
	}
	if req.Kind == oci.KindPing {
		if s.Login && r.Header.Get("Authorization") == "" {
			return errLogin
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte("{}"))
		return nil
	}
	return s.pulled(w, r, req, mirror.Pull{Request: req, Login: login})
}

// pulled serves what p names, as r wants it; req is as the client put it.
func (s *server) pulled(w http.ResponseWriter, r *http.Request, req oci.Request, p mirror.Pull) error {
	p.From, p.Head = firstByte(r.Header.Get("Range")), r.Method == http.MethodHead
	a, err := s.Mirror.Pull(r.Context(), p)
	if err != nil {
		return err
	}
	defer a.Close()
	s.answered(w, r, a.Repo, a)
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if a.Named != "" {
		h.Set("Docker-Content-Digest", string(a.Named))
	}
	if next, ok := oci.LinkNext(a.Link); ok {
		h.Set("Link", "<"+r.URL.EscapedPath()+"?"+nextPage(req, next)+`>; rel="next"`)
	}
	if a.Filtered {
		h.Set("OCI-Filters-Applied", "artifactType")
	}
	if isStored(a) {
		settle(w, r)
	}
	serve(w, r, "", a)
	s.finish(r, a, a.Repo, req.Repository)
	return nil
}

// codes are the API's words for statuses that have one, whatever was asked for.
var codes = map[int]oci.Code{
	http.StatusBadRequest:         oci.CodeNameInvalid,
	http.StatusUnauthorized:       oci.CodeUnauthorized,
	http.StatusForbidden:          oci.CodeDenied,
	http.StatusTooManyRequests:    oci.CodeTooManyRequests,
	http.StatusBadGateway:         oci.CodeUnavailable,
	http.StatusServiceUnavailable: oci.CodeUnavailable,
	http.StatusGatewayTimeout:     oci.CodeUnavailable,
}

// unknown are its words for what is not there.
var unknown = map[oci.Kind]oci.Code{
	oci.KindManifest: oci.CodeManifestUnknown,
	oci.KindBlob:     oci.CodeBlobUnknown,
}

// refuse answers with an error in the API's form.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, req oci.Request, err error) {
	said := asError(req, err)
	if said.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", s.challenge(r, req))
	}
	s.say(w, r, said, err)
}

func asError(req oci.Request, err error) *oci.Error {
	var said *oci.Error
	if !errors.As(err, &said) {
		said = worded(req, err)
	}
	return said
}

// say answers with what err is in the API's terms.
func (s *server) say(w http.ResponseWriter, r *http.Request, said *oci.Error, err error) {
	if said.Status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", "GET, HEAD")
	}
	s.failed(w, r, said.Status, err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(said.Status)
	w.Write(said.JSON())
}

// worded puts an error into the API's terms.
func worded(req oci.Request, err error) *oci.Error {
	status, text := verdict(err)
	var said *upstream.StatusError
	if errors.As(err, &said) && (said.Code == http.StatusUnauthorized || said.Code == http.StatusTooManyRequests) {
		status = said.Code
	}
	e := &oci.Error{Code: codes[status], Status: status, Message: text}
	if status == http.StatusNotFound {
		e.Code = oci.CodeNameUnknown
		if code, ok := unknown[req.Kind]; ok {
			e.Code = code
		}
	}
	if e.Code == "" {
		e.Code = oci.CodeUnknown
	}
	return e
}
