package lzma_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"mirrord/internal/patch"
	"mirrord/internal/replay/lzma"
)

// xz compresses with the machine's xz.
func xz(t testing.TB, content []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("xz", append([]string{"-c"}, args...)...)
	cmd.Stdin = bytes.NewReader(content)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("xz %q: %v", args, err)
	}
	return out
}

func needXZ(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("xz"); err != nil {
		t.Skip("no xz here")
	}
}

// decompose gives content and script, and what is left behind the stream.
func decompose(t testing.TB, stream []byte) (content, script, rest []byte) {
	t.Helper()
	var c, s bytes.Buffer
	r := bufio.NewReader(bytes.NewReader(stream))
	if err := lzma.Decompose(r, &c, &s); err != nil {
		t.Fatalf("Decompose: %v", err)
	}
	var left bytes.Buffer
	if _, err := left.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	return c.Bytes(), s.Bytes(), left.Bytes()
}

// likeness is made of what both versions have at the same lines.
func likeness(old, new []byte) (matches []patch.Match) {
	at := map[string]int64{}
	pos := int64(0)
	for line := range strings.Lines(string(old)) {
		at[line] = pos
		pos += int64(len(line))
	}
	pos = 0
	for line := range strings.Lines(string(new)) {
		n := int64(len(line))
		if o, ok := at[line]; ok {
			if last := len(matches) - 1; last >= 0 && matches[last].New+matches[last].Len == pos && matches[last].Old+matches[last].Len == o {
				matches[last].Len += n
			} else {
				matches = append(matches, patch.Match{Old: o, New: pos, Len: n})
			}
		}
		pos += n
	}
	return matches
}

// text is a catalogue of so many stanzas, of which one in every has another
// version where every is not 0.
func text(stanzas, every int) []byte {
	var b bytes.Buffer
	rnd := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("library shared common runtime tools development files data documentation for the of a server client")
	for i := range stanzas {
		version := rnd.IntN(20)
		if every != 0 && i%every == 0 {
			version += 20
		}
		b.WriteString("Package: lib" + words[rnd.IntN(len(words))] + strconv.Itoa(i) + "\nVersion: 1." + strconv.Itoa(version) + "\nDescription:")
		for range 5 + rnd.IntN(20) {
			b.WriteString(" " + words[rnd.IntN(len(words))])
		}
		b.WriteString("\nSHA256: " + strconv.FormatUint(rnd.Uint64(), 16) + strconv.FormatUint(rnd.Uint64(), 16) + "\n\n")
	}
	return b.Bytes()
}

func noise(n int) []byte {
	b := make([]byte, n)
	rnd := rand.NewChaCha8([32]byte{1})
	rnd.Read(b)
	return b
}

func pack(t testing.TB, script, content []byte, old lzma.Old, matches []patch.Match) []byte {
	t.Helper()
	var packed bytes.Buffer
	if err := lzma.Pack(&packed, bytes.NewReader(script), bytes.NewReader(content), old, matches); err != nil {
		t.Fatalf("Pack: %v", err)
	}
	return packed.Bytes()
}

// replays wants stream rebuilt, and gives how many bytes that took besides the content.
func replays(t testing.TB, stream []byte, old lzma.Old, matches func(content []byte) []patch.Match) int {
	t.Helper()
	content, script, rest := decompose(t, stream)
	if len(rest) != 0 {
		t.Fatalf("Decompose leaves %d bytes", len(rest))
	}
	ms := matches(content)
	packed := pack(t, script, content, old, ms)
	in := bytes.NewReader(append(bytes.Clone(packed), "behind"...))
	var got bytes.Buffer
	if err := lzma.Rebuild(&got, in, bytes.NewReader(content), old, ms); err != nil {
		t.Fatalf("Rebuild: %v", err)
	}
	if !bytes.Equal(got.Bytes(), stream) {
		t.Fatalf("rebuilt %d bytes are not the stream's %d", got.Len(), len(stream))
	}
	if in.Len() != len("behind") {
		t.Fatalf("Rebuild left %d bytes", in.Len())
	}
	return len(packed)
}

func alone([]byte) []patch.Match { return nil }

// options are the ways of xz that make streams of different kinds.
var options = []string{
	"-0", "-1", "-3", "-6", "-6e", "-9", "-9e", "-6 -T2", "-6 -T2 --block-size=65536", "-6 --block-size=100000", "-T1 -6 --block-list=1000,70000,0",
	"--check=none", "--check=crc32", "--check=crc64", "--check=sha256",
	"--lzma2=preset=6,lc=0,lp=0,pb=0", "--lzma2=preset=6,lc=4,lp=0,pb=4", "--lzma2=preset=6,lc=0,lp=4,pb=2", "--lzma2=preset=2,lc=2,lp=2,pb=1",
	"--lzma2=preset=6,dict=4KiB", "--lzma2=preset=6,nice=273,mf=bt2", "--lzma2=preset=1,mf=hc3,nice=8",
}

