package token

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type place struct {
	file, local string
	at          time.Time
}

func newPlace(t *testing.T) *place {
	dir := t.TempDir()
	return &place{filepath.Join(dir, "tokens.json"), filepath.Join(dir, "admin.token"), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
}

func (p *place) open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(p.file, p.local, func() time.Time { return p.at })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTokens(t *testing.T) {
	p := newPlace(t)
	s := p.open(t)
	tok, secret, err := s.Add("ci", Read, nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := s.Find(secret); err != nil || found.Name != "ci" || found.Role != Read {
		t.Fatalf("Find = %+v, %v, expected %+v", found, err, tok)
	}
	if text, _ := os.ReadFile(p.file); strings.Contains(string(text), strings.TrimPrefix(secret, prefix)) || len(text) == 0 {
		t.Errorf("the file holds %q, expected a hash and no secret", text)
	}
	if info, _ := os.Stat(p.file); info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, expected 0600", info.Mode())
	}
	s = p.open(t) // after a restart
	if _, err := s.Find(secret); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if _, _, err := s.Add("ci", Admin, nil, 0); !errors.Is(err, ErrExists) {
		t.Errorf("a second ci: %v, expected ErrExists", err)
	}
	p.at = p.at.Add(time.Hour)
	if _, err := s.Find(secret); !errors.Is(err, ErrExpired) {
		t.Errorf("after its end: %v, expected ErrExpired", err)
	}
	if err := s.Revoke("ci"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.open(t).Find(secret); !errors.Is(err, ErrUnknown) {
		t.Errorf("after it was revoked: %v, expected ErrUnknown", err)
	}
	if err := s.Revoke("ci"); !errors.Is(err, ErrUnknown) {
		t.Errorf("revoked twice: %v, expected ErrUnknown", err)
	}
}

func TestLocal(t *testing.T) {
	p := newPlace(t)
	p.open(t)
	text, err := os.ReadFile(p.local)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(p.local); info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, expected 0600", info.Mode())
	}
	secret := strings.TrimSpace(string(text))
	s := p.open(t)
	if found, err := s.Find(secret); err != nil || found.Role != Admin {
		t.Fatalf("Find = %+v, %v, expected an admin", found, err)
	}
	if err := s.Revoke(Local); !errors.Is(err, ErrInvalid) {
		t.Errorf("Revoke = %v, expected ErrInvalid", err)
	}
	if _, _, err := s.Add(Local, Read, nil, 0); !errors.Is(err, ErrExists) {
		t.Errorf("Add = %v, expected ErrExists", err)
	}
	os.Remove(p.local)
	if _, err := p.open(t).Find(secret); !errors.Is(err, ErrUnknown) {
		t.Errorf("after its file was removed: %v, expected ErrUnknown", err)
	}
	os.WriteFile(p.local, []byte("my own\n"), 0o600)
	if found, err := p.open(t).Find("my own"); err != nil || found.Name != Local {
		t.Errorf("a token of the operator's: %+v, %v", found, err)
	}
	os.WriteFile(p.local, []byte("\n"), 0o600)
	if _, err := Open(p.file, p.local, time.Now); err == nil {
		t.Error("an empty token was taken")
	}
}

func TestRefused(t *testing.T) {
	p := newPlace(t)
	s := p.open(t)
	for _, name := range []string{"", "a b", "a\nb", strings.Repeat("a", 65), "ü", ".", "..", "-a"} {
		if _, _, err := s.Add(name, Read, nil, 0); !errors.Is(err, ErrInvalid) {
			t.Errorf("Add(%q) = %v, expected ErrInvalid", name, err)
		}
	}
	if _, _, err := s.Add("a", Read, nil, -1); !errors.Is(err, ErrInvalid) {
		t.Errorf("a life below 0: %v, expected ErrInvalid", err)
	}
	if _, err := ParseRole("root"); !errors.Is(err, ErrInvalid) {
		t.Errorf("ParseRole = %v, expected ErrInvalid", err)
	}
	if _, err := s.Find(""); !errors.Is(err, ErrUnknown) {
		t.Errorf("no secret: %v, expected ErrUnknown", err)
	}
	os.WriteFile(p.file, []byte("{"), 0o600)
	if _, err := Open(p.file, p.local, time.Now); err == nil {
		t.Error("a broken file was taken")
	}
}

func TestMay(t *testing.T) {
	for _, c := range []struct {
		has, need Role
		may       bool
	}{{Read, Read, true}, {Read, Operate, false}, {Operate, Read, true}, {Operate, Admin, false}, {Admin, Operate, true}, {"", Read, false}} {
		if got := c.has.May(c.need); got != c.may {
			t.Errorf("%q may %q: %v, expected %v", c.has, c.need, got, c.may)
		}
	}
}
