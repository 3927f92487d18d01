package rpm

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"mirrord/internal/repo"

	"github.com/klauspost/compress/zstd"
)

// read gives what an index vouches for as "path size digest".
func read(t *testing.T, name string, text []byte) ([]string, error) {
	t.Helper()
	var got []string
	err := Adapter{}.Read(name, bytes.NewReader(text), func(ref repo.Ref) error {
		checkRef(t, ref)
		got = append(got, fmt.Sprint(ref.Path, " ", ref.Size, " ", ref.Digest))
		return nil
	})
	return got, err
}

func TestReadOfCreaterepo(t *testing.T) {
	for _, tc := range []struct {
		index string
		want  []string
	}{
		{"primary.xml", []string{
			"/Packages/hello-1.0^20240101git-1.noarch.rpm 6438 sha256:5d481da43053c09c3ea7e33c9cad2a1344a1f531f93d3035a032c1c10572a48b",
			"/Packages/hello-2.0-1.noarch.rpm 6352 sha256:5a87be5ce76c6dce4871bfa1ba29d429f923ff96ae12843609cfb2509f0e4fee",
			"/Packages/tools+extra-2~rc1-1.noarch.rpm 6439 sha256:6f7c3e618244a42947ef7ec6a10c221d631afb8e1794328e15870e90dff4b706",
		}},
		{"prestodelta.xml", []string{
			"/drpms/hello-1.0^20240101git-1_2.0-1.noarch.drpm 2354 sha256:60f72cc8356eeec769e3c84ae78af7501a979b317ca18d0042377f7d7ac8ef6c",
		}},
	} {
		for i := range tc.want {
			tc.want[i] = os40 + tc.want[i]
		}
		got, err := read(t, os40+"/repodata/"+sum256+"-"+tc.index, golden(t, tc.index))
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v,\n%q, want\n%q", tc.index, err, got, tc.want)
		}
	}
}

// TestReadPassesOver: an entry that vouches for nothing hides none after it.
func TestReadPassesOver(t *testing.T) {
	const last = sumElement + `<size package="7" installed="9"/><location href="a.rpm"/>`
	for name, inner := range map[string]string{
		"nothing":         "",
		"SHA-1":           `<checksum type="sha1">` + sum256[:40] + `</checksum><location href="b.rpm"/>`,
		"an xml:base":     sumElement + `<location xml:base="https://example.org/x" href="b.rpm"/>`,
		"upwards":         sumElement + `<location href="../b.rpm"/>`,
		"absolute":        sumElement + `<location href="/b.rpm"/>`,
		"a URL":           sumElement + `<location href="https://example.org/b.rpm"/>`,
		"a size too much": sumElement + `<size package="1e9"/><location href="b.rpm"/>`,
		"a sum of a file": `<format><checksum type="sha256">` + sum256 + `</checksum></format><location href="b.rpm"/>`,
	} {
		text := "<metadata><package>" + inner + "</package><package>" + last + "</package></metadata>"
		got, err := read(t, "repodata/primary.xml", []byte(text))
		if err != nil || !slices.Equal(got, []string{"a.rpm 7 sha256:" + sum256}) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestReadOfSUSE(t *testing.T) {
	text := "<deltainfo><newpackage><delta><filename>x86_64/a.drpm</filename><size>7</size>" + sumElement + "</delta></newpackage></deltainfo>"
	got, err := read(t, "oss/repodata/deltainfo.xml", []byte(text))
	if err != nil || !slices.Equal(got, []string{"oss/x86_64/a.drpm 7 sha256:" + sum256}) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestReadRefuses(t *testing.T) {
	primary := golden(t, "primary.xml")
	for name, tc := range map[string]struct {
		path string
		text []byte
		want error
	}{
		"filelists":         {"repodata/filelists.xml", primary, errNoList},
		"a package":         {"Packages/a.rpm", primary, errNoList},
		"another kind":      {"repodata/prestodelta.xml", primary, repo.ErrFormat},
		"cut off":           {"repodata/primary.xml", primary[:len(primary)-20], io.ErrUnexpectedEOF},
		"cut off in a tag":  {"repodata/primary.xml", []byte("<metadata><pack"), io.ErrUnexpectedEOF},
		"cut off in a note": {"repodata/primary.xml", []byte("<metadata><!-- "), io.ErrUnexpectedEOF},
		"a document type":   {"repodata/primary.xml", append([]byte(`<!DOCTYPE x [<!ENTITY a "b">]>`), primary...), repo.ErrFormat},
		"not packed":        {"repodata/primary.xml.gz", primary, gzip.ErrHeader},
	} {
		if got, err := read(t, tc.path, tc.text); !errors.Is(err, tc.want) {
			t.Errorf("%s: %q, %v; want %v", name, got, err, tc.want)
		}
	}
	stop := errors.New("enough")
	if err := (Adapter{}).Read("repodata/primary.xml", bytes.NewReader(primary), func(repo.Ref) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the receiver: %v", err)
	}
}

// TestReadEndsABomb: a small file that unpacks to more than the stated limit is read
// up to that.
func TestReadEndsABomb(t *testing.T) {
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	const piece = 64 << 20
	packed := enc.EncodeAll([]byte("<metadata><package><description>"), nil)
	frame := enc.EncodeAll(bytes.Repeat([]byte{'x'}, piece), nil)
	for range repo.MaxDecompressed / piece {
		packed = append(packed, frame...)
	}
	if got, err := read(t, "repodata/primary.xml.zst", packed); !errors.Is(err, repo.ErrTooLarge) {
		t.Errorf("%d bytes packed: %d packages, %v", len(packed), len(got), err)
	}
}

// TestTagsOfBrackets: a tag whose values hold nothing but '>' costs no more than another
// of its length. It took 4 s when each '>' had all before it looked at again, so that
// a file of a GiB, packed into a few MB, would have taken most of a day.
func TestTagsOfBrackets(t *testing.T) {
	start := time.Now()
	for _, quotes := range []string{`""`, `''`, `"'" y=""`} {
		tag := "<a x=" + quotes[:len(quotes)-1] + strings.Repeat(">", tagBuffer-100) + quotes[len(quotes)-1:] + "/>"
		if _, err := read(t, "repodata/primary.xml", []byte("<metadata>"+strings.Repeat(tag, 2)+"</metadata>")); err != nil {
			t.Errorf("%s: %v", quotes, err)
		}
	}
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestReadLimitsEntries(t *testing.T) {
	in := io.MultiReader(strings.NewReader("<metadata>"), &repeated{piece: "<package/>", times: maxEntries + 1})
	err := primaryFormat.read(in, func(*entry) error { return nil })
	if !errors.Is(err, repo.ErrTooLarge) {
		t.Error(err)
	}
}

// repeated reads as its piece so many times.
type repeated struct {
	piece string
	times int
	rest  string
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.rest == "" && r.times == 0 {
		return 0, io.EOF
	}
	if r.rest == "" {
		n := min(r.times, 1000)
		r.rest, r.times = strings.Repeat(r.piece, n), r.times-n
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
