package admin

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"mirrord/internal/mirror"
	"mirrord/internal/token"

	"github.com/go-chi/chi/v5"
)

type tokenList struct {
	Tokens []token.Token `json:"tokens"`
}

func (a *api) tokens(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, tokenList{a.Tokens.List()})
}

type tokenRequest struct {
	Name string `json:"name"`
	Role string `json:"role"`
	// Repos are what an edge is granted, with that role only.
	Repos []string `json:"repos,omitempty"`
	// Expires is how many seconds it is good for; 0 or absent = for ever.
	Expires int64 `json:"expires_in,omitempty"`
}

// newToken is a token with the secret that is told this once.
type newToken struct {
	token.Token
	Secret string `json:"secret"`
}

// expiresMost bounds a token's life: what a duration holds.
const expiresMost = 100 * 365 * 24 * 60 * 60

func (a *api) addToken(w http.ResponseWriter, r *http.Request, req tokenRequest) error {
	role, err := token.ParseRole(req.Role)
	if err != nil {
		return err
	}
	if req.Expires < 0 || req.Expires > expiresMost {
		return fmt.Errorf("%w: expires_in %d, expected 0 to %d seconds", token.ErrInvalid, req.Expires, int64(expiresMost))
	}
	if err := a.known(req.Repos); err != nil {
		return err
	}
	t, secret, err := a.Tokens.Add(req.Name, role, req.Repos, time.Duration(req.Expires)*time.Second)
	if err := a.note(r, "token add", req, nil, err); err != nil {
		return err
	}
	return answer(w, newToken{t, secret})
}

// known reports the first of names that is no repository here.
func (a *api) known(names []string) error {
	all := a.Mirror.Repos()
	for _, name := range names {
		if !slices.ContainsFunc(all, func(r mirror.RepoState) bool { return r.Name == name }) {
			return fmt.Errorf("%w: %q", mirror.ErrUnknownRepo, name)
		}
	}
	return nil
}

var errNoSuchToken = errors.New("no token of that name")

type named struct {
	Name string `json:"name"`
}

func (a *api) revokeToken(w http.ResponseWriter, r *http.Request) error {
	n := named{chi.URLParam(r, "name")}
	return act(a, w, r, "token revoke", n, false, func() (named, error) {
		err := a.Tokens.Revoke(n.Name)
		if errors.Is(err, token.ErrUnknown) {
			err = fmt.Errorf("%w: %q", errNoSuchToken, n.Name)
		}
		return n, err
	})
}
