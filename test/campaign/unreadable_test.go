package campaign

import (
	"fmt"
	"syscall"
	"testing"

	"mirrord/test/disk"
	"mirrord/test/rig"
)

// requestsMost bounds what a client may cost upstream while the disk gives nothing back.
const requestsMost = 30

// TestUnreadable has the disk give back nothing of what is stored, once and for good:
// a download may break off, but none ends cleanly with other bytes, and upstream is
// not asked without end. When the disk is well again everything is stored as before.
func TestUnreadable(t *testing.T) {
	d, ok := disk.Mount(t, disk.NewTree())
	if !ok {
		return
	}
	p := newPatient(t, d)
	for _, kind := range []disk.Kind{disk.Open, disk.Read} {
		for _, lasts := range []bool{false, true} {
			paths := p.republish(fmt.Sprintf("apt/%d", p.serial))
			paths = append(paths, p.image(fmt.Sprint(p.serial), p.serial, 100_000)...)
			for _, size := range []int{5_000, 100_000} { // the smaller is held in memory
				paths = append(paths, p.next(fmt.Sprintf("files/%d", p.serial), size))
			}
			for _, path := range paths {
				p.ask(path)
			}
			for _, path := range paths {
				if err := p.unreadable(path, kind, lasts); err != nil {
					t.Errorf("%s: %v fails, for good %v: %v", path, kind, lasts, err)
				}
			}
		}
	}
	p.m.Fsck(t)
}

// unreadable asks for a path whose object cannot be read.
func (p *patient) unreadable(path string, kind disk.Kind, lasts bool) error {
	p.m.Restart() // what is open, or in memory, needs no disk
	p.u.Forget()
	p.err = nil
	failed := 0
	p.d.SetFault(func(o disk.Op) syscall.Errno {
		if o.Kind != kind || !o.Below("data/blobs") || failed > 0 && !lasts {
			return 0
		}
		failed++
		return syscall.EIO
	})
	r := rig.Get(p.m.URL(path))
	p.d.SetFault(nil)
	if _, right := p.which(path, r.Body); r.Err == nil && !right {
		return fmt.Errorf("%s: %.100q", r.How(), r.Body)
	}
	if failed == 0 {
		return fmt.Errorf("nothing was read: %s", r.How())
	}
	if n := len(p.u.Requests()); n > requestsMost {
		return fmt.Errorf("upstream was asked %d times", n)
	}
	p.recovers(path)
	return p.err
}
