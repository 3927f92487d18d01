package delta

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// versions are the directories that an old and a new version of a package are made
// from: most of the files are the same, some have changed a little, one has moved
// with the version, one is new.
func versions(tb testing.TB) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	for v, name := range []string{"old", "new"} {
		write := func(file, text string) {
			path := filepath.Join(dir, name, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				tb.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				tb.Fatal(err)
			}
		}
		for i := range 6 {
			write(fmt.Sprintf("same/%d.txt", i), prose(i, 30_000, 0))
			write(fmt.Sprintf("doc/%d.txt", i), prose(100+i, 30_000, v))
		}
		write(fmt.Sprintf("lib/%d.0.7/module", 5+v), prose(200, 60_000, v))
		write("bin/tool", string(noise(300, 40_000, v)))
		if v == 1 {
			write("added", prose(400, 2_000, 0))
		}
	}
	return dir
}

// prose is text of a seed, in which a version changes a word here and there.
func prose(seed, size, version int) string {
	r, change := rand.New(rand.NewPCG(uint64(seed), 1)), rand.New(rand.NewPCG(uint64(version), uint64(seed)))
	var b strings.Builder
	for b.Len() < size {
		word := fmt.Sprintf("%c%c%x", 'a'+r.IntN(26), 'a'+r.IntN(26), r.IntN(200))
		if version > 0 && change.IntN(500) == 0 {
			word = "changed"
		}
		b.WriteString(word)
		b.WriteByte(" \n"[r.IntN(10)/9])
	}
	return b.String()
}

// noise does not compress; a version changes a byte here and there.
func noise(seed, size, version int) []byte {
	r := rand.New(rand.NewPCG(uint64(seed), 2))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
		if version > 0 && i%1000 == 999 {
			b[i] += byte(version)
		}
	}
	return b
}

// shell runs a command in each of the versions' directories, and gives what it made
// as ../NAME.out, where NAME is also $v, old or new.
func shell(tb testing.TB, dir, command string) (old, new []byte) {
	tb.Helper()
	var out [2][]byte
	for i, v := range []string{"old", "new"} {
		cmd := exec.CommandContext(tb.Context(), "bash", "-euo", "pipefail", "-c", command)
		cmd.Dir, cmd.Env = filepath.Join(dir, v), append(os.Environ(), "v="+v, "HOME="+dir)
		text, err := cmd.CombinedOutput()
		if err != nil {
			tb.Fatalf("%s: %v\n%s", command, err, text)
		}
		if out[i], err = os.ReadFile(filepath.Join(dir, v+".out")); err != nil {
			tb.Fatal(err)
		}
	}
	return out[0], out[1]
}

func contentOf(b []byte) *bytes.Reader { return bytes.NewReader(b) }

// make makes a delta in an empty directory, which it leaves empty.
func makeDelta(tb testing.TB, old, new []byte, o Options) ([]byte, Info) {
	tb.Helper()
	o.Dir = tb.TempDir()
	var d bytes.Buffer
	info, err := Make(tb.Context(), &d, contentOf(old), contentOf(new), o)
	if err != nil {
		tb.Fatal(err)
	}
	isEmpty(tb, o.Dir)
	return d.Bytes(), info
}

// applied is what a delta makes, and whether it failed.
func applied(tb testing.TB, old, delta []byte, o Options) ([]byte, error) {
	tb.Helper()
	o.Dir = tb.TempDir()
	var out bytes.Buffer
	err := Apply(tb.Context(), &out, contentOf(old), contentOf(delta), o)
	isEmpty(tb, o.Dir)
	return out.Bytes(), err
}

func isEmpty(tb testing.TB, dir string) {
	tb.Helper()
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if path != dir {
			tb.Errorf("%s was left behind, %v", path, err)
		}
		return nil
	})
}

// gzipped is b as Go's encoder compresses it at a level.
func goGzipped(tb testing.TB, b []byte, level int) []byte {
	tb.Helper()
	var w bytes.Buffer
	z, err := gzip.NewWriterLevel(&w, level)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := z.Write(b); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return w.Bytes()
}

func goZstded(tb testing.TB, b []byte, level zstd.EncoderLevel) []byte {
	tb.Helper()
	var w bytes.Buffer
	z, err := zstd.NewWriter(&w, zstd.WithEncoderLevel(level))
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := io.Copy(z, bytes.NewReader(b)); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return w.Bytes()
}
