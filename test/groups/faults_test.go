package groups

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirrord/test/rig"
)

// watched reads the large file through mirrord and tells the longest wait between
// two pieces; at calls do once, when so many bytes are there.
func (y *yard) watched(t *testing.T, at int, do func()) (got []byte, pause time.Duration, err error) {
	t.Helper()
	resp, err := http.Get(y.m.URL("r", deb))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	buf, last := make([]byte, 64<<10), time.Now()
	for {
		n, err := resp.Body.Read(buf)
		got = append(got, buf[:n]...)
		if now := time.Now(); n > 0 {
			pause, last = max(pause, now.Sub(last)), now
		}
		if do != nil && len(got) >= at {
			do()
			do = nil
		}
		if err == io.EOF {
			return got, pause, nil
		}
		if err != nil {
			return got, pause, err
		}
	}
}

// TestTheBestIsKilled: the mirror that is asked first dies in the middle. That costs
// less than a second and no wrong byte.
func TestTheBestIsKilled(t *testing.T) {
	const tries = 3
	least := time.Hour
	for range tries {
		y := build(t, 2, "")
		got, pause, err := y.watched(t, size/4, func() { y.lines[0].Cut(); y.nginx[0].Stop() })
		if err != nil || !bytes.Equal(got, content) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		t.Logf("the longest pause was %v", pause)
		if least = min(least, pause); least < time.Second {
			return
		}
	}
	t.Errorf("waited for at least %v, expected less than 1 s", least)
}

// TestOneHangs: one of three sends nothing more and closes nothing.
func TestOneHangs(t *testing.T) {
	y := build(t, 3, "")
	got, pause, err := y.watched(t, size/4, y.nginx[1].Freeze)
	y.nginx[1].Thaw()
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	t.Logf("the longest pause was %v", pause)
	if pause > 8*time.Second { // 1 s, and what a busy machine adds; the idle time-out is 20 s
		t.Errorf("waited for %v", pause)
	}
}

// TestOneByteIsWrong: a mirror whose copy has one wrong byte is found, named and
// left; the client gets the object.
func TestOneByteIsWrong(t *testing.T) {
	y := build(t, 4, "")
	for _, l := range y.lines {
		l.Rate.Store(4 * rate)
	}
	const liar = 2
	bad := bytes.Clone(content)
	for at := 1000; at < size; at += 4 << 20 { // whichever part it is asked for
		bad[at] ^= 1
	}
	if err := os.WriteFile(filepath.Join(y.nginx[liar].Root, deb), bad, 0o644); err != nil {
		t.Fatal(err)
	}
	for n := 1; ; n++ {
		r := rig.Get(y.m.URL("r", deb))
		if r.Err == nil && r.Status == 200 {
			if !bytes.Equal(r.Body, content) {
				t.Fatal("wrong bytes ended cleanly")
			}
			t.Logf("whole at try %d: %s", n, r.How())
			break
		}
		if n == 2 { // a client whose connection is broken off asks again
			t.Fatalf("try %d: %s", n, r.How())
		}
	}
	if !strings.Contains(y.m.Log(), "wrong bytes were found and replaced") || !strings.Contains(y.m.Log(), y.lines[liar].URL+": the bytes are not") {
		t.Error("the log does not name who gave the wrong byte")
	}
	for i, l := range y.lines {
		if wrong := y.metric(t, "mirrord_upstream_left_total", l.URL, `reason="wrong"`); (wrong > 0) != (i == liar) {
			t.Errorf("mirror %d was blamed %v times", i, wrong)
		}
	}
	if n := y.sent(); n > size*2+size/100 { // of what differed, a little comes a third time
		t.Errorf("%d bytes were sent of a file of %d", n, size)
	}
	y.m.Fsck(t)
}

// TestThreeOfFourAreDead: no client notices.
func TestThreeOfFourAreDead(t *testing.T) {
	y := build(t, 4, "")
	for _, l := range y.lines {
		l.Rate.Store(4 * rate)
	}
	for i := range 3 {
		y.lines[i].Cut()
	}
	y.ask(t, deb, content)
	y.m.Stop()
	y.m = rig.Start(t, rig.Config{Repos: "- {name: r, type: apt, upstreams: [" + y.urls() + "]}"})
	y.ask(t, rig.ReleasePath, y.tree[rig.ReleasePath])
	y.ask(t, rig.PackagesPath, y.tree[rig.PackagesPath])
	y.ask(t, deb, content)
}
