package mirror

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/repo"
	"mirrord/internal/repo/apt"
)

// machinesPackages is the largest Packages that this machine's apt has, and the size of its
// Packages.xz; nil where it has none.
func machinesPackages(b *testing.B) (text []byte, xz int64) {
	const lists = "/var/lib/apt/lists"
	names, _ := filepath.Glob(lists + "/*_Packages*")
	largest := ""
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		r, err := repo.Decompress(name, f)
		if err != nil {
			b.Fatal(err)
		}
		if plain, err := io.ReadAll(r); err == nil && len(plain) > len(text) {
			text, largest = plain, repo.TrimCompression(path.Base(name))
		}
		r.Close()
		f.Close()
	}
	releases, _ := filepath.Glob(lists + "/*_InRelease")
	for _, name := range releases {
		data, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		suite := strings.TrimSuffix(path.Base(name), "InRelease")
		below, ok := strings.CutPrefix(largest, suite)
		listing, err := apt.Adapter{}.Root("", map[string][]byte{"InRelease": data})
		if !ok || err != nil {
			continue
		}
		for _, ref := range listing.Refs {
			if ref.Path == strings.ReplaceAll(below, "_", "/")+".xz" {
				xz = ref.Size
			}
		}
	}
	return text, xz
}

// upgraded gives one stanza in a hundred a new version, as a security update does.
func upgraded(text []byte) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	hex := func(digits int) string {
		sum := sha256.Sum256(fmt.Append(nil, r.Uint64()))
		return fmt.Sprintf("%x", sum)[:digits]
	}
	var out bytes.Buffer
	for stanza := range bytes.SplitAfterSeq(text, []byte("\n\n")) {
		if r.IntN(100) > 0 {
			out.Write(stanza)
			continue
		}
		version := ""
		for line := range strings.Lines(string(stanza)) {
			field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch field {
			case "Version":
				version, value = value, value+"+deb12u1"
			case "Filename":
				_, plain, _ := strings.Cut(":"+version, ":")
				value = strings.Replace(value, plain, plain+"+deb12u1", 1)
			case "Size":
				value = fmt.Sprint(r.IntN(10_000_000))
			case "MD5sum":
				value = hex(32)
			case "SHA256":
				value = hex(64)
			default:
				out.WriteString(line)
				continue
			}
			fmt.Fprintf(&out, "%s: %s\n", field, value)
		}
	}
	return out.Bytes()
}

// BenchmarkDifference makes the difference between the machine's Packages and the same with
// one stanza in a hundred in a new version, from the store to the store.
func BenchmarkDifference(b *testing.B) {
	old, xz := machinesPackages(b)
	if old == nil {
		b.Skip("apt has no Packages here")
	}
	now := upgraded(old)
	h := newHouse(b, 1)
	for _, data := range [][]byte{old, now} {
		if _, err := h.store.Put("deb", data, cache.Meta{}); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(now)))
	for b.Loop() {
		coded, err := h.m.difference(digest.Of(old), digest.Of(now), int64(len(now)))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(coded)), "bytes")
		b.ReportMetric(100*float64(len(coded))/float64(max(xz, 1)), "%ofxz")
	}
	b.StopTimer()
	most, err := os.ReadFile("/proc/self/status")
	if err == nil {
		_, after, _ := strings.Cut(string(most), "VmHWM:")
		peak, _, _ := strings.Cut(after, "kB")
		b.Logf("of %d bytes, at most %s kB resident", len(now), strings.TrimSpace(peak))
	}
}
