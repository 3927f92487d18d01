package rpm

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"mirrord/internal/repo"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// fedora is how many packages the largest repository of Fedora has, roughly.
const fedora = 60_000

// writePrimary writes a primary.xml of n packages with the fields, the relations and
// the length of Fedora's: about 3 KB for each package.
func writePrimary(w io.Writer, n int) {
	provides := relations(500)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+
		`<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="%d">`+"\n", n)
	for i := range n {
		name := fmt.Sprintf("lib%x-devel", i)
		fmt.Fprintf(w, "<package type=\"rpm\">\n  <name>%s</name>\n  <arch>x86_64</arch>\n  <version epoch=\"0\" ver=\"1.%d\" rel=\"1.fc40\"/>\n", name, i)
		fmt.Fprintf(w, "  <checksum type=\"sha256\" pkgid=\"YES\">%x</checksum>\n", sha256.Sum256([]byte(name)))
		fmt.Fprintf(w, "  <summary>Header files and libraries for &lt;%s&gt;</summary>\n  <description>%s</description>\n", name,
			strings.Repeat("This package contains files that applications &amp; libraries need. ", 8))
		fmt.Fprintf(w, "  <packager>Fedora Project</packager>\n  <url>https://example.org/%s</url>\n  <time file=\"1713000000\" build=\"1712990000\"/>\n", name)
		fmt.Fprintf(w, "  <size package=\"%d\" installed=\"%d\" archive=\"%d\"/>\n  <location href=\"Packages/l/%s-1.%d-1.fc40.x86_64.rpm\"/>\n", i+1000, 3*i, 3*i+400, name, i)
		io.WriteString(w, "  <format>\n    <rpm:license>GPL-2.0-or-later</rpm:license>\n    <rpm:header-range start=\"4504\" end=\"13997\"/>\n    <rpm:provides>\n")
		io.WriteString(w, provides[i%len(provides)])
		fmt.Fprintf(w, "    </rpm:provides>\n    <file>/usr/lib64/pkgconfig/%s.pc</file>\n    <file type=\"dir\">/etc/%s</file>\n  </format>\n</package>\n", name, name)
	}
	io.WriteString(w, "</metadata>\n")
}

// relations gives n different lists of what a package provides.
func relations(n int) []string {
	rnd := rand.New(rand.NewPCG(1, 2))
	lists := make([]string, n)
	for i := range lists {
		for j := range 20 {
			lists[i] += fmt.Sprintf("      <rpm:entry name=\"lib%d.so.%d(GLIBC_2.%d)(64bit)\" flags=\"GE\" epoch=\"0\" ver=\"%d\" rel=\"1.fc40\"/>\n",
				rnd.IntN(9000), j, j, rnd.IntN(90))
		}
	}
	return lists
}

// packedPrimary is writePrimary packed as Fedora does it now (zst) and did (gz).
func packedPrimary(t testing.TB, ext string, n int) (packed []byte, plain int64) {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&out)
	if ext == ".zst" {
		var err error
		if w, err = zstd.NewWriter(&out); err != nil {
			t.Fatal(err)
		}
	}
	c := &counter{Writer: w}
	writePrimary(c, n)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), c.n
}

type counter struct {
	io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.Writer.Write(p)
}

func BenchmarkPrimary(b *testing.B) {
	for _, ext := range []string{".gz", ".zst"} {
		b.Run(ext, func(b *testing.B) {
			packed, plain := packedPrimary(b, ext, fedora)
			b.SetBytes(plain)
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				err := Adapter{}.Read("repodata/primary.xml"+ext, bytes.NewReader(packed), func(repo.Ref) error { n++; return nil })
				if err != nil || n != fedora {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// TestFedoraSized holds the reader to memory that does not grow with the number of
// packages. BenchmarkPrimary measures the time.
func TestFedoraSized(t *testing.T) {
	in, out := io.Pipe()
	defer in.Close()
	go func() {
		w := bufio.NewWriterSize(out, 1<<20)
		writePrimary(w, fedora)
		out.CloseWithError(w.Flush())
	}()
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var most uint64
	n := 0
	err := Adapter{}.Read("repodata/primary.xml", in, func(repo.Ref) error {
		if n++; n%2000 == 0 {
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapInuse)
		}
		return nil
	})
	if err != nil || n != fedora {
		t.Fatalf("%d packages, %v", n, err)
	}
	grown := int64(most) - int64(before.HeapInuse)
	t.Logf("the heap grew by %d MiB", grown>>20)
	if grown > 64<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}