func TestStreamsOfEveryKind(t *testing.T) {
	needXZ(t)
	contents := map[string][]byte{
		"empty": nil, "a byte": {'x'}, "zeros": make([]byte, 3_000_000), "noise": noise(70_000),
		"text": text(1000, 0), "mixed": append(append(text(100, 0), noise(150_000)...), text(200, 7)...),
	}
	for _, o := range options {
		for name, content := range contents {
			t.Run(o+"/"+name, func(t *testing.T) {
				stream := xz(t, content, strings.Fields(o)...)
				got, _, _ := decompose(t, stream)
				if !bytes.Equal(got, content) {
					t.Fatal("content is another")
				}
				replays(t, stream, lzma.Old{}, alone)
			})
		}
	}
}

func TestLikeAnOldOne(t *testing.T) {
	needXZ(t)
	for _, o := range []string{"-0", "-6", "-6 -T2 --block-size=65536", "--lzma2=preset=6,lc=0,lp=4,pb=2", "--lzma2=preset=6,dict=4KiB"} {
		t.Run(o, func(t *testing.T) {
			args := strings.Fields(o)
			before := text(1500, 0)
			content, script, _ := decompose(t, xz(t, before, args...))
			old := lzma.Old{Content: bytes.NewReader(content), Script: bytes.NewReader(script)}
			stream := xz(t, text(1500, 100), args...)
			n := replays(t, stream, old, func(content []byte) []patch.Match { return likeness(before, content) })
			whole := replays(t, stream, lzma.Old{}, alone)
			t.Logf("%d bytes: %d alone, %d with an old one", len(stream), whole, n)
			if n >= whole {
				t.Errorf("%d bytes with an old one; %d alone", n, whole)
			}
		})
	}
}

// A stream is read up to its last byte; what follows is the caller's.
func TestEndsBehindTheStream(t *testing.T) {
	needXZ(t)
	one, two := xz(t, text(10, 0)), xz(t, text(12, 0), "-0", "--check=sha256")
	content, _, rest := decompose(t, append(bytes.Clone(one), two...))
	if !bytes.Equal(rest, two) || !bytes.Equal(content, text(10, 0)) {
		t.Errorf("%d bytes of content, %d left behind", len(content), len(rest))
	}
}

// Every bit of a stream matters: with another one it is refused, or is another
// stream of the same content, which can be rebuilt too.
func TestDamaged(t *testing.T) {
	needXZ(t)
	content := text(2, 0)
	stream := xz(t, content, "-T2")
	for i := range stream {
		for _, flip := range []byte{1, 0x80} {
			bad := bytes.Clone(stream)
			bad[i] ^= flip
			var c, s bytes.Buffer
			err := lzma.Decompose(bufio.NewReader(bytes.NewReader(bad)), &c, &s)
			if !errors.Is(err, lzma.ErrFormat) && !errors.Is(err, lzma.ErrUnsupported) {
				t.Fatalf("byte %d of %d changed: %v", i, len(stream), err)
			}
		}
		var c, s bytes.Buffer
		if err := lzma.Decompose(bufio.NewReader(bytes.NewReader(stream[:i])), &c, &s); !errors.Is(err, lzma.ErrFormat) {
			t.Fatalf("cut off after %d bytes: %v", i, err)
		}
	}
}

func TestUnsupported(t *testing.T) {
	needXZ(t)
	for args, want := range map[string]string{
		"--x86 --lzma2=preset=0":    "1 filters before LZMA2",
		"--delta=dist=4 --lzma2":    "1 filters before LZMA2",
		"--lzma2=preset=0,dict=96M": "dictionary of 100663296 bytes; at most 67108864",
	} {
		stream := xz(t, text(10, 0), strings.Fields(args)...)
		err := lzma.Decompose(bufio.NewReader(bytes.NewReader(stream)), io.Discard, io.Discard)
		if !errors.Is(err, lzma.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", args, err, want)
		}
	}
}

// What is packed for one content, or with one old stream, does not give an xz
// stream of another.
func TestRebuildFromWhatIsBad(t *testing.T) {
	needXZ(t)
	content, script, _ := decompose(t, xz(t, text(300, 0)))
	packed := pack(t, script, content, lzma.Old{}, nil)
	try := func(name string, packed, content []byte, old lzma.Old) {
		t.Helper()
		if err := lzma.Rebuild(io.Discard, bytes.NewReader(packed), bytes.NewReader(content), old, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	try("cut off", packed[:len(packed)/2], content, lzma.Old{})
	try("empty", nil, content, lzma.Old{})
	try("shorter content", packed, content[:len(content)-1], lzma.Old{})
	try("longer content", packed, append(bytes.Clone(content), 'x'), lzma.Old{})
	try("other content", packed, text(300, 3)[:len(content)], lzma.Old{})
	try("old script cut off", packed, content, lzma.Old{Content: bytes.NewReader(content), Script: bytes.NewReader(script[:5])})
}
