package rig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TokenServer gives out the tokens of the Bearer flow, which docker-registry
// itself verifies.
type TokenServer struct {
	Host string // host:port of the realm

	tb     testing.TB
	key    *ecdsa.PrivateKey
	cert   []byte // DER
	grants map[string]Grant

	mu        sync.Mutex
	lifetime  time.Duration // guarded by mu
	exchanges []Exchange    // guarded by mu
}

// Grant is what a user may pull. The user "" is whoever has no credentials.
type Grant struct {
	Password     string
	Repositories []string // patterns of path.Match
}

// Exchange is a token that somebody asked for.
type Exchange struct {
	Method string
	User   string // who it claimed to be, "" nobody
	Scope  string
	Status int
}

const (
	tokenIssuer, tokenService = "mirrord-test", "registry.test"
	// tokenLeeway is how long docker-registry takes a token after its end
	// (registry/auth/token/token.go: Leeway).
	tokenLeeway = time.Minute
	tokenSays   = 5 * time.Minute
)

// StartTokenServer serves until the test ends.
func StartTokenServer(tb testing.TB, grants map[string]Grant) *TokenServer {
	tb.Helper()
	s := &TokenServer{tb: tb, grants: grants, lifetime: tokenSays}
	var err error
	if s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: tokenIssuer},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if s.cert, err = x509.CreateCertificate(rand.Reader, template, template, &s.key.PublicKey, s.key); err != nil {
		tb.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(s.serve))
	tb.Cleanup(srv.Close)
	s.Host = srv.Listener.Addr().String()
	return s
}

// Lifetime has the registry take tokens for so long only, less than what they
// say: what was given out before stays as it is.
func (s *TokenServer) Lifetime(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lifetime = d
}

// Exchanges are all so far.
func (s *TokenServer) Exchanges() []Exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.exchanges)
}

// IdentityToken is what a login gives a user in place of the password.
func (s *TokenServer) IdentityToken(user string) string {
	return "identity-" + base64.RawURLEncoding.EncodeToString([]byte(user+":"+s.grants[user].Password))
}

// registryConfig is the part of a docker-registry's configuration that trusts s.
func (s *TokenServer) registryConfig(bundle string) string {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.cert})
	if err := os.WriteFile(bundle, text, 0o600); err != nil {
		s.tb.Fatal(err)
	}
	return fmt.Sprintf("auth: {token: {realm: %q, service: %s, issuer: %s, rootcertbundle: %s}}\n",
		"http://"+s.Host+"/token", tokenService, tokenIssuer, bundle)
}

// serve answers both forms of the exchange: GET, and POST of OAuth 2.
func (s *TokenServer) serve(w http.ResponseWriter, r *http.Request) {
	user, password, service := "", "", r.FormValue("service")
	switch {
	case r.Method == http.MethodGet:
		user, password, _ = r.BasicAuth()
	case r.Method == http.MethodPost && r.FormValue("grant_type") == "password":
		user, password = r.FormValue("username"), r.FormValue("password")
	case r.Method == http.MethodPost && r.FormValue("grant_type") == "refresh_token":
		user, password = s.identified(r.FormValue("refresh_token"))
	default:
		http.Error(w, "unsupported grant", http.StatusBadRequest)
		return
	}
	scope, status := strings.Join(r.Form["scope"], " "), http.StatusOK
	if g, known := s.grants[user]; service != tokenService || user != "" && (!known || g.Password != password) {
		status = http.StatusUnauthorized
	}
	s.mu.Lock()
	s.exchanges = append(s.exchanges, Exchange{r.Method, user, scope, status})
	s.mu.Unlock()
	if status != http.StatusOK {
		w.WriteHeader(status)
		return
	}
	s.answer(w, user, scope)
}

func (s *TokenServer) identified(token string) (user, password string) {
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "identity-"))
	if err != nil {
		return "unknown", ""
	}
	user, password, _ = strings.Cut(string(text), ":")
	return user, password
}

func (s *TokenServer) answer(w http.ResponseWriter, user, scope string) {
	token := s.sign(user, s.allowed(user, scope))
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client may have left
		"token": token, "access_token": token, "expires_in": int(tokenSays.Seconds()),
		"issued_at": time.Now().UTC().Format(time.RFC3339),
	})
}

// allowed is what of the scopes asked for the user gets: pulls of its own
// repositories. As with real ones the rest is left out, not refused.
func (s *TokenServer) allowed(user, scopes string) string {
	var allowed []string
	for _, scope := range strings.Fields(scopes) {
		f := strings.Split(scope, ":")
		if len(f) == 3 && f[0] == "repository" && strings.Contains(f[2], "pull") && s.grants[user].covers(f[1]) {
			allowed = append(allowed, "repository:"+f[1]+":pull")
		}
	}
	return strings.Join(allowed, " ")
}

func (g Grant) covers(repository string) bool {
	return slices.ContainsFunc(g.Repositories, func(pattern string) bool {
		ok, err := path.Match(pattern, repository)
		return ok && err == nil
	})
}

// sign makes a token for the given scopes.
func (s *TokenServer) sign(user, scopes string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	type access struct {
		Type    string   `json:"type"`
		Name    string   `json:"name"`
		Actions []string `json:"actions"`
	}
	list := []access{}
	for _, scope := range strings.Fields(scopes) {
		f := strings.Split(scope, ":")
		list = append(list, access{f[0], f[1], strings.Split(f[2], ",")})
	}
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"iss": tokenIssuer, "aud": tokenService, "sub": user, "access": list, "jti": rand.Text(),
		"iat": now.Unix(), "nbf": now.Add(-tokenLeeway).Unix(), "exp": now.Add(s.lifetime - tokenLeeway).Unix(),
	})
	token.Header["x5c"] = []string{base64.StdEncoding.EncodeToString(s.cert)}
	text, err := token.SignedString(s.key)
	if err != nil {
		panic(err) // a key of another kind, which it is not
	}
	return text
}
