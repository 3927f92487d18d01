package faults

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// rots are what disks and people make of a stored file.
var rots = []func(data, other []byte, rnd *rand.Rand) []byte{
	func(data, _ []byte, rnd *rand.Rand) []byte {
		data[rnd.IntN(len(data))] ^= 1 << rnd.IntN(8)
		return data
	},
	func(data, _ []byte, rnd *rand.Rand) []byte { return data[:rnd.IntN(len(data))] },
	func([]byte, []byte, *rand.Rand) []byte { return []byte{} },
	func(data, _ []byte, rnd *rand.Rand) []byte { return append(data, byte(rnd.Uint32())) },
	func(data, _ []byte, rnd *rand.Rand) []byte { // a sector of zeros
		at := rnd.IntN(len(data))
		if part := data[at:min(at+512, len(data))]; strings.Trim(string(part), "\x00") != "" {
			copy(part, make([]byte, len(part)))
			return data
		}
		return nil
	},
	func(_, other []byte, _ *rand.Rand) []byte { return other },
	func([]byte, []byte, *rand.Rand) []byte { return nil }, // the file is gone
}

// rotten spoils about half of the files in blobs/, each in one of the ways.
func rotten(t *testing.T, data string, rnd *rand.Rand) (n int) {
	t.Helper()
	var files []string
	err := filepath.WalkDir(filepath.Join(data, "blobs"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range files {
		if i%2 == 0 {
			continue
		}
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(files[i-1])
		if err != nil {
			t.Fatal(err)
		}
		bad := rots[n%len(rots)](slices.Clone(good), other, rnd)
		n++
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if bad == nil {
			continue
		}
		if err := os.WriteFile(file, bad, 0o444); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// rotSite is a mirrord with packages and files stored, whose blobs rot.
type rotSite struct {
	t    *testing.T
	rnd  *rand.Rand
	up   *faulty.Server
	m    *rig.Mirrord
	want map[string][]byte // by path at mirrord
}

func newRotSite(t *testing.T) *rotSite {
	s := &rotSite{t: t, rnd: seeds(t), up: faulty.New(t), want: map[string][]byte{}}
	debs := map[string][]byte{}
	for i := range 30 {
		p := fmt.Sprintf("f%d.bin", i)
		s.want["files/"+p] = rig.Content(uint64(500+i), 1000+i*7919)
		s.up.Set("/files/"+p, s.want["files/"+p])
		debs[fmt.Sprintf("pool/d%d.deb", i)] = rig.Content(uint64(600+i), 1000+i*7919)
	}
	tree := rig.NewTree(debs)
	publish(s.up, "/apt", tree)
	for p, data := range tree {
		s.want["apt/"+p] = data
	}
	s.m = rig.Start(t, rig.Config{Extra: "cache: {min_free: 0, scrub: off}\n", Repos: fmt.Sprintf(
		"- {name: apt, type: apt, fresh: 1h, upstreams: [%q]}\n- {name: files, type: generic, fresh: 1h, upstreams: [%q]}\n",
		s.up.URL+"/apt", s.up.URL+"/files")})
	s.right("before its index is known, a package is not kept")
	s.right("at first")
	return s
}

// right fails the test where anything cannot be had, or is wrong.
func (s *rotSite) right(when string) {
	s.t.Helper()
	for p, data := range s.want {
		if err := rig.Get(s.m.URL(p)).Right("", data); err != nil {
			s.t.Errorf("%s, %s: %v", when, p, err)
		}
	}
}

// scrubs starts mirrord anew with the scrub on.
func (s *rotSite) scrubs() {
	s.t.Helper()
	text, err := os.ReadFile(s.m.Config)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.m.Config, []byte(strings.Replace(string(text), "scrub: off", "scrub: 1GB/s", 1)), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.m.Restart()
}

// metric is a figure without labels.
func (s *rotSite) metric(name string) int {
	s.t.Helper()
	for line := range strings.Lines(string(rig.Get(s.m.URL("metrics")).Body)) {
		if text, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return int(v)
		}
	}
	return -1
}

// until waits for a figure.
func (s *rotSite) until(name string, want int) {
	s.t.Helper()
	end := time.Now().Add(time.Minute)
	for s.metric(name) != want {
		if time.Now().After(end) {
			s.t.Fatalf("%s is %d, expected %d", name, s.metric(name), want)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestRotHeals: whatever becomes of the files of a store, the scrub finds each that is
// wrong and fetches it again, and nothing else.
func TestRotHeals(t *testing.T) {
	s := newRotSite(t)
	s.m.Stop()
	n := rotten(t, s.m.Data, s.rnd)
	s.up.Forget()
	s.scrubs()
	s.until("mirrord_scrub_rotten_objects_total", n)
	s.until("mirrord_scrub_healed_objects_total", n)
	if got := gets(s.up); got != n {
		t.Errorf("upstream was asked for %d files, expected the %d rotten ones", got, n)
	}
	s.up.Forget()
	s.right("healed")
	if got := gets(s.up); got != 0 {
		t.Errorf("upstream was asked for %d files by clients, expected none", got)
	}
	s.m.Fsck(t)
}

// TestRotWithoutUpstream: while upstream is down what is rotten is refused, once it is
// found, and what is not is served; when upstream is back everything is there.
func TestRotWithoutUpstream(t *testing.T) {
	s := newRotSite(t)
	s.m.Stop()
	n := rotten(t, s.m.Data, s.rnd)
	s.up.Down()
	s.scrubs()
	s.until("mirrord_scrub_rotten_objects_total", n)
	refused := 0
	for p, data := range s.want {
		reply := rig.Get(s.m.URL(p))
		switch err := reply.Right("", data); {
		case err == nil:
		case reply.Err == nil && reply.Status >= 500 && len(reply.Body) > 0:
			refused++
		default:
			t.Errorf("%s: %v, expected the right bytes or an error of the server", p, err)
		}
	}
	if refused == 0 || refused > n {
		t.Errorf("%d were refused, expected some of the %d rotten ones", refused, n)
	}
	s.up.Up()
	end := time.Now().Add(time.Minute)
	for p, data := range s.want {
		for rig.Get(s.m.URL(p)).Right("", data) != nil && time.Now().Before(end) {
			time.Sleep(50 * time.Millisecond) // mirrord leaves an upstream that failed alone for a moment
		}
	}
	s.right("upstream is back")
	s.m.Fsck(t)
}

// gets counts the files that upstream gave.
func gets(u *faulty.Server) (n int) {
	for _, r := range u.Requests() {
		if r.Method == http.MethodGet && r.Status == http.StatusOK {
			n++
		}
	}
	return n
}
