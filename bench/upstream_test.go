package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func testRepository(t *testing.T) (*repository, *upstream) {
	t.Helper()
	repo, err := makeRepository(t.TempDir(), []int64{4 << 10}, options{})
	if err != nil {
		t.Fatal(err)
	}
	slow, err := makeObject(repo.Dir, "slow", 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	slow.Rate = herdRate
	repo.Herd = append(repo.Herd, slow)
	u, err := startUpstream(repo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	return repo, u
}

func TestUpstreamCountsAndPaces(t *testing.T) {
	repo, u := testRepository(t)
	c := newClient()
	defer c.CloseIdleConnections()
	fast, slow := repo.Hits[0], repo.Herd[0]
	for range 2 {
		if _, err := fetch(t.Context(), c, u.URL+"/"+fast.Path, fast); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	if _, err := fetch(t.Context(), c, u.URL+"/"+slow.Path, slow); err != nil {
		t.Fatal(err)
	}
	// The last chunk is sent before its time is waited for: one less is due.
	if least := time.Duration(float64(slow.Size-64<<10) / herdRate * float64(time.Second)); time.Since(start) < least {
		t.Errorf("4 MiB in %v; at 20 MB/s it takes %v", time.Since(start), least)
	}
	if got, err := finalCount(t.Context(), u, fast.Path); err != nil || got != (count{Requests: 2, Bytes: 2 * fast.Size}) {
		t.Errorf("fast: %+v, %v", got, err)
	}
	got, err := finalCount(t.Context(), u, slow.Path)
	if err != nil || got != (count{Requests: 1, Bytes: slow.Size}) {
		t.Errorf("slow: %+v, %v", got, err)
	}
}

func TestFetchRefusesWrongBytes(t *testing.T) {
	repo, u := testRepository(t)
	c := newClient()
	defer c.CloseIdleConnections()
	o := repo.Hits[0]
	o.CRC++
	if _, err := fetch(t.Context(), c, u.URL+"/"+o.Path, o); err == nil {
		t.Error("a wrong checksum passed")
	}
	o = repo.Hits[0]
	o.Path = "pool/absent.deb"
	if _, err := fetch(t.Context(), c, u.URL+"/"+o.Path, o); err == nil {
		t.Error("a 404 passed")
	}
}

func TestIndexesNameWhatIsThere(t *testing.T) {
	repo, err := makeRepository(t.TempDir(), []int64{4 << 10, 64 << 10}, options{})
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(repo.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	packages := read("dists/stable/main/binary-amd64/Packages")
	release := string(read("dists/stable/Release"))
	if want := fmt.Sprintf(" %x %d main/binary-amd64/Packages\n", sha256.Sum256(packages), len(packages)); !strings.Contains(release, want) {
		t.Errorf("no %q in\n%s", want, release)
	}
	for _, o := range repo.Hits {
		data := read(o.Path)
		if want := fmt.Sprintf("Filename: %s\nSize: %d\nSHA256: %x\n", o.Path, len(data), sha256.Sum256(data)); !strings.Contains(string(packages), want) {
			t.Errorf("no %q in\n%s", want, packages)
		}
	}
}

func TestUpstreamIsARegistry(t *testing.T) {
	repo, u := testRepository(t)
	c := newClient()
	defer c.CloseIdleConnections()
	o := repo.Hits[0]
	s := &server{base: u.Registry + "/v2/" + blobRepository, blobs: true, origin: u}
	if _, err := fetch(t.Context(), c, s.url(o), o); err != nil {
		t.Fatal(err)
	}
	resp, err := c.Head(s.url(o))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Header.Get("Docker-Content-Digest"); resp.ContentLength != o.Size || got != o.digest() {
		t.Errorf("HEAD: %d bytes of %s; want %d of %s", resp.ContentLength, got, o.Size, o.digest())
	}
	// A blob and a file are the same object; of the two only the GET was a fetch.
	if got, err := finalCount(t.Context(), u, o.Path); err != nil || got != (count{Requests: 2, Heads: 1, Bytes: o.Size}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got := s.asked(o); got != 1 {
		t.Errorf("%d fetches, want 1", got)
	}
	for path, want := range map[string]int{"/v2/": http.StatusOK, "/v2/" + blobRepository + "/blobs/sha256:00": http.StatusNotFound} {
		resp, err := c.Get(u.Registry + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, resp.Status, want)
		}
	}
}

// A cache that stores behind its client's back has asked more than once before its
// hits are hits; one that never stores is found out.
func TestStoreWaitsForAHit(t *testing.T) {
	repo, u := testRepository(t)
	c := newClient()
	defer c.CloseIdleConnections()
	for misses, want := range map[int]error{0: nil, 2: nil, storeAttempts: errNotStored} {
		asked := 0
		cache := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			if asked <= misses {
				u.serve(w, r, repo.Hits[0].Path)
				return
			}
			http.ServeFile(w, r, filepath.Join(repo.Dir, r.URL.Path))
		}))
		err := store(t.Context(), c, &server{base: cache.URL, origin: u}, repo.Hits[0])
		cache.Close()
		if !errors.Is(err, want) || asked != min(misses+1, storeAttempts) {
			t.Errorf("%d misses: %v after %d requests; want %v", misses, err, asked, want)
		}
	}
}
