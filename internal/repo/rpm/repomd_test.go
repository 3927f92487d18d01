package rpm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/repo"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

func TestRootOfCreaterepo(t *testing.T) {
	text := golden(t, "repomd.xml")
	got, err := Adapter{}.Root(os40, map[string][]byte{repomd: text})
	if err != nil || len(got.Refs) != 7 || got.ID != digest.Of(text) || !got.Complete || got.ByHash {
		t.Fatalf("%+v, %v", got, err)
	}
	want := repo.Ref{Path: os40 + "/repodata/" + sum256 + "-primary.xml.xz", Size: 836, Digest: "sha256:" + sum256}
	if fmt.Sprint(got.Refs[0]) != fmt.Sprint(want) {
		t.Errorf("%+v, want %+v", got.Refs[0], want)
	}
	if !got.Date.Equal(time.Unix(1795464126, 0)) {
		t.Errorf("Date = %v", got.Date)
	}
}

// data is one element of a repomd.xml.
func data(inner string) string { return "<data>" + inner + "</data>" }

const (
	sumElement = `<checksum type="sha256">` + sum256 + `</checksum>`
	location   = `<location href="repodata/primary.xml.gz"/>`
)

func repomdOf(elements ...string) map[string][]byte {
	return map[string][]byte{repomd: []byte("<repomd>" + strings.Join(elements, "") + "</repomd>")}
}

