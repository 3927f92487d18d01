package moving_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// taken is a mirrord that took a tree of packages over, and one of these.
func taken(t *testing.T, n int) (m *rig.Mirrord, deb string, data []byte) {
	t.Helper()
	dir, debs := packages(t, n, 50_000)
	m = idle(t, aptRepo("test", "http://127.0.0.1:9"))
	must(t, m, "import", "tree", dir, "--repo", "test")
	return m, "pool/p000.deb", debs["pool/p000.deb"]
}

// TestExportRotten: an object that is not what its name says is not exported.
func TestExportRotten(t *testing.T) {
	for _, link := range []bool{false, true} {
		m, _, data := taken(t, 3)
		sum := rig.Sum(data)
		blob := filepath.Join(m.Data, "blobs/sha256", sum[:2], sum)
		data[100] ^= 1
		err := os.Chmod(blob, 0o600)
		if err == nil {
			err = os.WriteFile(blob, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		usb := filepath.Join(t.TempDir(), "usb")
		args := []string{"export", usb}
		if link {
			args = append(args, "--link")
		}
		out := must(t, m, args...)
		if n := sumOf(t, out, "test"); n.wrong != 1 || n.taken != 4 || !strings.Contains(out, `wrong: "test/pool/p000.deb": the stored bytes were not right; mirrord fsck tells more`) {
			t.Errorf("%+v\n%s", n, out)
		}
		if _, err := os.Stat(filepath.Join(usb, "test/pool/p000.deb")); err == nil {
			t.Error("it was exported")
		}
	}
}

// TestExportTarget: nothing is written outside of the directory, wherever links in it
// lead; files of an earlier export are renewed, others stay; what cannot be written is
// told.
func TestExportTarget(t *testing.T) {
	m, deb, data := taken(t, 3)
	usb, outside := filepath.Join(t.TempDir(), "usb"), t.TempDir()
	must(t, m, "export", usb)
	file := filepath.Join(usb, "test", deb)
	writeFile(t, file, strings.Repeat("x", len(data)))
	writeFile(t, filepath.Join(usb, "test/pool/old.deb"), "of an earlier generation")
	if n := sumOf(t, must(t, m, "export", usb), "test"); n.taken != 1 || n.there != 4 {
		t.Errorf("%+v", n)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != string(data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := os.Stat(filepath.Join(usb, "test/pool/old.deb")); err != nil {
		t.Error(err)
	}

	err := os.RemoveAll(filepath.Join(usb, "test/pool"))
	if err == nil {
		err = os.Symlink(outside, filepath.Join(usb, "test/pool"))
	}
	if err != nil {
		t.Fatal(err)
	}
	fails(t, m, 1, "3 files or directories could not be read or written", "export", usb)
	if names, err := os.ReadDir(outside); err != nil || len(names) != 0 {
		t.Errorf("outside are %v, %v", names, err)
	}

	err = os.Remove(filepath.Join(usb, "test/pool"))
	if err == nil {
		err = os.MkdirAll(filepath.Join(file, "in the way"), 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	out := fails(t, m, 1, "1 files or directories could not be read or written", "export", usb)
	if n := sumOf(t, out, "test"); n.taken != 2 || n.unreadable != 1 {
		t.Errorf("%+v\n%s", n, out)
	}
}
