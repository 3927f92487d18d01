package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// entrance is an nginx that lets in who has a certificate of one authority, and a
// mirrord that has one.
type entrance struct {
	t                  *testing.T
	guarded, other     *rig.Nginx
	members, cert, key string // files: whom guarded believes, and mirrord's
	m                  *rig.Mirrord
}

// newEntrance starts both, and another nginx that refuses whoever shows a certificate.
// guarded's own is of an authority that only the configuration names; it redirects
// what is below away/ to the other.
func newEntrance(t *testing.T) *entrance {
	t.Helper()
	private, public := rig.NewAuthority(t, "private"), rig.NewAuthority(t, "public")
	t.Setenv("SSL_CERT_FILE", public.File) // mirrord takes it for the system's
	dir := t.TempDir()
	e := &entrance{t: t, members: filepath.Join(dir, "members.pem"), cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	club := rig.NewAuthority(t, "club")
	e.admit(club)
	club.Issue("mirrord", e.cert, e.key)
	e.other = public.StartNginx(t, filesIn(t, "away/redirected", "only"),
		"ssl_verify_client optional_no_ca; if ($ssl_client_verify != NONE) { return 403; }")
	e.guarded = private.StartNginx(t, filesIn(t, "a", "b", "c", "d"),
		"ssl_verify_client on; ssl_client_certificate "+e.members+"; location /away/ { return 302 "+e.other.Secure+"$request_uri; }")
	e.m = rig.Start(t, rig.Config{Repos: fmt.Sprintf(`- {name: member, type: generic, upstreams: [{url: %[1]q, cert: %[2]q, key: %[3]q, ca: %[4]q}]}
- {name: nobody, type: generic, upstreams: [{url: %[1]q, ca: %[4]q}]}
- {name: distrust, type: generic, upstreams: [{url: %[1]q, cert: %[2]q, key: %[3]q}]}
- {name: both, type: generic, upstreams: [{url: %[1]q, cert: %[2]q, key: %[3]q, ca: %[4]q}, %[5]q]}
`, e.guarded.Secure, e.cert, e.key, private.File, e.other.Secure)})
	return e
}

// filesIn is a directory with files that hold their own names.
func filesIn(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// admit has guarded believe that authority from its next start on.
func (e *entrance) admit(a *rig.Authority) {
	e.t.Helper()
	text, err := os.ReadFile(a.File)
	if err == nil {
		err = os.WriteFile(e.members, text, 0o644)
	}
	if err != nil {
		e.t.Fatal(err)
	}
}

// gets fails the test where the file does not come.
func (e *entrance) gets(repo, name string) {
	e.t.Helper()
	if r := rig.Get(e.m.URL(repo, name)); r.Status != 200 || string(r.Body) != name {
		e.t.Errorf("%s/%s: %s, %q", repo, name, r.How(), r.Body)
	}
}

// refused fails the test unless the answer is that status with one line, which has the
// words and none of the files' paths.
func (e *entrance) refused(repo, name string, status int, words string) {
	e.t.Helper()
	r := rig.Get(e.m.URL(repo, name))
	text := string(r.Body)
	if r.Status != status || !strings.HasPrefix(text, repo+": "+e.guarded.Secure) || !strings.Contains(text, words) ||
		strings.Count(text, "\n") != 1 || strings.Contains(text, filepath.Dir(e.cert)) {
		e.t.Errorf("%s/%s: %s, %q; expected %d and %q", repo, name, r.How(), text, status, words)
	}
}

// TestClientCertificate: an upstream that demands a certificate gets mirrord's, and
// nobody else does: no other mirror of the repository, no host that it redirects to.
func TestClientCertificate(t *testing.T) {
	e := newEntrance(t)
	e.gets("member", "a")
	e.gets("member", "away/redirected")
	e.gets("both", "only")
	if hits := e.other.Hits(); len(hits) != 2 {
		t.Errorf("the other host was asked for %v, expected one file by redirect and one as mirror", hits)
	}
	e.refused("nobody", "a", 502, "answered 400 Bad Request; it asks for a client certificate, and none is configured")
	e.refused("distrust", "a", 503, "certificate signed by unknown authority")
	e.m.Fsck(t)
}

// TestCertificateRenewed: a certificate that is replaced in place is used for the next
// connection, without a restart.
func TestCertificateRenewed(t *testing.T) {
	e := newEntrance(t)
	e.gets("member", "a")
	next := rig.NewAuthority(t, "next")
	e.admit(next)
	e.guarded.Stop()
	e.guarded.Start()
	e.refused("member", "b", 502, "answered 400 Bad Request; it asks for a client certificate, and got the configured one")
	next.Issue("mirrord", e.cert, e.key)
	e.gets("member", "b")
	e.gets("member", "c")

	e.guarded.Stop()
	e.guarded.Start()
	if err := os.Remove(e.key); err != nil {
		t.Fatal(err)
	}
	e.refused("member", "d", 503, "the client certificate or its key cannot be used: no such file or directory")
	e.m.Fsck(t)
}
