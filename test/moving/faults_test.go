package moving_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mirrord/test/rig"
)

// packages makes a tree of an unsigned archive with many packages.
func packages(t *testing.T, n, size int) (dir string, debs map[string][]byte) {
	t.Helper()
	debs = map[string][]byte{}
	for i := range n {
		debs[fmt.Sprintf("pool/p%03d.deb", i)] = rig.Content(uint64(900+i), size)
	}
	dir = t.TempDir()
	for p, data := range rig.NewTree(debs) {
		writeFile(t, filepath.Join(dir, p), string(data))
	}
	return dir, debs
}

// TestLink: with --link the objects are the old cache's files, and are the store's
// alone when that goes. Across file systems they are copies.
func TestLink(t *testing.T) {
	dir, debs := packages(t, 20, 50_000)
	m := idle(t, aptRepo("test", "http://127.0.0.1:9"))
	n := sumOf(t, must(t, m, "import", "tree", dir, "--repo", "test", "--link"), "test")
	if n.linked != 21 || n.copied != 0 { // and Packages
		t.Errorf("%+v", n)
	}
	if objects, shared := stored(t, m, dir); shared != 21 || objects != 22 { // Release is small and was looked at before
		t.Errorf("%d of %d objects are the tree's files", shared, objects)
	}
	usb := filepath.Join(filepath.Dir(m.Data), "usb")
	if n := sumOf(t, must(t, m, "export", usb, "--link"), "test"); n.linked != 22 {
		t.Errorf("exported: %+v", n)
	}
	if _, shared := stored(t, m, usb); shared != 22 {
		t.Errorf("%d objects are the export's files", shared)
	}
	for _, d := range []string{dir, usb} {
		if err := os.RemoveAll(d); err != nil {
			t.Fatal(err)
		}
	}
	offline(t, m)
	for p, data := range debs {
		if err := rig.Get(m.URL("test", p)).Right("", data); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	m.Fsck(t)
}

// otherFileSystem is a directory on one, "" where there is none.
func otherFileSystem(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "mirrord-moving-")
	if err != nil {
		fmt.Printf("DIDNOTRUN: %s: no /dev/shm\n", t.Name())
		return ""
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// TestLinkAcross: where there can be no link there is a copy.
func TestLinkAcross(t *testing.T) {
	shm := otherFileSystem(t)
	if shm == "" {
		return
	}
	dir, _ := packages(t, 5, 50_000)
	m := idle(t, aptRepo("test", "http://127.0.0.1:9"))
	if n := sumOf(t, must(t, m, "import", "tree", dir, "--repo", "test", "--link", "--data", filepath.Join(shm, "data")), "test"); n.linked != 0 || n.copied != 6 {
		t.Errorf("%+v", n)
	}
}

// TestClone: on a file system that shares blocks nothing is copied, and what is
// written to the old file does not reach the object.
func TestClone(t *testing.T) {
	dir := btrfs(t)
	if dir == "" {
		return
	}
	tree, debs := packages(t, 20, 1<<20)
	if out, err := execute("cp", "-a", tree, filepath.Join(dir, "tree")); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tree = filepath.Join(dir, "tree")
	m := idle(t, aptRepo("test", "http://127.0.0.1:9"))
	m.Data = filepath.Join(dir, "data")
	must(t, m, "import", "tree", tree, "--repo", "test", "--data", m.Data)
	before := used(t, dir)
	m2 := filepath.Join(dir, "data2")
	if n := sumOf(t, must(t, m, "import", "tree", tree, "--repo", "test", "--data", m2), "test"); n.cloned != 21 || n.copied != 0 {
		t.Errorf("%+v", n)
	}
	if grown := used(t, dir) - before; grown > 10<<20 {
		t.Errorf("%d bytes more are used for 20 MiB of clones", grown)
	}
	usb := filepath.Join(dir, "usb")
	if n := sumOf(t, must(t, m, "export", usb, "--data", m.Data), "test"); n.cloned < 21 {
		t.Errorf("exported: %+v", n)
	}
	for p := range debs {
		f, err := os.OpenFile(filepath.Join(tree, p), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("overwritten in place"), 1000); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	m.Fsck(t)
}

// btrfs mounts one from a file; "" where that cannot be.
func btrfs(t *testing.T) string {
	t.Helper()
	image, dir := filepath.Join(t.TempDir(), "image"), t.TempDir()
	if out, err := execute("sh", "-c", fmt.Sprintf("truncate -s 256M %[1]s && mkfs.btrfs -q %[1]s && mount -o loop %[1]s %[2]s", image, dir)); err != nil {
		fmt.Printf("DIDNOTRUN: %s: no btrfs can be mounted: %s\n", t.Name(), strings.ReplaceAll(strings.TrimSpace(out), "\n", " "))
		return ""
	}
	t.Cleanup(func() {
		if out, err := execute("umount", dir); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	return dir
}

func used(t *testing.T, dir string) int64 {
	t.Helper()
	if out, err := execute("sync", "-f", dir); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	return int64(fs.Blocks-fs.Bfree) * fs.Bsize
}

// TestKilledImport: an import that is killed again and again goes on each time, and
// leaves a data directory without a fault; so does an export.
func TestKilledImport(t *testing.T) {
	dir, debs := packages(t, 150, 400_000)
	for _, link := range []bool{false, true} {
		t.Run(fmt.Sprintf("link %v", link), func(t *testing.T) {
			m := idle(t, aptRepo("test", "http://127.0.0.1:9"))
			args := []string{"import", "tree", dir, "--repo", "test"}
			if link {
				args = append(args, "--link")
			}
			kills := killed(t, m, args, func() { m.Fsck(t) })
			offline(t, m)
			for p, data := range debs {
				if err := rig.Get(m.URL("test", p)).Right("", data); err != nil {
					t.Fatalf("%s: %v", p, err)
				}
			}
			m.Fsck(t)
			usb := filepath.Join(t.TempDir(), "usb")
			kills += killed(t, m, []string{"export", usb}, func() { m.Fsck(t) })
			for p, data := range debs {
				if got, err := os.ReadFile(filepath.Join(usb, "test", p)); err != nil || sha256.Sum256(got) != sha256.Sum256(data) {
					t.Fatalf("%s: %d bytes, %v", p, len(got), err)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(usb, ".*")); kills < 4 || len(left) != 0 {
				t.Errorf("%d kills, left are %v", kills, left)
			}
		})
	}
	for p, data := range debs { // not even a link harms the tree
		if got, err := os.ReadFile(filepath.Join(dir, p)); err != nil || sha256.Sum256(got) != sha256.Sum256(data) {
			t.Fatalf("%s: %d bytes, %v", p, len(got), err)
		}
	}
}

// killed runs a subcommand and kills it after longer and longer, until it ends by
// itself; between is called after each kill.
func killed(t *testing.T, m *rig.Mirrord, args []string, between func()) (kills int) {
	t.Helper()
	for after := 20 * time.Millisecond; ; after += time.Duration(10+rand.IntN(60)) * time.Millisecond {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		out, err := exec.CommandContext(ctx, rig.Build(t), append(args, "--config", m.Config)...).CombinedOutput()
		cancel()
		if err == nil {
			return kills
		}
		if ctx.Err() == nil {
			t.Fatalf("%v\n%s", err, out)
		}
		kills++
		between()
		if t.Failed() {
			t.FailNow()
		}
	}
}

// TestWhileServing: one line says what has to be done first.
func TestWhileServing(t *testing.T) {
	dir, _ := packages(t, 1, 1000)
	m := rig.Start(t, rig.Config{Repos: aptRepo("test", "http://127.0.0.1:9")})
	fails(t, m, 1, "in use by another mirrord, which has to be stopped meanwhile", "import", "tree", dir, "--repo", "test")
	fails(t, m, 1, "in use by another mirrord, which has to be stopped meanwhile", "export", filepath.Join(t.TempDir(), "usb"))
	if out := must(t, m, "import", "tree", dir, "--repo", "test", "--dry-run"); !strings.HasPrefix(out, ". -> test: 3 files, ") {
		t.Errorf("%q", out)
	}
}

// TestBudget: an import ends where the budget does, throws nothing out, and goes on
// when there is more.
func TestBudget(t *testing.T) {
	dir, _ := packages(t, 20, 200_000)
	m := rig.Start(t, rig.Config{Repos: aptRepo("test", "http://127.0.0.1:9"), Extra: "cache: {max_size: 2MiB, min_free: 0}\n"})
	m.Stop()
	out := fails(t, m, 1, "no room", "import", "tree", dir, "--repo", "test")
	first := sumOf(t, out, "test").taken
	if first < 5 || first > 10 {
		t.Errorf("%d files fit", first)
	}
	m.Fsck(t)
	text, err := os.ReadFile(m.Config)
	if err == nil {
		err = os.WriteFile(m.Config, []byte(strings.Replace(string(text), "2MiB", "20MiB", 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if n := sumOf(t, must(t, m, "import", "tree", dir, "--repo", "test"), "test"); n.taken+first != 21 {
		t.Errorf("%+v after %d", n, first)
	}
	m.Fsck(t)
}

// TestOtherUser: files that the user cannot read are told, the rest is taken over, as
// copies where they are not the user's own; and root leaves a data directory alone that
// is another user's.
func TestOtherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		fmt.Printf("DIDNOTRUN: %s: becoming another user needs root\n", t.Name())
		return
	}
	const nobody = 65534
	dir, _ := packages(t, 5, 1000)
	m := idle(t, aptRepo("test", "http://127.0.0.1:9"))
	secret := filepath.Join(dir, "pool/p003.deb")
	err := errors.Join(os.Chmod(secret, 0o600), os.Chmod(filepath.Join(dir, "pool/p001.deb"), 0o666)) // the kernel lets nobody link the others
	for _, d := range []string{m.Config, m.Data} {
		for ; err == nil && d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
			err = os.Chmod(d, 0o755)
		}
	}
	if err == nil {
		err = filepath.WalkDir(m.Data, func(p string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Chown(p, nobody, nobody)
		})
	}
	for d := dir; err == nil && d != os.TempDir(); d = filepath.Dir(d) {
		err = os.Chmod(d, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	fails(t, m, 1, "belongs to nobody", "import", "tree", dir, "--repo", "test")
	bin := filepath.Join(t.TempDir(), "mirrord")
	if out, err := execute("cp", rig.Build(t), bin); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	os.Chmod(filepath.Dir(filepath.Dir(bin)), 0o755)
	os.Chmod(filepath.Dir(bin), 0o755)
	cmd := exec.CommandContext(t.Context(), bin, "import", "tree", dir, "--repo", "test", "--link", "--config", m.Config)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if n := sumOf(t, string(out), "test"); exitCode(err) != 1 || n.copied != 5 || n.linked != 0 || n.unreadable != 1 || !strings.Contains(string(out), `passed over: "pool/p003.deb": permission denied`) {
		t.Errorf("%+v, %v\n%s", n, err, out)
	}
}
