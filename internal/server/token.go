package server

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"mirrord/internal/repo/oci"
	"mirrord/internal/upstream"
)

// errLogin: the request needs credentials, or other ones.
var errLogin = errors.New("log in with the upstream registry's user and password")

const (
	// tokenFor is how long a token is good: a pull asks for a new one when it ends.
	tokenFor = 10 * time.Minute
	// tokenMark begins mirrord's own tokens; any other is upstream's.
	tokenMark = "mirrord."
	// fieldMost bounds the Authorization field: upstream takes credentials of up to
	// 6 KiB, and sealed they take a third more.
	fieldMost = 12 << 10
)

// tokens are what clients get for their credentials, because most send these to a
// token server only. A token is the credentials themselves, sealed under a key of
// this process: nothing is kept, and after a restart clients log in anew.
type tokens struct {
	seal cipher.AEAD
	now  func() time.Time
}

// sealed is what a token holds: a Login itself writes no secrets.
type sealed struct {
	Username, Password string
	Until              time.Time
}

func newTokens() *tokens {
	key := make([]byte, 32)
	rand.Read(key)                 // never fails
	block, _ := aes.NewCipher(key) // nor does this with 32 bytes
	gcm, _ := cipher.NewGCMWithRandomNonce(block)
	return &tokens{seal: gcm, now: time.Now}
}

// make seals a login.
func (t *tokens) make(l upstream.Login) string {
	text, _ := json.Marshal(sealed{l.Username, l.Password, t.now().Add(tokenFor)}) // of strings and a time
	return tokenMark + base64.RawURLEncoding.EncodeToString(t.seal.Seal(nil, nil, text, nil))
}

// open is the login in one of its own tokens; errLogin where it is over or not
// its own.
func (t *tokens) open(token string) (upstream.Login, error) {
	box, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, tokenMark))
	if err != nil {
		return upstream.Login{}, errLogin
	}
	text, err := t.seal.Open(nil, nil, box, nil)
	var s sealed
	if err != nil || json.Unmarshal(text, &s) != nil || t.now().After(s.Until) {
		return upstream.Login{}, errLogin
	}
	return upstream.Login{Username: s.Username, Password: s.Password}, nil
}

// login reads whom a request says to be from.
func (t *tokens) login(r *http.Request) (upstream.Login, error) {
	field := r.Header.Get("Authorization")
	if field == "" {
		return upstream.Login{}, nil
	}
	if len(field) > fieldMost {
		return upstream.Login{}, errLogin
	}
	if user, password, ok := r.BasicAuth(); ok {
		return upstream.Login{Username: user, Password: password}, nil
	}
	scheme, token, _ := strings.Cut(field, " ")
	switch {
	case !strings.EqualFold(scheme, "bearer") || token == "":
		return upstream.Login{}, errLogin
	case strings.HasPrefix(token, tokenMark):
		return t.open(token)
	}
	return upstream.Login{Bearer: token}, nil
}

// giveToken is the token server that challenge names. Who gives no credentials
// gets a token that is nobody's. Whether credentials are right is upstream's to
// say, at the first thing that is asked for with them.
func (s *server) giveToken(w http.ResponseWriter, r *http.Request) {
	login, err := s.tokens.login(r)
	if err == nil && login.Bearer != "" {
		err = errLogin
	}
	if err != nil {
		s.refuse(w, r, oci.Request{}, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	token := s.tokens.make(login)
	json.NewEncoder(w).Encode(map[string]any{
		"token": token, "access_token": token, "expires_in": int(tokenFor.Seconds()), "issued_at": s.tokens.now().UTC().Format(time.RFC3339),
	})
}

// challenge asks for a token of giveToken, where clients reach the server: at its public
// address, else at the one that this client used.
func (s *server) challenge(r *http.Request, req oci.Request) string {
	realm := url.URL{Scheme: "http", Host: r.Host}
	switch {
	case s.Public != nil:
		realm = *s.Public
	case r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https": // the client's own word, and goes back to it only
		realm.Scheme = "https"
	}
	realm.Path = strings.TrimSuffix(realm.Path, "/") + "/v2/token"
	c := `Bearer realm="` + realm.String() + `",service="mirrord"`
	if req.Repository != "" {
		c += `,scope="repository:` + req.Repository + `:pull"`
	}
	return c
}

// nextPage is the query of a list's next page, as the client asked for this one.
func nextPage(req oci.Request, next string) string {
	if req.Namespace != "" {
		next += "&ns=" + url.QueryEscape(req.Namespace)
	}
	if req.ArtifactType != "" {
		next += "&artifactType=" + url.QueryEscape(req.ArtifactType)
	}
	return next
}
