package disk

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Fault says how an operation that is about to be done fails, 0 where it does not.
// It is called by one goroutine at a time and must not use the Disk.
type Fault func(Op) syscall.Errno

// Disk is a mounted file system. It is safe for concurrent use.
type Disk struct {
	Dir string // where it is mounted

	mu    sync.Mutex
	tree  *Tree // guarded by mu
	log   []Op  // guarded by mu
	fault Fault // nil none; guarded by mu
}

// Mount mounts a disk with what is in base, which is the disk's from then on, until
// the test ends. Where that cannot be it says so, and the test returns.
func Mount(tb testing.TB, base *Tree) (*Disk, bool) {
	tb.Helper()
	dir, err := os.MkdirTemp("", "mirrord-disk-")
	if err != nil {
		tb.Fatal(err)
	}
	d := &Disk{Dir: dir, tree: base}
	unmount, err := d.mount()
	if err != nil {
		_ = os.Remove(dir) // an empty directory in the temporary one is all that can be left
		fmt.Printf("DIDNOTRUN: %s: FUSE is needed (/dev/fuse, and root or fusermount3): %v\n", tb.Name(), err)
		return nil, false
	}
	tb.Cleanup(func() {
		if err := unmount(); err != nil {
			tb.Errorf("unmount %s: %v", dir, err)
		}
		if err := os.Remove(dir); err != nil {
			tb.Error(err)
		}
	})
	return d, true
}

// cached is how long the kernel may rely on what it was told: nobody else changes
// anything.
const cached = time.Hour

func (d *Disk) mount() (unmount func() error, err error) {
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("this is %s", runtime.GOOS)
	}
	long := cached
	server, err := fs.Mount(d.Dir, d.node(rootID), &fs.Options{
		EntryTimeout: &long, AttrTimeout: &long, RootStableAttr: &fs.StableAttr{Ino: uint64(rootID), Gen: 1},
		MountOptions: fuse.MountOptions{DirectMount: true, DisableXAttrs: true, ExplicitDataCacheControl: true, FsName: "mirrord-test", Name: "disk"},
	})
	if err != nil {
		return nil, err
	}
	return server.Unmount, nil
}

// SetFault has operations fail from now on; nil lets them all be done.
func (d *Disk) SetFault(f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = f
}

// Len is how many operations the Log has.
func (d *Disk) Len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.log)
}

// Log is what was done since the mount.
func (d *Disk) Log() []Op {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.log)
}

// Tree copies what is on the disk now.
func (d *Disk) Tree() *Tree {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tree.Clone()
}

// do does an operation, unless a fault or valid forbids it. d.mu is not held.
func (d *Disk) do(o Op, valid func(t *Tree) syscall.Errno) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	if valid != nil {
		if errno := valid(d.tree); errno != 0 {
			return errno
		}
	}
	if d.fault != nil {
		if errno := d.fault(o); errno != 0 {
			return errno
		}
	}
	if o.Changes() {
		d.tree.apply(o)
		d.log = append(d.log, o)
	}
	return 0
}

// fresh is an ID that nothing has.
func (d *Disk) fresh() ID {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tree.last++
	return d.tree.last
}

// Below is a filter for Faults: the operation is about something in that directory,
// or about that file.
func (o Op) Below(path string) bool {
	return o.Path == path || strings.HasPrefix(o.Path, path+"/")
}
