package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"mirrord/internal/mirror"
	"mirrord/internal/mirrorlist"
	"mirrord/internal/repo"
)

// Lists are the lists of mirrors that stand for one repository.
type Lists struct {
	Repo      string
	Templates []mirrorlist.Template
}

var (
	errNoList = errors.New("no such list of mirrors")
	errHost   = errors.New("the Host field is no name or address with or without a port")
)

// list answers /metalink and /mirrorlist, as the distributions' servers of lists do.
func (s *server) list(w http.ResponseWriter, r *http.Request) error {
	path, err := repo.CleanPath(strings.Trim(r.URL.EscapedPath(), "/"))
	if err != nil {
		return err
	}
	return s.answerList(w, r, "", path)
}

// asksList reports that a path of a repository asks for a list.
func (s *server) asksList(name, path string) bool {
	if !mirrorlist.IsQuestion(path) {
		return false
	}
	for _, l := range s.Lists {
		if l.Repo == name {
			return true
		}
	}
	return false
}

// answerList names one mirror: this server, as the client addressed it. The repository
// is any where name is "".
func (s *server) answerList(w http.ResponseWriter, r *http.Request, name, path string) error {
	q, ok := mirrorlist.ParseQuestion(path, r.URL.RawQuery)
	if !ok {
		return errNoList
	}
	in, place, ok := s.findList(name, q)
	if !ok {
		return fmt.Errorf("%w here: %s", errNoList, q)
	}
	base, err := s.base(r)
	if err != nil {
		return err
	}
	var states mirror.States
	if !strings.Contains(place, "$") {
		states, err = s.Mirror.States(r.Context(), mirror.Request{Repo: in, Path: mirrorlist.Repomd(place), Client: peerOf(r).client})
		if err != nil {
			return err
		}
	}
	base = base.JoinPath(in, place)
	text, kind := mirrorlist.WriteMirrorlist(base), "text/plain; charset=utf-8"
	if q.Kind == mirrorlist.Metalink {
		text, kind = mirrorlist.WriteMetalink(base, states.Now, states.Others), "application/metalink+xml"
	}
	h := w.Header()
	if states.Stale != "" {
		h.Set("Cache-Status", states.CacheStatus())
	}
	h.Set("Cache-Control", "no-store") // it is of this moment and for this client
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.Write(text)
	return nil
}

// findList finds the repository that a list is asked for, and where in its tree. A list
// that any question means is the last choice, and none where no repository is named.
func (s *server) findList(name string, q mirrorlist.Question) (in, place string, ok bool) {
	for _, single := range []bool{false, true} {
		for _, l := range s.Lists {
			if name != "" && l.Repo != name || name == "" && single {
				continue
			}
			for _, t := range l.Templates {
				if t.Single() != single {
					continue
				}
				place, ok := t.Answers(q)
				// A metalink is of one repomd.xml.
				if ok && (q.Kind == mirrorlist.Mirrorlist || !strings.Contains(place, "$")) {
					return l.Repo, place, true
				}
			}
		}
	}
	return "", "", false
}

var hostForm = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?$`)

// base is where the client reaches this server. What a proxy says of that anybody can
// say, so who has one in front configures it.
func (s *server) base(r *http.Request) (*url.URL, error) {
	if s.Public != nil {
		return s.Public, nil
	}
	if !hostForm.MatchString(r.Host) {
		return nil, errHost
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return &url.URL{Scheme: scheme, Host: r.Host}, nil
}
