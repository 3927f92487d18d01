package admin

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// TestPurge: what is purged is fetched again, and nothing else.
func TestPurge(t *testing.T) {
	s := newSite(t, "")
	s.wants("would purge 1 object, 0.3 MB", "purge", "debian/"+hello, "--dry-run")
	if _, how := s.gets("debian/" + hello); !strings.Contains(how, "hit") {
		t.Errorf("after a dry run: %s", how)
	}
	s.wants("purged 1 object, 0.3 MB", "purge", "debian/"+hello)
	if _, how := s.gets("debian/" + hello); !strings.Contains(how, "fwd=miss") {
		t.Errorf("after a purge: %s", how)
	}
	if _, how := s.gets("debian/" + world); !strings.Contains(how, "hit") {
		t.Errorf("another: %s", how)
	}
	s.wants("purged 2 objects", "purge", "debian/pool/")
	s.wants("purged 0 objects", "purge", "debian/pool/*.deb")
	s.gets("debian/" + hello)
	s.wants("purged 1 object", "purge", "debian/**/hello*")
	s.put("files/a.iso", []byte("second"))
	if body, _ := s.gets("files/a.iso"); body != "first" {
		t.Errorf("before the purge the file is %q", body)
	}
	if status, got := s.api("PURGE", "/files/a.iso", s.token(), ""); status != 200 || got["matched"] != 1.0 || got["bytes"] != 5.0 {
		t.Errorf("PURGE: %d %v", status, got)
	}
	if body, _ := s.gets("files/a.iso"); body != "second" {
		t.Errorf("after the purge the file is %q", body)
	}
	s.wants("purged 1 object", "purge", "files")
	s.wants("purged 2 objects", "purge", "debian")
	s.m.Stop()
	s.m.Fsck(t)
}

// TestRefresh: upstream changed, unchanged, gone and down; and rot that heals without
// a restart.
func TestRefresh(t *testing.T) {
	s := newSite(t, "")
	s.wants("unchanged files/a.iso", "refresh", "files/a.iso")
	s.put("files/a.iso", []byte("second"))
	s.wants("changed   files/a.iso", "refresh", "files/a.iso")
	if body, how := s.gets("files/a.iso"); body != "second" || !strings.Contains(how, "hit") {
		t.Errorf("after the refresh the file is %q, %s", body, how)
	}
	s.wants("unchanged debian/"+rig.ReleasePath, "refresh", "debian/"+rig.ReleasePath)
	s.wants("unchanged debian/dists/stable/", "refresh", "debian")
	s.rot(200 << 10)
	s.asked()
	s.wants("healed    debian/"+world, "refresh", "debian/"+world)
	if got := s.asked(); !slices.Equal(got, []string{"debian/" + world}) {
		t.Errorf("upstream was asked for %q", got)
	}
	if body, _ := s.gets("debian/" + world); body != string(s.tree[world]) {
		t.Error("the healed package is wrong")
	}
	os.Remove(filepath.Join(s.root, "files/a.iso"))
	s.refuses("gone      files/a.iso", "refresh", "files/a.iso")
	s.up.Stop()
	s.refuses("failed    debian/"+rig.ReleasePath, "refresh", "debian/"+rig.ReleasePath)
	s.wants("unchanged debian/"+hello, "refresh", "debian/"+hello)
	s.m.Stop()
	s.m.Fsck(t)
}

// refuses runs a command that ends with 1 and prints want all the same.
func (s *site) refuses(want string, args ...string) {
	s.t.Helper()
	if code, out, errs := s.run(args...); code != 1 || !strings.Contains(out, want) || strings.Count(errs, "\n") != 1 {
		s.t.Errorf("mirrord %s: exit %d, %q, %q, expected 1 and %q", strings.Join(args, " "), code, out, errs, want)
	}
}

// rot changes a byte of the stored object of that size.
func (s *site) rot(size int64) {
	s.t.Helper()
	found := false
	err := filepath.WalkDir(filepath.Join(s.m.Data, "blobs"), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if info, err := e.Info(); err != nil || info.Size() != size {
			return err
		}
		found = true
		if err := os.Chmod(path, 0o640); err != nil {
			return err
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		b := make([]byte, 1)
		f.ReadAt(b, size/2)
		b[0] ^= 1
		_, err = f.WriteAt(b, size/2)
		return err
	})
	if err != nil || !found {
		s.t.Fatalf("no object of %d bytes was changed: %v", size, err)
	}
}

func TestLook(t *testing.T) {
	s := newSite(t, "")
	s.wants("5 objects", "status")
	s.wants(s.up.URL, "status")
	_, out, _ := s.run("objects", "debian/pool/")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 2 || !strings.HasSuffix(lines[0], "debian/"+hello) {
		t.Errorf("objects: %q", out)
	}
	s.wants(`"path":"a.iso"`, "objects", "files", "--json")
	s.wants("would       hit: ", "explain", "/debian/"+hello)
	s.wants("vouched by  "+rig.PackagesPath, "explain", "/debian/"+hello)
	s.wants("would       not-listed: ", "explain", "/debian/dists/stable/main/binary-arm64/Packages")
	s.wants("would       miss: ", "explain", "/debian/pool/none_1.deb")
	s.wants("fresh until ", "explain", "/files/a.iso")
}

func TestKeep(t *testing.T) {
	s := newSite(t, "")
	s.wants("pinned 1 object", "pin", "debian/"+hello)
	s.wants("pinned by   operator", "explain", "/debian/"+hello)
	s.wants("purged 1 object, 0.2 MB; 1 pinned stay", "purge", "debian/pool/")
	s.wants("unpinned 1 object", "unpin", "debian/"+hello)
	s.wants("purged 1 object", "purge", "debian/pool/")
	s.asked()
	s.wants("2 matched, 2 fetched, 0.5 MB", "warm", "/debian/pool/{hello,world}*")
	if got := s.asked(); len(got) != 2 {
		t.Errorf("warm asked upstream for %q", got)
	}
	if _, how := s.gets("debian/" + hello); !strings.Contains(how, "hit") {
		t.Errorf("after warm: %s", how)
	}
	s.wants("dropped 0 objects", "gc")
	s.wants("would drop 0 objects", "gc", "--dry-run")
}

// TestBad: what makes no sense gets one line and its exit code.
func TestBad(t *testing.T) {
	s := newSite(t, "")
	s.fails(2, "a target is missing", "purge")
	s.fails(2, "unexpected argument", "purge", "debian", "files")
	s.fails(1, "404 Not Found: no such repository", "purge", "none/a")
	s.fails(1, "400 Bad Request", "purge", "debian/../x")
	s.fails(2, "more than one path", "refresh", "debian/pool/")
	s.fails(2, `--role "root"`, "token", "add", "x", "--role", "root")
	s.fails(1, "404 Not Found: no token of that name", "token", "revoke", "none")
	s.fails(1, "no token: open", "status", "--token-file", filepath.Join(t.TempDir(), "none"))
	s.m.Stop()
	s.fails(1, "connection refused", "status")
	if code, _, errs := s.runAs(nil, "status", "--server", "http://mirror.example", "--config", s.m.Config); code != 2 || !strings.Contains(errs, "readable on the way") {
		t.Errorf("plain HTTP to another machine: exit %d, %q", code, errs)
	}
}
