package repo

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// tool packs with the program that repositories use, so that our decoders are
// held against foreign encoders.
func tool(t *testing.T, plain []byte, argv ...string) []byte {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin = bytes.NewReader(plain)
	packed, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", argv, err)
	}
	return packed
}

func packed(t *testing.T, plain []byte) map[string][]byte {
	t.Helper()
	var gz, zst, lz bytes.Buffer
	zw, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.WriteCloser{gzip.NewWriter(&gz), zw, lz4.NewWriter(&lz)} {
		if _, err := w.Write(plain); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return map[string][]byte{
		".gz": gz.Bytes(), ".zst": zst.Bytes(), ".lz4": lz.Bytes(),
		".xz":  tool(t, plain, "xz", "-9", "-c"),
		".bz2": tool(t, plain, "bzip2", "-c"),
	}
}

func unpack(name string, data []byte, limit int64) ([]byte, error) {
	r, err := decompress(name, bytes.NewReader(data), limit)
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(r)
	return plain, errors.Join(err, r.Close())
}

func TestDecompress(t *testing.T) {
	plain := []byte(strings.Repeat("Package: hello\nVersion: 2.10\n\n", 5000))
	for ext, data := range packed(t, plain) {
		for _, whole := range [][]byte{data, append(bytes.Clone(data), data...)} {
			want := bytes.Repeat(plain, len(whole)/len(data))
			got, err := unpack("Packages"+ext, whole, MaxDecompressed)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, %v; want %d", ext, len(got), err, len(want))
			}
		}
		for _, cut := range []int{1, len(data) / 2, len(data) - 1} {
			if _, err := unpack("Packages"+ext, data[:cut], MaxDecompressed); err == nil {
				t.Errorf("%s cut to %d of %d bytes unpacks without an error", ext, cut, len(data))
			}
		}
		if _, err := unpack("Packages"+ext, []byte("<!DOCTYPE html><html>nothing of the kind</html>"), MaxDecompressed); err == nil {
			t.Errorf("%s takes a web page", ext)
		}
	}
	got, err := unpack("Packages", plain, MaxDecompressed)
	if err != nil || !bytes.Equal(got, plain) {
		t.Errorf("plain: %d bytes, %v", len(got), err)
	}
}

func TestDecompressEndsABomb(t *testing.T) {
	const limit = 1 << 20
	bomb := packed(t, make([]byte, 8<<20))
	bomb[""] = make([]byte, limit+1)
	for ext, data := range bomb {
		got, err := unpack("Packages"+ext, data, limit)
		if !errors.Is(err, ErrTooLarge) || len(got) != limit {
			t.Errorf("%q: %d bytes from %d, %v; want %d and ErrTooLarge", ext, len(got), len(data), err, limit)
		}
	}
	if got, err := unpack("Packages", make([]byte, limit), limit); err != nil || len(got) != limit {
		t.Errorf("a stream of just the limit: %d bytes, %v", len(got), err)
	}
}

func TestTrimCompression(t *testing.T) {
	for in, want := range map[string]string{
		"Packages.xz": "Packages", "Packages.gz": "Packages", "a/Sources.zst": "a/Sources", "Packages.bz2": "Packages",
		"Packages.lz4": "Packages", "Packages": "Packages", "Packages.diff": "Packages.diff", "a.xz/b": "a.xz/b", "SHA256SUMS": "SHA256SUMS",
	} {
		if got := TrimCompression(in); got != want {
			t.Errorf("TrimCompression(%q) = %q, want %q", in, got, want)
		}
	}
}
