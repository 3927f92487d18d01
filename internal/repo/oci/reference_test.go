package oci

import (
	"strings"
	"testing"
)

func isGHCR(s string) bool { return s == "ghcr" }

func TestParseReference(t *testing.T) {
	for _, tc := range []struct {
		in, byDefault string
		want          Reference
	}{
		{"alpine", Hub, Reference{Hub, "library/alpine", "", ""}},
		{"alpine:3", Hub, Reference{Hub, "library/alpine", "3", ""}},
		{"library/alpine:3", Hub, Reference{Hub, "library/alpine", "3", ""}},
		{"docker.io/alpine:3", "quay.io", Reference{Hub, "library/alpine", "3", ""}},
		{"alpine:3", "quay.io", Reference{"quay.io", "alpine", "3", ""}},
		{"a/b/c@" + d256, "quay.io", Reference{"quay.io", "a/b/c", "", d256}},
		{"ghcr.io/a/b:1", "", Reference{"ghcr.io", "a/b", "1", ""}},
		{"ghcr/a/b:1", Hub, Reference{"ghcr", "a/b", "1", ""}},
		{"ghcr:1", Hub, Reference{Hub, "library/ghcr", "1", ""}},
		{"quay/a", Hub, Reference{Hub, "quay/a", "", ""}},
		{"localhost/x", Hub, Reference{"localhost", "x", "", ""}},
		{"localhost:5000", Hub, Reference{Hub, "library/localhost", "5000", ""}},
		{"host:5000/x@" + d512, Hub, Reference{"host:5000", "x", "", d512}},
		{"host:5000/x:1@" + d256, Hub, Reference{"host:5000", "x", "1", d256}},
	} {
		got, err := ParseReference(tc.in, tc.byDefault, isGHCR)
		if err != nil || got != tc.want {
			t.Errorf("ParseReference(%q) = %+v, %v; want %+v", tc.in, got, err, tc.want)
		}
		if again, err := ParseReference(got.String(), "", isGHCR); err != nil || again != got {
			t.Errorf("%q read again is %+v, %v", got.String(), again, err)
		}
	}
	if got, err := ParseReference("ghcr/a", Hub, nil); err != nil || got != (Reference{Hub, "ghcr/a", "", ""}) {
		t.Errorf("with no registry known: %+v, %v", got, err)
	}
}

func TestParseReferenceRefuses(t *testing.T) {
	for _, s := range []string{
		"", ":1", "@" + d256, "/a", "a/", "a//b", "A", "ghcr.io/A", "ghcr.io/", "a:", "a:b:c", "a:.b", "a b", "a\n",
		"a@", "a@sha256:", "a@md5:d41d8cd98f00b204e9800998ecf8427e", "a@" + d256 + "@" + d256, "a@" + d256 + ":1",
		"http://a/b", "a:b/c", "-a.b/c", "user@a.b/c", "[::1]:5000/a", "../a", "a.b/../c",
		strings.Repeat("a", maxName+1), strings.Repeat("a", 10*maxReference), strings.Repeat("a", maxHost) + ".b/c",
	} {
		if got, err := ParseReference(s, Hub, isGHCR); err == nil || got != (Reference{}) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 2*maxReference {
			t.Errorf("ParseReference(%.60q) = %+v, %v", s, got, err)
		}
	}
	if got, err := ParseReference("a/b", "", nil); err == nil {
		t.Errorf("without a default: %+v", got)
	}
}

func FuzzParseReference(f *testing.F) {
	for _, s := range []string{"alpine:3", "ghcr/a/b", "localhost:5000/lib/x:1@" + d256, "docker.io/alpine@" + d512, "a.b/..:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseReference(s, Hub, isGHCR)
		if err != nil {
			if got != (Reference{}) || strings.ContainsAny(err.Error(), "\n\x00") {
				t.Fatalf("%q: %+v, %q", s, got, err)
			}
			return
		}
		name := got.Registry + "/" + got.Repository
		if !wholeName.MatchString(name) || got.Tag != "" && !wholeTag.MatchString(got.Tag) {
			t.Fatalf("%q: the reference implementation refuses %+v", s, got)
		}
		if again, err := ParseReference(got.String(), "", isGHCR); err != nil || again != got {
			t.Fatalf("%q: %+v read again is %+v, %v", s, got, again, err)
		}
	})
}
