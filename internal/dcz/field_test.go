package dcz

import (
	"errors"
	"strings"
	"testing"

	"mirrord/internal/digest"
)

func TestAvailable(t *testing.T) {
	d := digest.Of([]byte("x"))
	good := ":" + strings.TrimSuffix(strings.TrimPrefix(d.ReprDigest(), "sha-256=:"), ":") + ":"
	for _, field := range []string{good, " " + good, good + "  "} {
		if got, err := Available(field); got != d || err != nil {
			t.Errorf("%q: %s, %v; expected %s", field, got, err, d)
		}
	}
	for _, field := range []string{
		"", ":", "::", good[1:], good[:len(good)-1], good + ";a=1", good + ", " + good, "\t" + good,
		":" + d.Hex() + ":", "sha-256=" + good, ":AAAA:", strings.Replace(good, "=", "", 1),
		":" + strings.Repeat("-", 44) + ":", ":" + strings.Repeat("\n", 44) + ":", ":" + good[1:20] + "\r\n" + good[22:],
	} {
		if got, err := Available(field); !errors.Is(err, ErrField) || got != "" {
			t.Errorf("%q: %s, %v; expected ErrField", field, got, err)
		}
	}
}

func TestAccepts(t *testing.T) {
	for field, want := range map[string]bool{
		"dcz": true, "gzip, br, zstd, dcb, dcz": true, "DCZ": true, "gzip;q=1.0, dcz ; q=0.5": true, "dcz;Q=0.001": true,
		"": false, "*": false, "gzip": false, "dcz;q=0": false, "dcz;q=0.000": false, "dczx": false, "x-dcz": false,
		"dcz;q=": false, "dcz;q=-1": false, "dcz;q=NaN": false, "dcz;level=3": false, "identity;q=1, *;q=0": false,
	} {
		if got := Accepts([]string{field}); got != want {
			t.Errorf("%q: %v", field, got)
		}
	}
	if !Accepts([]string{"gzip", "dcz"}) || Accepts(nil) {
		t.Error("of several fields each counts, and none is none")
	}
}

// FuzzAvailable: what is read is a SHA-256, and is what would be written.
func FuzzAvailable(f *testing.F) {
	f.Add(":pZGm1Av0IEBKARczz7exkNYsZb8LzaMrV7J32a2fFG4=:")
	f.Add("::")
	f.Fuzz(func(t *testing.T, field string) {
		d, err := Available(field)
		if (err == nil) != (d != "") {
			t.Fatalf("%q, %v", d, err)
		}
		if err != nil {
			return
		}
		again, err := Available(strings.TrimPrefix(d.ReprDigest(), "sha-256="))
		if again != d || err != nil || d.Algorithm() != digest.SHA256 || !d.Strong() {
			t.Fatalf("%q is %s, and written again %s, %v", field, d, again, err)
		}
	})
}

// FuzzAccepts: a field that does not name the coding does not mean it.
func FuzzAccepts(f *testing.F) {
	f.Add("gzip, dcz;q=0.5")
	f.Fuzz(func(t *testing.T, field string) {
		if Accepts([]string{field}) && !strings.Contains(strings.ToLower(field), Coding) {
			t.Fatalf("%q", field)
		}
	})
}
