package digest

import (
	"errors"
	"testing"
)

const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want Digest
	}{
		{"sha256:" + emptySHA256, Digest("sha256:" + emptySHA256)},
		{"sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", Digest("sha256:" + emptySHA256)},
		{"md5:d41d8cd98f00b204e9800998ecf8427e", "md5:d41d8cd98f00b204e9800998ecf8427e"},
	} {
		got, err := Parse(tc.in)
		if err != nil || got != tc.want {
			t.Errorf("Parse(%q) = %q, %v; want %q", tc.in, got, err, tc.want)
		}
	}
	for _, bad := range []string{"", "sha256", "sha256:", "sha256:ab", "sha3:" + emptySHA256, "sha256:" + emptySHA256[1:] + "g", "sha256:../" + emptySHA256[3:]} {
		if got, err := Parse(bad); !errors.Is(err, ErrSyntax) {
			t.Errorf("Parse(%q) = %q, %v; want ErrSyntax", bad, got, err)
		}
	}
}

func TestOfAndReprDigest(t *testing.T) {
	d := Of(nil)
	if d != Digest("sha256:"+emptySHA256) || !d.Strong() || d.Hex() != emptySHA256 {
		t.Errorf("Of(nil) = %q", d)
	}
	if got, want := d.ReprDigest(), "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"; got != want {
		t.Errorf("ReprDigest = %q, want %q", got, want)
	}
	if Digest("md5:d41d8cd98f00b204e9800998ecf8427e").Strong() {
		t.Error("md5 counts as strong")
	}
}
