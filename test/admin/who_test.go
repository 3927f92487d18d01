package admin

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirrord/test/rig"
)

// TestTokens: made, used, expired and revoked, by the command and by HTTP.
func TestTokens(t *testing.T) {
	s := newSite(t, "")
	add := func(args ...string) string {
		t.Helper()
		code, out, errs := s.run(append([]string{"token", "add"}, args...)...)
		if code != 0 {
			t.Fatalf("token add %q: exit %d, %q", args, code, errs)
		}
		return strings.TrimSpace(out)
	}
	reader, operator, short := add("reader"), add("operator", "--role", "operate"), add("short", "--role", "admin", "--expires", "1s")
	s.wants("reader", "token", "list")
	s.fails(1, "409 Conflict", "token", "add", "reader")
	time.Sleep(1100 * time.Millisecond)
	for _, c := range []struct {
		token, method, path, body string
		status                    int
	}{
		{"", "GET", "/api/v1/status", "", 401},
		{"mirrord_guess", "GET", "/api/v1/status", "", 401},
		{short, "GET", "/api/v1/status", "", 401},
		{reader, "GET", "/api/v1/status", "", 200},
		{reader, "POST", "/api/v1/purge", `{"repo":"files"}`, 403},
		{reader, "PURGE", "/files/a.iso", "", 403},
		{"", "PURGE", "/files/a.iso", "", 401},
		{operator, "POST", "/api/v1/tokens", `{"name":"x","role":"admin"}`, 403},
		{operator, "PURGE", "/files/a.iso", "", 200},
	} {
		if status, got := s.api(c.method, c.path, c.token, c.body); status != c.status {
			t.Errorf("%s %s: %d %v, expected %d", c.method, c.path, status, got, c.status)
		}
	}
	if code, _, errs := s.runAs([]string{"MIRRORD_TOKEN=" + reader}, "purge", "debian", "--server", s.m.URL()); code != 1 || !strings.Contains(errs, "403 Forbidden") {
		t.Errorf("purge by a reader: exit %d, %q", code, errs)
	}
	s.wants("revoked reader", "token", "revoke", "reader")
	if status, _ := s.api("GET", "/api/v1/status", reader, ""); status != 401 {
		t.Errorf("a revoked token: %d", status)
	}
	s.m.Restart()
	if status, _ := s.api("GET", "/api/v1/status", operator, ""); status != 200 {
		t.Errorf("after a restart: %d", status)
	}
	s.audited(operator, reader, short)
}

// audited checks the log: each act, and no secret.
func (s *site) audited(secrets ...string) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.m.Data, "audit.log"))
	if err != nil {
		s.t.Fatal(err)
	}
	var acts []string
	for line := range strings.Lines(string(text)) {
		var r struct{ Act, Token, Error string }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			s.t.Fatal(err)
		}
		if r.Error != "" {
			r.Act += " failed"
		}
		acts = append(acts, r.Act+" by "+r.Token)
	}
	want := []string{"token add by local", "token add by local", "token add by local", "token add failed by local", "purge by operator", "token revoke by local"}
	if strings.Join(acts, "\n") != strings.Join(want, "\n") {
		s.t.Errorf("the audit log has\n%s\nexpected\n%s", strings.Join(acts, "\n"), strings.Join(want, "\n"))
	}
	tokens, err := os.ReadFile(filepath.Join(s.m.Data, "tokens.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, secret := range secrets {
		if where := string(text) + string(tokens) + s.m.Log(); strings.Contains(where, strings.TrimPrefix(secret, "mirrord_")) {
			s.t.Error("a secret is written down")
		}
	}
}

// TestTLS: the verbs over https, with an authority of one's own.
func TestTLS(t *testing.T) {
	cert := rig.NewCertificate(t, "mirror.example")
	addr := rig.FreeAddr(t)
	s := newSite(t, "listen_tls: [\""+addr+"\"]\ntls: {cert: "+cert.Cert+", key: "+cert.Key+"}\n")
	server := []string{"--server", "https://" + addr, "--config", s.m.Config}
	if code, _, errs := s.runAs(nil, append([]string{"status"}, server...)...); code != 1 || !strings.Contains(errs, "certificate") {
		t.Errorf("an authority that is not trusted: exit %d, %q", code, errs)
	}
	if code, out, errs := s.runAs(nil, append([]string{"purge", "files", "--ca", cert.Cert}, server...)...); code != 0 || !strings.Contains(out, "purged 1 object") {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
}

// TestPurgeUnderWay: the client whose download is purged gets it whole, it is not kept,
// and the next one has upstream asked.
func TestPurgeUnderWay(t *testing.T) {
	for _, target := range []string{"files/big", "files/b*", "files"} {
		s := newSite(t, "")
		big := rig.Content(3, 8<<20)
		s.put("files/big", big)
		done := make(chan rig.Reply)
		go func() { done <- rig.Get(s.m.URL("files/big")) }()
		for s.underWay() == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		s.wants("purged ", "purge", target)
		if r := <-done; r.Status != 200 || string(r.Body) != string(big) {
			t.Errorf("%s: the client got %s", target, r.How())
		}
		if _, out, _ := s.run("objects", "files/big"); out != "" {
			t.Errorf("%s: what was purged is stored: %q", target, out)
		}
		s.m.Stop()
		s.m.Fsck(t)
	}
}

func (s *site) underWay() float64 {
	s.t.Helper()
	_, got := s.api("GET", "/api/v1/status", s.token(), "")
	return got["store"].(map[string]any)["flights"].(float64)
}
