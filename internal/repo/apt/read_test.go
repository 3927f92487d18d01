package apt

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"mirrord/internal/repo"
)

// read gives what an index vouches for as "path size digest".
func read(t *testing.T, name, text string) []string {
	t.Helper()
	var got []string
	err := Adapter{}.Read(name, strings.NewReader(text), func(ref repo.Ref) error {
		got = append(got, fmt.Sprint(ref.Path, " ", ref.Size, " ", ref.Digest))
		return nil
	})
	if err != nil {
		t.Fatalf("Read(%q): %v", name, err)
	}
	return got
}

func packageText(filename string) string {
	return "Package: x\nFilename: " + filename + "\nSize: 7\nSHA256: " + hash256 + "\n\n"
}

func TestReadPackages(t *testing.T) {
	const end = " 7 sha256:" + hash256
	for _, tc := range []struct{ name, filename, want string }{
		{"dists/bookworm/main/binary-amd64/Packages", "pool/main/h/hello/hello_2.10_amd64.deb", "pool/main/h/hello/hello_2.10_amd64.deb"},
		{"dists/buster/updates/main/binary-amd64/Packages", "pool/updates/main/o/openssl/openssl_1_amd64.deb", "pool/updates/main/o/openssl/openssl_1_amd64.deb"},
		{"debian-security/dists/bookworm-security/main/binary-amd64/Packages", "pool/a.deb", "debian-security/pool/a.deb"},
		{"ubuntu/dists/jammy/universe/binary-arm64/Packages", "./pool//a_1%3a2.deb", "ubuntu/pool/a_1%3a2.deb"},
		{"ubuntu/dists/jammy/main/binary-amd64/Packages", "ubuntu/pool/a.deb", "ubuntu/ubuntu/pool/a.deb"},
		{"Packages", "./a.deb", "a.deb"},
		{"Debian_12/Packages", "./amd64/a.deb", "Debian_12/amd64/a.deb"},
		{"core:/v1.30/deb/Packages", "amd64/a.deb", "core:/v1.30/deb/amd64/a.deb"},
		{"jenkins/binary/Packages", "binary/a.deb", "jenkins/binary/binary/a.deb,jenkins/binary/a.deb"},
		{"a/b/c/Packages", "b/c/d/a.deb", "a/b/c/b/c/d/a.deb,a/b/c/d/a.deb"},
		{"a/bc/Packages", "c/a.deb", "a/bc/c/a.deb"},
		{"binary/Packages", "binary/a.deb", "binary/binary/a.deb,binary/a.deb"},
		{"x/Packages", "../a.deb", ""},
		{"x/Packages", "/a.deb", ""},
		{"x/Packages", "a/../../b.deb", ""},
		{"x/Packages", "pool/", ""},
		{"x/Packages", "a\\b.deb", ""},
	} {
		var want []string
		for path := range strings.SplitSeq(tc.want, ",") {
			if path != "" {
				want = append(want, path+end)
			}
		}
		if got := read(t, tc.name, packageText(tc.filename)); !slices.Equal(got, want) {
			t.Errorf("%s, %s: %q, want %q", tc.name, tc.filename, got, want)
		}
	}
}

