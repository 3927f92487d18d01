package flate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	kflate "github.com/klauspost/compress/flate"

	"mirrord/internal/patch"
)

// roundTrip packs a stream, rebuilds it and fails unless it is the same. It
// returns the packed form.
func roundTrip(t testing.TB, stream []byte, old Old, matches []patch.Match) []byte {
	t.Helper()
	content, script := decompose(t, stream)
	var packed, out bytes.Buffer
	if err := Pack(&packed, contentOf(script), contentOf(content), old, matches); err != nil {
		t.Fatal(err)
	}
	if err := Rebuild(&out, bytes.NewReader(packed.Bytes()), contentOf(content), old, matches); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), stream) {
		at := 0
		for at < min(out.Len(), len(stream)) && out.Bytes()[at] == stream[at] {
			at++
		}
		t.Fatalf("%d bytes are rebuilt as %d, other from %d on", len(stream), out.Len(), at)
	}
	return packed.Bytes()
}

// filter is what a program makes of content; the test is skipped where it is not installed.
func filter(t testing.TB, content []byte, command ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(command[0]); err != nil {
		t.Skip("no " + command[0])
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin = bytes.NewReader(content)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// gzip is the deflate stream in what a program makes of content that writes
// gzip without a name.
func gzip(t testing.TB, content []byte, command ...string) []byte {
	t.Helper()
	out := filter(t, content, command...)
	return out[10 : len(out)-8]
}

// zlib is what zlib makes of content at a level and memory level.
func zlib(t testing.TB, content []byte, level, mem int) []byte {
	t.Helper()
	return filter(t, content, "python3", "-c", fmt.Sprintf(`import sys, zlib
c = zlib.compressobj(%d, zlib.DEFLATED, -15, %d)
sys.stdout.buffer.write(c.compress(sys.stdin.buffer.read()) + c.flush())`, level, mem))
}

func goFlate(content []byte, level int) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, level)
	w.Write(content)
	w.Close()
	return out.Bytes()
}

func klauspost(content []byte, level int) []byte {
	var out bytes.Buffer
	w, _ := kflate.NewWriter(&out, level)
	w.Write(content)
	w.Close()
	return out.Bytes()
}

// modelled are the encoders that are foretold without a word.
var modelled = []struct {
	name   string
	stream func(t testing.TB, content []byte, level int) []byte
}{
	{"gzip", func(t testing.TB, b []byte, level int) []byte {
		return gzip(t, b, "gzip", "-n", "-"+strconv.Itoa(level))
	}},
	{"rsyncable", func(t testing.TB, b []byte, level int) []byte {
		return gzip(t, b, "gzip", "-n", "--rsyncable", "-"+strconv.Itoa(level))
	}},
	{"zlib", func(t testing.TB, b []byte, level int) []byte { return zlib(t, b, level, 8) }},
	{"zlib, much memory", func(t testing.TB, b []byte, level int) []byte { return zlib(t, b, level, 9) }},
	{"go", func(t testing.TB, b []byte, level int) []byte { return goFlate(b, max(level, 2)) }},
}

func TestModelledEncodersCostTensOfBytes(t *testing.T) {
	small, large := sample(20_000), sample(600_000)
	for _, e := range modelled {
		t.Run(e.name, func(t *testing.T) {
			for level := 1; level <= 9; level++ {
				if packed := roundTrip(t, e.stream(t, small, level), Old{}, nil); len(packed) > 32 {
					t.Errorf("level %d: a small stream takes %d bytes", level, len(packed))
				}
				if level%3 != 0 {
					continue
				}
				stream := e.stream(t, large, level)
				limit := 96
				if e.name == "rsyncable" { // whether a block needs filling up is not foretold
					limit = len(stream) / 500
				}
				if packed := roundTrip(t, stream, Old{}, nil); len(packed) > limit {
					t.Errorf("level %d: %d bytes take %d, want at most %d", level, len(stream), len(packed), limit)
				}
			}
		})
	}
}

func TestAnyEncoderIsRebuilt(t *testing.T) {
	content := sample(300_000)
	for level := -2; level <= 9; level++ {
		t.Run(fmt.Sprint("klauspost ", level), func(t *testing.T) { roundTrip(t, klauspost(content, level), Old{}, nil) })
		if level < 2 {
			t.Run(fmt.Sprint("go ", level), func(t *testing.T) { roundTrip(t, goFlate(content, level), Old{}, nil) })
		}
	}
	for _, command := range [][]string{
		{"pigz", "-n", "-6"}, {"pigz", "-n", "-11"}, {"pigz", "-n", "-1", "-i"}, {"pigz", "-n", "-6", "-b", "64", "-R"},
		{"libdeflate-gzip", "-1"}, {"libdeflate-gzip", "-6"}, {"libdeflate-gzip", "-12"},
	} {
		t.Run(fmt.Sprint(command), func(t *testing.T) { roundTrip(t, gzip(t, content, command...), Old{}, nil) })
	}
}

func TestZopfliIsRebuilt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "content")
	if err := os.WriteFile(file, sample(100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	roundTrip(t, gzip(t, nil, "zopfli", "-c", "--i1", file), Old{}, nil)
}

func TestOddContents(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	mixed := append(append(append([]byte(nil), sample(100_000)...), noise...), sample(90_000)...)
	far := append(append(append([]byte(nil), noise[:40_000]...), noise[:40_000]...), make([]byte, 300_000)...)
	for name, content := range map[string][]byte{
		"empty": {}, "one byte": {7}, "two": {7, 7}, "three": {1, 2, 3}, "zeros": make([]byte, 200_000),
		"noise": noise, "mixed": mixed, "far": far, "words": []byte("abcabcabcabc"),
	} {
		for _, e := range modelled {
			if e.name == "zlib, much memory" {
				continue
			}
			for _, level := range []int{1, 6} {
				t.Run(fmt.Sprint(name, " ", e.name, " ", level), func(t *testing.T) {
					roundTrip(t, e.stream(t, content, level), Old{}, nil)
				})
			}
		}
		for level := -2; level <= 9; level++ {
			roundTrip(t, goFlate(content, level), Old{}, nil)
			roundTrip(t, klauspost(content, level), Old{}, nil)
		}
	}
}