// TestRepomd: what is listed of which forms of an element data, as "path size digest" or
// "path unchecked".
func TestRepomd(t *testing.T) {
	const path, ok, unchecked = "os/repodata/primary.xml.gz", " sha256:" + sum256, "os/repodata/primary.xml.gz unchecked"
	sum512 := sum256 + sum256
	for name, tc := range map[string]struct{ inner, want string }{
		"all":               {sumElement + location + "<size>7</size><open-size>9</open-size><open-checksum type='sha256'>x</open-checksum>", path + " 7" + ok},
		"zchunk":            {sumElement + "<header-checksum type='sha256'>x</header-checksum><header-size>2</header-size>" + location + "<size>7</size>", path + " 7" + ok},
		"no size":           {sumElement + location, path + " -1" + ok},
		"an empty size":     {sumElement + location + "<size/>", path + " -1" + ok},
		"sha512":            {"<checksum type='sha512'>" + sum512 + "</checksum>" + location, path + " -1 sha512:" + sum512},
		"upper case, space": {"<checksum type='SHA256'>\n " + strings.ToUpper(sum256) + " </checksum>" + location, path + " -1" + ok},
		"a prefix":          {"<r:checksum type='sha256'>" + sum256 + "</r:checksum>" + location, path + " -1" + ok},
		"references":        {sumElement + `<location href="repodata/a&amp;b&#45;&#x43;.xml"/>`, "os/repodata/a&b-C.xml -1" + ok},
		"CDATA, a comment":  {"<checksum type='sha256'><![CDATA[" + sum256[:9] + "]]><!-- > -->" + sum256[9:] + "</checksum>" + location, path + " -1" + ok},
		"a > in a value":    {sumElement + `<location x='">' href="repodata/a>b"/>`, "os/repodata/a>b -1" + ok},
		"sha":               {"<checksum type='sha'>" + sum256[:40] + "</checksum>" + location, unchecked},
		"sha1":              {"<checksum type='sha1'>" + sum256[:40] + "</checksum>" + location, unchecked},
		"sha224":            {"<checksum type='sha224'>" + sum256[:56] + "</checksum>" + location, unchecked},
		"no sum":            {location, unchecked},
		"a short sum":       {"<checksum type='sha256'>" + sum256[1:] + "</checksum>" + location, unchecked},
		"no location":       {sumElement, ""},
		"elsewhere":         {sumElement + `<location xml:base="http://example.org/" href="repodata/primary.xml.gz"/>`, ""},
		"absolute":          {sumElement + `<location href="/os/repodata/primary.xml.gz"/>`, ""},
		"a URL":             {sumElement + `<location href="http://example.org/repodata/primary.xml.gz"/>`, ""},
		"upwards":           {sumElement + `<location href="../os/repodata/primary.xml.gz"/>`, ""},
		"not below":         {sumElement + `<location href="primary.xml.gz"/>`, ""},
		"of another root":   {sumElement + `<location href="repodata/x/repodata/primary.xml.gz"/>`, ""},
		"a negative size":   {sumElement + location + "<size>-1</size>", unchecked},
		"an absurd size":    {sumElement + location + "<size>99999999999999</size>", unchecked},
		"an odd size":       {sumElement + location + "<size>7 MB</size>", unchecked},
	} {
		const other = `<checksum type="sha256">` + sum256 + `</checksum><location href="repodata/other"/>`
		listing, err := Adapter{}.Root("os", repomdOf(data(other), data(tc.inner)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := ""
		for _, ref := range listing.Refs[1:] {
			got = fmt.Sprint(ref.Path, " ", ref.Size, " ", ref.Digest)
		}
		for _, path := range listing.Unchecked {
			got += path + " unchecked"
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestRepomdDates(t *testing.T) {
	for text, want := range map[string]int64{
		"1795464126": 1795464126, "1290468372.37": 1290468372, "0": 0, "": 0, "soon": 0, "1795464126000": 0, "-1795464126": 0,
	} {
		listing, err := Adapter{}.Root("", repomdOf(data(sumElement+location+"<timestamp>"+text+"</timestamp>")))
		if err != nil || listing.Date.IsZero() != (want == 0) || want != 0 && listing.Date.Unix() != want {
			t.Errorf("%q is %v, %v", text, listing.Date, err)
		}
	}
	listing, err := Adapter{}.Root("", repomdOf(data(sumElement+location+"<timestamp>1795464126</timestamp>"), data("<timestamp>1795464120</timestamp>")))
	if err != nil || listing.Date.Unix() != 1795464126 {
		t.Errorf("the newest of two is %v, %v", listing.Date, err)
	}
}

func TestRootRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string][]byte
		want  error
	}{
		"nothing":              {nil, repo.ErrIncoherent},
		"a signature alone":    {map[string][]byte{repomdAsc: []byte("x")}, repo.ErrIncoherent},
		"an empty file":        {map[string][]byte{repomd: {}}, io.ErrUnexpectedEOF},
		"a web page":           {map[string][]byte{repomd: []byte("<!DOCTYPE html>\n<html><body>Please log in</body></html>\n")}, repo.ErrFormat},
		"another web page":     {map[string][]byte{repomd: []byte("<html><body>Please log in</body></html>\n")}, repo.ErrFormat},
		"text":                 {map[string][]byte{repomd: []byte("Please log in")}, repo.ErrFormat},
		"text before it":       {map[string][]byte{repomd: append([]byte("x"), repomdOf()[repomd]...)}, repo.ErrFormat},
		"half":                 {map[string][]byte{repomd: golden(t, "repomd.xml")[:700]}, io.ErrUnexpectedEOF},
		"crossed elements":     {repomdOf("<data><checksum></data></checksum>"), repo.ErrFormat},
		"two documents":        {map[string][]byte{repomd: []byte("<repomd/><repomd/>")}, repo.ErrFormat},
		"an unknown reference": {repomdOf(data(`<location href="repodata/&lol;"/>`)), repo.ErrFormat},
		"a value unquoted":     {repomdOf(data("<location href=x/>")), repo.ErrFormat},
		"no metadata":          {repomdOf(), repo.ErrFormat},
		"none of its own":      {repomdOf(data(sumElement + `<location href="../repodata/x"/>`)), repo.ErrFormat},
		"listed twice":         {repomdOf(data(sumElement+location), data(sumElement+location+"<size>1</size>")), repo.ErrFormat},
		"too deep":             {repomdOf(strings.Repeat("<data>", maxDepth)), repo.ErrTooLarge},
		"a long text":          {repomdOf(data("<checksum>" + strings.Repeat("0", maxText+1) + "</checksum>")), repo.ErrTooLarge},
		"a long tag":           {repomdOf("<data " + strings.Repeat("x", tagBuffer) + "/>"), repo.ErrTooLarge},
		"a long tag in parts":  {repomdOf("<data " + strings.Repeat(`x="0123>" `, tagBuffer/10) + "/>"), repo.ErrTooLarge},
		"a huge file":          {map[string][]byte{repomd: make([]byte, maxRepomd+1)}, repo.ErrTooLarge},
		"a huge signature":     {map[string][]byte{repomd: golden(t, "repomd.xml"), repomdAsc: make([]byte, maxSignature+1)}, repo.ErrTooLarge},
		"a web page as .asc":   {map[string][]byte{repomd: golden(t, "repomd.xml"), repomdAsc: []byte("<html>")}, repo.ErrFormat},
	} {
		if got, err := (Adapter{}).Root("x", tc.files); !errors.Is(err, tc.want) {
			t.Errorf("%s: %+v, %v; want %v", name, got, err, tc.want)
		}
	}
}

// TestRootLooksAtTheSignature: one that was made for another repomd.xml is no pair.
func TestRootLooksAtTheSignature(t *testing.T) {
	key, err := openpgp.NewEntity("test", "", "test@example.org", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
	if err != nil {
		t.Fatal(err)
	}
	text := golden(t, "repomd.xml")
	var signature bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&signature, key, bytes.NewReader(text), nil); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{repomd: text, repomdAsc: signature.Bytes()}
	pair, err := Adapter{}.Root("", files)
	if err != nil {
		t.Fatal(err)
	}
	if alone, err := (Adapter{}).Root("", map[string][]byte{repomd: text}); err != nil || alone.ID != pair.ID {
		t.Errorf("without its signature: %v, %v", alone.ID, err)
	}
	files[repomd] = bytes.Replace(text, []byte("1795464126"), []byte("1795464127"), 1)
	if got, err := (Adapter{}).Root("", files); !errors.Is(err, repo.ErrIncoherent) {
		t.Errorf("%+v, %v; want ErrIncoherent", got, err)
	}
}
