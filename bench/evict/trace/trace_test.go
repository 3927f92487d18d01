package trace

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mirrord/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

const accessLog = `10.0.0.1 - - [10/Oct/2026:13:55:36 +0200] "GET /debian/a.deb HTTP/1.1" 200 1000 "-" "Debian APT-HTTP/1.3 (2.6.1)"
10.0.0.1 - - [10/Oct/2026:13:55:36 +0200] "HEAD /debian/a.deb HTTP/1.1" 200 0
10.0.0.2 - a "b" [10/Oct/2026:11:55:46 +0000] "GET /debian/a.deb HTTP/1.1" 304 -
10.0.0.2 - - [10/Oct/2026:13:55:46 +0200] "GET /debian/unknown HTTP/1.1" 304 0
10.0.0.2 - - [10/Oct/2026:13:55:46 +0200] "GET /debian/b.deb HTTP/1.1" 206 10
this is no line of a log
10.0.0.2 - - [10/Oct/2026:13:56:36 +0200] "GET /debian/Packages.xz HTTP/2.0" 200 50
10.0.0.2 - - [10/Oct/2026:13:57:36 +0200] "GET /debian/Packages.xz HTTP/2.0" 200 60
10.0.0.2 - - [10/Oct/2026:13:57:37 +0200] "GET /debian/gone HTTP/1.1" 404 153
`

func TestReadLog(t *testing.T) {
	got, err := ReadLog("mine", strings.NewReader(accessLog))
	if err != nil {
		t.Fatal(err)
	}
	want := &Trace{Name: "mine", Sizes: []int64{1000, 50, 60}, Events: []Event{
		{At: 0, ID: 0}, {At: 10, ID: 0}, {At: 60, ID: 1}, {At: 120, ID: 1, Dies: true}, {At: 120, ID: 2},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nexpected %+v", got, want)
	}
	if n, b := got.Asked(); n != 4 || b != 2110 || got.Bytes() != 1110 {
		t.Errorf("%d requests for %d bytes of %d", n, b, got.Bytes())
	}
	for _, text := range []string{"", "\x00\xff", strings.ReplaceAll(accessLog, "GET", "PUT")} {
		if _, err := ReadLog("", strings.NewReader(text)); !errors.Is(err, errNoLog) {
			t.Errorf("%.10q: %v, expected errNoLog", text, err)
		}
	}
}

// TestRecordedApt: what a real nginx logs of a real apt is read as what apt asked for.
func TestRecordedApt(t *testing.T) {
	if !rig.AptRuns() {
		return
	}
	archive, site := rig.NewArchive(t, rig.Layout{}), rig.NewSite(t)
	g := archive.Build(rig.Package{Name: "app", Version: "1", Size: 20_000})
	site.Publish(g)
	log := filepath.Join(t.TempDir(), "access.log")
	nginx := rig.StartNginx(t, site.Root, fmt.Sprintf("access_log %s combined;", log))
	c := rig.NewApt(t, archive.Lines(nginx.URL), "")
	c.Must("update")
	c.Must("install", "app")
	nginx.Stop()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadLog(log, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	deb := ""
	for _, p := range g.Pool {
		if strings.HasSuffix(p, ".deb") {
			deb = p
		}
	}
	for _, want := range []string{g.Roots[0], deb} {
		info, err := os.Stat(filepath.Join(site.Root, want))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(got.Sizes, info.Size()) {
			t.Errorf("no request for %s of %d bytes among %v in\n%s", want, info.Size(), got.Sizes, text)
		}
	}
}

func TestReadPackages(t *testing.T) {
	const text = `Package: a
Depends: b (>= 1) | x, missing, c:any
Pre-Depends: d
Priority: required
Size: 10

Package: b
Size: 20
Description: long
 Package: not-a-field

Package: c
Size: 30

Package: d
Size: 40
Depends: a

Package: of-no-size

`
	s, err := readPackages(strings.NewReader(text))
	if err != nil || len(s.Packages) != 4 {
		t.Fatalf("%+v, %v", s, err)
	}
	if a := s.Packages[0]; !a.Given || !slices.Equal(sortedInts(a.Needs), []int{1, 2, 3}) {
		t.Errorf("%+v", a)
	}
	if got := sortedInts(s.install(3)); !slices.Equal(got, []int{3}) { // a is there already
		t.Errorf("d needs %v", got)
	}
}

func sortedInts(list []int) []int { return slices.Sorted(slices.Values(list)) }

// TestTracesAreTheSame: a trace is the same in every run, and in order.
func TestTracesAreTheSame(t *testing.T) {
	s := madeUp()
	for _, generate := range []func() *Trace{
		func() *Trace { return Zipf(s, 1000) },
		func() *Trace { return CI(s, 8, true) },
		func() *Trace { return Fleet(s, 8, true) },
		func() *Trace { return Images(16) },
	} {
		a, b := generate(), generate()
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s differs from run to run", a.Name)
		}
		if !slices.IsSortedFunc(a.Events, func(x, y Event) int { return int(x.At) - int(y.At) }) {
			t.Errorf("%s is not in order", a.Name)
		}
		var scanned, dead int
		for _, e := range a.Events {
			if e.Scan {
				scanned++
			}
			if e.Dies {
				dead++
			}
		}
		if strings.HasSuffix(a.Name, "scan") && scanned < len(s.Packages) || (dead > 0) != (a.Name != "zipf" && a.Name != "images") {
			t.Errorf("%s: %d requests of scans, %d deaths", a.Name, scanned, dead)
		}
	}
}

func FuzzReadLog(f *testing.F) {
	f.Add(accessLog)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ReadLog("", strings.NewReader(text))
		if err != nil {
			return
		}
		for _, e := range got.Events {
			if int(e.ID) >= len(got.Sizes) || got.Sizes[e.ID] < 0 {
				t.Fatalf("%+v of %d objects", e, len(got.Sizes))
			}
		}
	})
}

func FuzzReadPackages(f *testing.F) {
	f.Add("Package: a\nSize: 1\nDepends: a, b | c\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := readPackages(strings.NewReader(text))
		if err != nil {
			return
		}
		for i, p := range s.Packages {
			if p.Size <= 0 || slices.ContainsFunc(p.Needs, func(n int) bool { return n < 0 || n >= len(s.Packages) }) {
				t.Fatalf("%+v", p)
			}
			s.install(i)
		}
	})
}
