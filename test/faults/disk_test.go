package faults

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// Objects for a disk of diskSize.
const (
	diskSize = 32 << 20
	bigSize  = 5 << 20
)

// fullDisk is a mirrord on a small disk, before an upstream with more than fits,
// both of files that nobody vouches for and of packages.
func fullDisk(t *testing.T, extra string) (u *faulty.Server, m *rig.Mirrord, want map[string][]byte, ok bool) {
	dir, ok := tmpfs(t, fmt.Sprintf("size=%d", diskSize))
	if !ok {
		return nil, nil, nil, false
	}
	u = faulty.New(t)
	debs, want := map[string][]byte{}, map[string][]byte{}
	for i := range 8 {
		data := rig.Content(uint64(100+i), bigSize)
		name := fmt.Sprintf("pool/p%d.deb", i)
		debs[name], want["apt/"+name] = data, data
		data = rig.Content(uint64(200+i), bigSize)
		name = fmt.Sprintf("f%d.bin", i)
		u.Set("/files/"+name, data)
		want["files/"+name] = data
	}
	publish(u, "/apt", rig.NewTree(debs))
	m = rig.Start(t, rig.Config{Data: filepath.Join(dir, "data"), Extra: extra, Repos: fmt.Sprintf(
		"- {name: apt, type: apt, upstreams: [%q]}\n- {name: files, type: generic, upstreams: [%q]}", u.URL+"/apt", u.URL+"/files")})
	for _, p := range []string{rig.ReleasePath, rig.PackagesPath} {
		if r := rig.Get(m.URL("apt", p)); r.Status != 200 {
			t.Fatalf("%s: %s", p, r.How())
		}
	}
	return u, m, want, true
}

// TestDiskFull: nothing tells mirrord beforehand that the disk will be full.
func TestDiskFull(t *testing.T) {
	u, m, want, ok := fullDisk(t, "cache: {max_size: 1GiB, min_free: 0}\n")
	if !ok {
		return
	}
	filler := filepath.Join(filepath.Dir(m.Data), "filler")
	fill(t, filler)
	for _, p := range sortedKeys(want) {
		u.Forget()
		for _, field := range []string{"", "bytes=0-99", fmt.Sprintf("bytes=%d-%d", bigSize-5000, bigSize-1), "bytes=-77"} {
			if err := rig.Get(m.URL(p), fields(field)...).Right(field, want[p]); err != nil {
				t.Errorf("disk full: %s %s: %v", p, field, err)
			}
		}
		if len(u.Requests()) == 0 {
			t.Errorf("%s: stored on a full disk", p)
		}
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	stored := 0
	for _, p := range sortedKeys(want)[:4] {
		for range 2 {
			r := rig.Get(m.URL(p))
			if err := r.Right("", want[p]); err != nil {
				t.Errorf("space again: %s: %v", p, err)
			}
			if r.Hit() {
				stored++
			}
		}
	}
	if stored != 4 {
		t.Errorf("%d objects stored after there was space again, expected 4", stored)
	}
	if strings.Contains(m.Log(), "panic") {
		t.Error("mirrord panicked")
	}
	m.Fsck(t)
}

// TestDiskFillsUp has the disk run full in the middle of a download.
func TestDiskFillsUp(t *testing.T) {
	u, m, want, ok := fullDisk(t, "cache: {max_size: 1GiB, min_free: 0}\n")
	if !ok {
		return
	}
	u.Rate(8 << 20)
	for _, p := range sortedKeys(want) { // 80 MiB through a disk of 32
		if err := rig.Get(m.URL(p)).Right("", want[p]); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	m.Fsck(t)
}

// fill takes what the disk has left.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, step := range []int{1 << 20, 4 << 10, 1} {
		chunk := bytes.Repeat([]byte{1}, step)
		for {
			if _, err := f.Write(chunk); err != nil {
				break
			}
		}
	}
}

// TestMinFree: the file system never has less free than is asked for, whatever
// is fetched; what was used least recently goes.
func TestMinFree(t *testing.T) {
	const minFree = 14 << 20
	_, m, want, ok := fullDisk(t, fmt.Sprintf("cache: {max_size: 1GiB, min_free: %d}\n", minFree))
	if !ok {
		return
	}
	for range 2 {
		for _, p := range sortedKeys(want) {
			if err := rig.Get(m.URL(p)).Right("", want[p]); err != nil {
				t.Errorf("%s: %v", p, err)
			}
			var st syscall.Statfs_t
			if err := syscall.Statfs(m.Data, &st); err != nil {
				t.Fatal(err)
			}
			// meta.db grows by some pages beside what was reserved.
			if free := int64(st.Bavail) * st.Bsize; free < minFree-(1<<20) {
				t.Errorf("after %s %d bytes are free, expected %d", p, free, minFree)
			}
		}
	}
	last := sortedKeys(want)[len(want)-1]
	if r := rig.Get(m.URL(last)); !r.Hit() {
		t.Errorf("the object used last is gone: %s", r.How())
	}
	m.Fsck(t)
}
