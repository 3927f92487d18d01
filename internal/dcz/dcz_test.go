package dcz

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"mirrord/internal/digest"

	"github.com/klauspost/compress/zstd"
)

// stanzas is a Packages of n packages, in which each of the packages that changed tells
// has another version.
func stanzas(n int, changed func(i int) bool) []byte {
	var b bytes.Buffer
	for i := range n {
		version := 1
		if changed(i) {
			version = 2
		}
		r := rand.NewChaCha8([32]byte{byte(i), byte(i >> 8), byte(version)})
		sum := make([]byte, 32)
		r.Read(sum)
		fmt.Fprintf(&b, "Package: package-%d\nVersion: %d.%d\nArchitecture: amd64\nMaintainer: Somebody %d <nobody@example.org>\nDepends: libc6 (>= 2.%d), lib%d\n"+
			"Filename: pool/main/p/package-%d_%d_amd64.deb\nSize: %d\nSHA256: %x\nDescription: the package with the number %d\n\n",
			i, version, i%7, i*7919%100, i%36, i*31%977, i, version, 1000+i*version, sum, i)
	}
	return b.Bytes()
}

func never(int) bool       { return false }
func hundredth(i int) bool { return i%100 == 50 }
func decoded(coded, dictionary []byte, size int) ([]byte, error) {
	r, err := Decode(bytes.NewReader(coded), dictionary, digest.Of(dictionary), int64(size))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// pairs are dictionaries and what is coded with them.
func pairs() map[string][2][]byte {
	old, now := stanzas(5000, never), stanzas(5000, hundredth)
	noise := make([]byte, 300<<10)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	moved := append(bytes.Clone(noise[150<<10:]), noise[:150<<10]...)
	return map[string][2][]byte{
		"a hundredth changed": {old, now},
		"nothing changed":     {old, old},
		"more":                {old[:1<<20], now},
		"less":                {old, now[:100<<10]},
		"moved":               {noise, moved},
		"nothing alike":       {noise, old},
		"noise":               {old, noise},
		"one byte over":       {noise, append(bytes.Clone(noise), 'x')},
		"all the same":        {noise, bytes.Repeat([]byte{'a'}, 1<<20)},
		"a block exactly":     {noise, noise[:128<<10]},
		"least":               {noise[:MinSize], old[:MinSize]},
	}
}

func TestRoundTrip(t *testing.T) {
	for name, p := range pairs() {
		coded, err := Encode(p[0], digest.Of(p[0]), p[1], 8<<20)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := decoded(coded, p[0], len(p[1]))
		if err != nil || !bytes.Equal(got, p[1]) {
			t.Errorf("%s: %d bytes, %v; expected %d", name, len(got), err, len(p[1]))
		}
		t.Logf("%s: %d bytes coded in %d", name, len(p[1]), len(coded))
	}
}

// TestZstdReadsIt: zstd's own tool, which is given the whole body, header and all.
func TestZstdReadsIt(t *testing.T) {
	if _, err := exec.LookPath("zstd"); err != nil {
		fmt.Println("DIDNOTRUN: no zstd to read what is coded")
		return
	}
	for name, p := range pairs() {
		coded, err := Encode(p[0], digest.Of(p[0]), p[1], 8<<20)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for file, data := range map[string][]byte{"old": p[0], "coded": coded} {
			if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, how := range [][]string{{"--patch-from=old"}, {"-D", "old"}} {
			cmd := exec.CommandContext(t.Context(), "zstd", append(how, "-dc", "coded")...)
			cmd.Dir = dir
			got, err := cmd.Output()
			if err != nil || !bytes.Equal(got, p[1]) {
				t.Errorf("%s, %s: %d bytes, %v; expected %d", name, how, len(got), err, len(p[1]))
			}
		}
	}
}

// TestWindow: the window that the frame asks for is the content's size, and so one that
// every client has.
func TestWindow(t *testing.T) {
	old, now := stanzas(5000, never), stanzas(5000, hundredth)
	coded, err := Encode(old, digest.Of(old), now, 4*len(now))
	if err != nil {
		t.Fatal(err)
	}
	var h zstd.Header
	if err := h.Decode(coded[len(header(digest.Of(old))):]); err != nil {
		t.Fatal(err)
	}
	if !h.SingleSegment || !h.HasFCS || h.FrameContentSize != uint64(len(now)) || h.DictionaryID != 0 {
		t.Errorf("%+v, expected a single segment of %d bytes without a dictionary's ID", h, len(now))
	}
	for _, tc := range []struct {
		dictionary, content int64
		fits                bool
	}{
		{MinSize, MinSize, true},
		{MinSize - 1, MinSize, false},
		{MinSize, MinSize - 1, false},
		{MinSize, 7_999_999, true},
		{MinSize, 8_000_000, false},
		{50_000_000, 62_499_999, true},
		{50_000_000, 62_500_000, false},
		{MaxSize, MaxSize, true},
		{MaxSize + 1, MaxSize, false},
		{MaxSize, MaxSize + 1, false},
		{1 << 20, -1, false},
	} {
		if got := Fits(tc.dictionary, tc.content); got != tc.fits {
			t.Errorf("a dictionary of %d for %d bytes: %v", tc.dictionary, tc.content, got)
		}
	}
}

func TestTooLarge(t *testing.T) {
	p := pairs()["noise"]
	if _, err := Encode(p[0], digest.Of(p[0]), p[1], len(p[1])/2); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v, expected ErrTooLarge", err)
	}
}

// TestBadBodies: whatever comes, it ends with an error, and never after more than the
// content's size.
func TestBadBodies(t *testing.T) {
	old, now := stanzas(2000, never), stanzas(2000, hundredth)
	coded, err := Encode(old, digest.Of(old), now, 4*len(now))
	if err != nil {
		t.Fatal(err)
	}
	other, err := Encode(now, digest.Of(now), old, 4*len(now))
	if err != nil {
		t.Fatal(err)
	}
	bomb := func(single bool) []byte {
		enc, _ := zstd.NewWriter(nil, zstd.WithSingleSegment(single), zstd.WithWindowSize(8<<20))
		return enc.EncodeAll(make([]byte, 64<<20), header(digest.Of(old)))
	}
	at := func(i int) []byte {
		b := bytes.Clone(coded)
		b[i] ^= 1
		return b
	}
	for name, tc := range map[string]struct {
		body []byte
		err  error
	}{
		"nothing":            {nil, ErrFrame},
		"half a header":      {coded[:20], ErrFrame},
		"no header":          {coded[40:], ErrFrame},
		"a header only":      {coded[:40], ErrFrame},
		"another dictionary": {other, ErrDictionary},
		"cut":                {coded[:len(coded)-20], ErrFrame},
		"twice":              {append(bytes.Clone(coded), coded[40:]...), ErrFrame},
		"more behind":        {append(bytes.Clone(coded), "more"...), ErrFrame},
		"bomb":               {bomb(false), ErrFrame},
		"bomb, one segment":  {bomb(true), ErrFrame},
		"a bit of the magic": {at(0), ErrFrame},
		"a bit of the frame": {at(len(coded) - 30), ErrFrame},
	} {
		got, err := decoded(tc.body, old, len(now))
		if !errors.Is(err, tc.err) {
			t.Errorf("%s: %v, expected %v", name, err, tc.err)
		}
		if len(got) > len(now) {
			t.Errorf("%s: %d bytes came out, expected at most %d", name, len(got), len(now))
		}
	}
	if _, err := decoded(coded, old, len(now)-1); !errors.Is(err, ErrFrame) {
		t.Errorf("a byte more than was told: %v", err)
	}
	if _, err := decoded(coded, old, len(now)+1); !errors.Is(err, ErrFrame) {
		t.Errorf("a byte less than was told: %v", err)
	}
}

// FuzzDecode: no body gives more than the size that was told, nor a panic.
func FuzzDecode(f *testing.F) {
	old, now := stanzas(200, never), stanzas(200, hundredth)
	coded, err := Encode(old, digest.Of(old), now, 4*len(now))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(coded)
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := decoded(body, old, len(now))
		if len(got) > len(now) || err == nil && len(got) != len(now) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	})
}

// FuzzEncode: what is coded is decoded to the same.
func FuzzEncode(f *testing.F) {
	f.Add([]byte("the old one"), []byte("the new one"))
	f.Add([]byte(nil), []byte(nil))
	f.Add(bytes.Repeat([]byte("abcdefg"), 99), bytes.Repeat([]byte("abcdefgh"), 99))
	f.Fuzz(func(t *testing.T, dictionary, content []byte) {
		if len(dictionary) < 8 {
			return
		}
		if _, err := Encode(dictionary, digest.Of(dictionary), content, 8*len(content)+4<<10); err != nil {
			t.Fatal(err)
		}
	})
}