func TestReadPackagesStanzas(t *testing.T) {
	text := "\n \n# a comment\n" +
		"package: long\nDepends: " + strings.Repeat("libx (>= 1), ", 10000) + "\nFILENAME: a\nsize: 1\nsha256: " + strings.ToUpper(hash256) + "\n" +
		"Description: of two lines\n Filename: not this\n .\n  " + strings.Repeat("x", lineBuffer) + "\nProvides: last\n\n\n" +
		"Filename: b\r\nSize: 2\r\nSHA512: " + hash256 + hash256 + "\r\n\r\n" +
		"Filename: both\nSize: 3\nSHA512: " + hash256 + hash256 + "\nSHA256: " + hash256 + "\n\n" +
		"Filename: weak\nSize: 4\nMD5sum: " + hash256[:32] + "\n\n" +
		"Filename: no size\nSHA256: " + hash256 + "\n\n" +
		"Filename: negative\nSize: -5\nSHA256: " + hash256 + "\n\n" +
		"Filename: absurd\nSize: 9999999999999999\nSHA256: " + hash256 + "\n\n" +
		"Filename: short\nSize: 6\nSHA256: " + hash256[1:] + "\n\n" +
		"Size: 7\nSHA256: " + hash256 + "\n\n" +
		"Filename: last\nSize: 8\nSHA256: " + hash256
	want := []string{"a 1 sha256:" + hash256, "b 2 sha512:" + hash256 + hash256, "both 3 sha256:" + hash256, "last 8 sha256:" + hash256}
	if got := read(t, "Packages", text); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestReadSources(t *testing.T) {
	text := `Package: hello
Format: 3.0 (quilt)
Files:
 d41d8cd98f00b204e9800998ecf8427e 9 hello_md5.dsc
Checksums-Sha256:
 ` + hash256 + ` 10 hello_2.10-3.dsc
 ` + hash256 + ` 725946 hello_2.10.orig.tar.gz
Directory: pool/main/h/hello
Package-List: 
 hello deb devel optional arch=any

Directory: pool/s
Checksums-Sha512:
 ` + hash256 + hash256 + ` 11 s.dsc
 nonsense

Directory: ../up
Checksums-Sha256:
 ` + hash256 + ` 12 up.dsc
`
	got := read(t, "x/dists/bookworm/main/source/Sources", text)
	want := []string{
		"x/pool/main/h/hello/hello_2.10-3.dsc 10 sha256:" + hash256,
		"x/pool/main/h/hello/hello_2.10.orig.tar.gz 725946 sha256:" + hash256,
		"x/pool/s/s.dsc 11 sha512:" + hash256 + hash256,
	}
	if !slices.Equal(got, want) {
		t.Errorf("suite: %q, want %q", got, want)
	}
	flat := "Directory: src\nChecksums-Sha256:\n " + hash256 + " 1 a.dsc\n\nChecksums-Sha256:\n " + hash256 + " 2 b.dsc\n\n" +
		"Checksums-Sha256:\n " + hash256 + " 3 c.dsc\nDirectory: .\n"
	want = []string{"src/src/a.dsc 1 sha256:" + hash256, "src/a.dsc 1 sha256:" + hash256, "src/b.dsc 2 sha256:" + hash256, "src/c.dsc 3 sha256:" + hash256}
	if got := read(t, "src/Sources", flat); !slices.Equal(got, want) {
		t.Errorf("flat: %q, want %q", got, want)
	}
}

func TestReadSourcesLimitsFiles(t *testing.T) {
	text := "Checksums-Sha256:\n" + strings.Repeat(" "+hash256+" 1 a\n", maxFiles+1)
	err := Adapter{}.Read("Sources", strings.NewReader(text), func(repo.Ref) error { return nil })
	if !errors.Is(err, repo.ErrFormat) {
		t.Errorf("got %v", err)
	}
}

func TestReadDiffIndex(t *testing.T) {
	text := `SHA256-Current: ` + hash256 + ` 46000000
SHA256-History:
 ` + hash256 + ` 45000000 T-1-F-0
SHA256-Patches:
 ` + hash256 + ` 300 T-1-F-0
SHA256-Download:
 ` + hash256 + ` 100 T-1-F-0.gz
SHA1-Download:
 da39a3ee5e6b4b0d3255bfef95601890afd80709 100 T-1-F-0.gz
X-Patch-Precedence: merged
`
	dir := "dists/sid/main/binary-amd64/Packages.diff"
	want := []string{dir + "/T-1-F-0 300 sha256:" + hash256, dir + "/T-1-F-0.gz 100 sha256:" + hash256}
	if got := read(t, dir+"/Index", text); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReadSums(t *testing.T) {
	dir := "dists/bookworm/main/installer-amd64/current/images"
	text := hash256 + "  ./netboot/netboot.tar.gz\n" + hash256 + " *MANIFEST\n\n" + hash256 + "  ../../up\n"
	want := []string{dir + "/netboot/netboot.tar.gz -1 sha256:" + hash256, dir + "/MANIFEST -1 sha256:" + hash256}
	if got := read(t, dir+"/SHA256SUMS", text); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReadRefuses(t *testing.T) {
	stop := errors.New("stop")
	for _, tc := range []struct {
		name, text string
		want       error
	}{
		{"Packages", "<!DOCTYPE html>\n<html></html>\n", repo.ErrFormat},
		{"Packages", " begins with a continuation\n", repo.ErrFormat},
		{"Packages", "no colon here\n", repo.ErrFormat},
		{"Packages", ": no name\n", repo.ErrFormat},
		{"Packages", "Filename: " + strings.Repeat("a", lineBuffer) + "\n", repo.ErrFormat},
		{"Packages.gz", "Filename: not packed\n", gzip.ErrHeader},
		{"x/SHA256SUMS", "<html>\n", repo.ErrFormat},
		{"x/SHA256SUMS", hash256 + "  " + strings.Repeat("a", 1<<20), repo.ErrFormat},
		{"Contents-amd64", "bin/ls utils/coreutils\n", errNoList},
		{"Index", "SHA256-Download:\n", errNoList},
		{"Packages", packageText("a"), stop},
		{"Sources", "Checksums-Sha256:\n " + hash256 + " 1 a\n", stop},
		{"x.diff/Index", "SHA256-Download:\n " + hash256 + " 1 a\n", stop},
		{"x/SHA256SUMS", hash256 + "  a\n", stop},
	} {
		err := Adapter{}.Read(tc.name, strings.NewReader(tc.text), func(repo.Ref) error { return stop })
		if !errors.Is(err, tc.want) {
			t.Errorf("Read(%q, %.20q) = %v, want %v", tc.name, tc.text, err, tc.want)
		}
	}
	for _, name := range []string{"Packages", "Sources", "x.diff/Index", "x/SHA256SUMS"} {
		broken := iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("Field: value\n")))
		if err := (Adapter{}).Read(name, broken, func(repo.Ref) error { return nil }); !errors.Is(err, iotest.ErrTimeout) {
			t.Errorf("Read(%q) of a broken stream = %v", name, err)
		}
	}
}

func TestReadUnpacks(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	io.WriteString(w, packageText("pool/a.deb"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, "dists/x/main/binary-amd64/Packages.gz", packed.String()); len(got) != 1 {
		t.Errorf("got %q", got)
	}
	cut := packed.Bytes()[:packed.Len()-4]
	if err := (Adapter{}).Read("Packages.gz", bytes.NewReader(cut), func(repo.Ref) error { return nil }); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a cut index: %v", err)
	}
}

// BenchmarkReadPackages reads a Packages file of 50 MB, like that of Debian's
// main, without compression.
func BenchmarkReadPackages(b *testing.B) {
	var text bytes.Buffer
	for i := 0; text.Len() < 50<<20; i++ {
		fmt.Fprintf(&text, "Package: package-%d\nSource: source\nVersion: 1.2.%d-3\nInstalled-Size: %d\nMaintainer: Some Team <team@example.org>\n", i, i, i)
		fmt.Fprintf(&text, "Architecture: amd64\nDepends: %s\nDescription: a package of ordinary size\n", strings.Repeat("libsomething1 (>= 1.2.3), ", 10))
		fmt.Fprintf(&text, "Homepage: https://example.org/package\nTag: implemented-in::c, interface::commandline,\n role::program, use::searching\nSection: utils\nPriority: optional\n")
		fmt.Fprintf(&text, "Filename: pool/main/p/package/package-%d_1.2.%d-3_amd64.deb\nSize: %d\nMD5sum: %s\nSHA256: %s\n\n", i, i, i, hash256[:32], hash256)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		refs := 0
		err := Adapter{}.Read("dists/x/main/binary-amd64/Packages", bytes.NewReader(text.Bytes()), func(repo.Ref) error {
			refs++
			return nil
		})
		if err != nil || refs == 0 {
			b.Fatal(refs, err)
		}
		b.ReportMetric(float64(refs), "refs")
	}
}
