package repo

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCleanPath(t *testing.T) {
	long := strings.Repeat("a", maxSegment)
	for _, tc := range []struct{ in, want string }{
		{"dists/bookworm/InRelease", "dists/bookworm/InRelease"},
		{"/dists//bookworm///InRelease", "dists/bookworm/InRelease"},
		{"./Packages.xz", "Packages.xz"},
		{"/./Packages.xz", "Packages.xz"},
		{"a/./b/%2e/c", "a/b/c"},
		{"pool/main/l/linux/linux_6.1+deb12~1_amd64.deb", "pool/main/l/linux/linux_6.1+deb12~1_amd64.deb"},
		{"pool/main/g/g%2b%2b/g%2B%2B_1_amd64.deb", "pool/main/g/g++/g++_1_amd64.deb"},
		{"pool/foo_1%253a2_all.deb", "pool/foo_1%3a2_all.deb"},
		{"pool/foo_1%252f2_all.deb", "pool/foo_1%2f2_all.deb"},
		{"core:/stable:/v1.30/deb/InRelease", "core:/stable:/v1.30/deb/InRelease"},
		{"caf%C3%A9.deb", "café.deb"},
		{"a/...", "a/..."},
		{"..a/b..", "..a/b.."},
		{long + "/" + long, long + "/" + long},
		{strings.Repeat("a/", maxPath/2-1) + "ab", strings.Repeat("a/", maxPath/2-1) + "ab"},
	} {
		got, err := CleanPath(tc.in)
		if err != nil || got != tc.want {
			t.Errorf("CleanPath(%q) = %q, %v; want %q", tc.in, got, err, tc.want)
		}
	}
}

func TestCleanPathRefuses(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want error
	}{
		{"", ErrNotFile},
		{"/", ErrNotFile},
		{".", ErrNotFile},
		{"dists/", ErrNotFile},
		{"dists/bookworm/.", ErrNotFile},
		{"dists/%2e/", ErrNotFile},
		{"..", ErrBadPath},
		{"../etc/passwd", ErrBadPath},
		{"a/../b", ErrBadPath},
		{"a/..", ErrBadPath},
		{"a/../", ErrBadPath},
		{"a/%2e%2E/b", ErrBadPath},
		{"a/.%2e/b", ErrBadPath},
		{"a%2fb", ErrBadPath},
		{"a%2Fb", ErrBadPath},
		{"..%2f..%2fetc", ErrBadPath},
		{"a%5cb", ErrBadPath},
		{"a%5Cb", ErrBadPath},
		{`a\b`, ErrBadPath},
		{"a%00b", ErrBadPath},
		{"a\x00b", ErrBadPath},
		{"a%0ab", ErrBadPath},
		{"a%7fb", ErrBadPath},
		{"a%c2%85b", ErrBadPath},
		{"a%", ErrBadPath},
		{"a%2", ErrBadPath},
		{"a%zz", ErrBadPath},
		{"a%ff", ErrBadPath},
		{"a\xffb", ErrBadPath},
		{strings.Repeat("a", maxSegment+1), ErrBadPath},
		{strings.Repeat("a/", maxPath/2) + "a", ErrBadPath},
		{strings.Repeat("/", maxPath) + "a", ErrBadPath},
	} {
		if got, err := CleanPath(tc.in); !errors.Is(err, tc.want) {
			t.Errorf("CleanPath(%.40q) = %q, %v; want %v", tc.in, got, err, tc.want)
		}
	}
}

func FuzzCleanPath(f *testing.F) {
	f.Add("dists/bookworm/InRelease")
	f.Fuzz(func(t *testing.T, escaped string) {
		got, err := CleanPath(escaped)
		if err != nil {
			if got != "" || !errors.Is(err, ErrBadPath) && !errors.Is(err, ErrNotFile) {
				t.Fatalf("CleanPath(%q) = %q, %v", escaped, got, err)
			}
			return
		}
		segments := strings.Split(got, "/")
		for _, bad := range []string{"", ".", ".."} {
			if slices.Contains(segments, bad) {
				t.Fatalf("CleanPath(%q) = %q has segment %q", escaped, got, bad)
			}
		}
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\n\r\\") {
			t.Fatalf("CleanPath(%q) = %q", escaped, got)
		}
		again, err := CleanName(got)
		if err != nil || again != got {
			t.Fatalf("not stable: %q then %q, %v", got, again, err)
		}
		escapedAgain := (&url.URL{Path: got}).EscapedPath()
		if len(escapedAgain) > maxPath {
			return
		}
		if again, err = CleanPath(escapedAgain); err != nil || again != got {
			t.Fatalf("%q escaped and cleaned is %q, %v", got, again, err)
		}
	})
}
