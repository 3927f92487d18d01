package delta

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// TestContainers: files that the field's tools make are rebuilt to the bit from a
// delta that is much smaller, and what had to be unfolded for that was.
func TestContainers(t *testing.T) {
	dir := versions(t)
	const tar = "tar --sort=name --mtime=@0 -c . "
	deb := func(how string) string {
		return "rm -rf ../p && mkdir ../p ../p/DEBIAN && cp -r . ../p && printf \"Package: p\\nVersion: 1$v\\nArchitecture: all\\nMaintainer: m\\nDescription: d\\n\" > ../p/DEBIAN/control && " +
			"SOURCE_DATE_EPOCH=0 dpkg-deb --root-owner-group " + how + " -b ../p ../$v.out"
	}
	rpm := func(payload string) string {
		return "cat > ../p.spec <<'E'\n" + rpmSpec + "E\nrpmbuild -bb --quiet --build-in-place --define '_topdir '$HOME/top --define '_tmppath '$HOME --define '_binary_payload " + payload +
			"' ../p.spec && mv $HOME/top/RPMS/noarch/*.rpm ../$v.out"
	}
	for _, tc := range []struct {
		name, command string
		most          float64 // of the target's size
		unfolded      string  // the new file's streams
	}{
		{"tar", tar + "> ../$v.out", 0.05, "[]"},
		{"ar", "rm -f ../$v.out; ar rcD ../$v.out doc/* bin/* lib/*/*", 0.05, "[]"},
		{"gzip", tar + "| gzip -9n > ../$v.out", 0.1, "[1 x 1 gzip]"},
		{"members of gzip", "for f in doc/*; do gzip -c $f; done > ../$v.out", 0.1, "[6 x 1 gzip]"},
		{"gzip with padding", "(gzip -nc doc/1.txt; head -c 300 /dev/zero) > ../$v.out", 0.2, "[1 x 1 gzip]"},
		{"xz", tar + "| xz -6 > ../$v.out", 0.3, "[1 x 1 xz]"},
		{"text.xz", "cat doc/* | xz -6e -T2 > ../$v.out", 0.3, "[1 x 1 xz]"},
		{"gz in tar", "gzip -9n doc/*; " + tar + "> ../$v.out; gunzip doc/*", 0.1, "[6 x 1 gzip]"},
		{"gz in tar.xz", "gzip -9n doc/*; " + tar + "| xz > ../$v.out; gunzip doc/*", 0.3, "[1 x 1 xz 6 x 2 gzip]"},
		{"zip", "rm -f ../o.zip; zip -Xqr ../o.zip . && mv ../o.zip ../$v.out", 0.1, "[8 x 1 deflate]"},
		{"jar in zip", "rm -f ../o.zip ../o.jar; (cd doc && zip -Xqr ../../o.jar .) && zip -0Xqr ../o.zip ../o.jar bin && mv ../o.zip ../$v.out", 0.1, "[6 x 1 deflate]"},
		{"deb", deb("-Zxz"), 0.3, "[2 x 1 xz]"},
		{"deb with gzip", deb("-Zgzip"), 0.1, "[2 x 1 gzip]"},
		{"rpm with gzip", rpm("w9.gzdio"), 0.1, "[1 x 1 gzip]"},
		{"rpm with xz", rpm("w2.xzdio"), 0.3, "[1 x 1 xz]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			old, new := shell(t, dir, tc.command)
			roundTrip(t, old, new, tc.most, tc.unfolded)
		})
	}
}

const rpmSpec = `Name: p
Version: 1
Release: 1
Summary: s
License: l
BuildArch: noarch
%description
d
%install
mkdir -p %{buildroot}/usr/share/p
cp -r . %{buildroot}/usr/share/p
%files
/usr/share/p
`

func roundTrip(t *testing.T, old, new []byte, most float64, unfolded string) {
	t.Helper()
	d, info := makeDelta(t, old, new, Options{})
	var streams []string
	count := map[string]int{}
	for _, s := range info.New {
		k := fmt.Sprintf("%d %s", s.Depth, s.Kind)
		if count[k]++; count[k] == 1 {
			streams = append(streams, k)
		}
	}
	for i, k := range streams {
		streams[i] = fmt.Sprintf("%d x %s", count[k], k)
	}
	t.Logf("%d bytes for %d: patch %d, decisions %d, trees %d; %q", len(d), len(new), info.PatchSize, info.PackedSize, info.TreeSize, streams)
	if got := fmt.Sprintf("%s", streams); got != unfolded {
		t.Errorf("unfolded %s, want %s", got, unfolded)
	}
	if share := float64(len(d)) / float64(len(new)); share > most {
		t.Errorf("%.3f of the target, at most %.3f", share, most)
	}
	got, err := applied(t, old, d, Options{})
	if err != nil || !bytes.Equal(got, new) {
		t.Errorf("%d bytes that are equal: %t; %v", len(got), bytes.Equal(got, new), err)
	}
	if info.Size != int64(len(d)) || info.Target.Size != int64(len(new)) || info.Base.Size != int64(len(old)) {
		t.Errorf("%+v", info)
	}
}

// TestGoLevels: a layer that Go's encoder compressed costs what the tar in it does.
func TestGoLevels(t *testing.T) {
	dir := versions(t)
	old, new := shell(t, dir, "tar --sort=name --mtime=@0 -cf ../$v.out .")
	for level := 1; level <= 9; level++ {
		roundTrip(t, goGzipped(t, old, 9), goGzipped(t, new, level), 0.1, fmt.Sprintf("[1 x 1 gzip, Go's encoder at level %d]", level))
	}
}

// TestZstd: a layer that klauspost's encoder compressed is unfolded, of another
// encoder's only what it holds is of use.
func TestZstd(t *testing.T) {
	dir := versions(t)
	const tar = "tar --sort=name --mtime=@0 -c . "
	old, new := shell(t, dir, tar+"> ../$v.out")
	oldZstd, _ := shell(t, dir, tar+"| zstd -19 > ../$v.out")
	for _, level := range []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedDefault, zstd.SpeedBetterCompression} {
		roundTrip(t, goZstded(t, old, level), goZstded(t, new, level), 0.1, fmt.Sprintf("[1 x 1 zstd, klauspost's encoder at level %d]", level))
	}
	roundTrip(t, oldZstd, new, 0.1, "[]")
	roundTrip(t, oldZstd, goZstded(t, new, zstd.SpeedDefault), 0.1, "[1 x 1 zstd, klauspost's encoder at level 2]")
}
