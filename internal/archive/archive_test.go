package archive

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var long = strings.Repeat("l", 90)

// files are what the archives of the tests hold. One name needs tar's extensions.
var files = map[string]string{
	"a":                        "the first",
	"dir/b.gz":                 strings.Repeat("again and again ", 100),
	"dir/" + long + "/" + long: "of a long name",
	"odd":                      strings.Repeat("x", 511),
}

// made has a shell command make an archive "out" of the files in a directory.
func made(t *testing.T, command string) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, "in", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", command)
	cmd.Dir, cmd.Env = filepath.Join(dir, "in"), append(os.Environ(), "HOME="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	b, err := os.ReadFile(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const rpmSpec = `Name: n
Version: 1
Release: 1
Summary: s
License: l
BuildArch: noarch
%description
d
%install
mkdir -p %{buildroot}/usr/share/n
cp -r . %{buildroot}/usr/share/n
%files
/usr/share/n
`

var rpmbuild = "cat > ../n.spec <<'E'\n" + rpmSpec + `E
rpmbuild -bb --quiet --build-in-place --define "_topdir $HOME/top" --define "_tmppath $HOME" --define "_binary_payload w1.gzdio" ../n.spec
cp ../top/RPMS/noarch/*.rpm ../package.rpm
`

// TestMembers: what is told of the archives that the field's tools make is where the
// files are.
func TestMembers(t *testing.T) {
	for name, tc := range map[string]struct {
		command string
		within  string // the directory that the files have in the archive
	}{
		"tar":      {"tar -cf ../out .", ""},
		"pax":      {"tar --format=posix -cf ../out .", ""},
		"ustar":    {"tar --format=ustar -cf ../out .", ""},
		"v7 names": {"tar --format=gnu -cf ../out *", ""},
		"zip":      {"zip -qr ../out . && mv ../out.zip ../out", ""},
		"stored":   {"zip -q0r ../out . && mv ../out.zip ../out", ""},
		"cpio":     {rpmbuild + "rpm2cpio ../package.rpm > ../out", "usr/share/n/"},
	} {
		t.Run(name, func(t *testing.T) {
			out := made(t, tc.command)
			got := map[string]string{}
			for _, m := range List(bytes.NewReader(out)) {
				got[strings.TrimPrefix(m.Name, tc.within)] = text(t, out, m)
			}
			for name, want := range files {
				if got[name] != want {
					t.Errorf("%s: %.40q, want %.40q", name, got[name], want)
				}
			}
			if len(got) != len(files) {
				t.Errorf("%d members, want %d", len(got), len(files))
			}
		})
	}
}

// text is what a member holds.
func text(t *testing.T, archive []byte, m Member) string {
	t.Helper()
	stored := archive[m.Off : m.Off+m.Len]
	if !m.Deflated {
		return string(stored)
	}
	b, err := io.ReadAll(flate.NewReader(bytes.NewReader(stored)))
	if err != nil {
		t.Errorf("%s: %v", m.Name, err)
	}
	return string(b)
}

func TestAr(t *testing.T) {
	out := made(t, "ar rc ../out a odd dir/b.gz")
	var got []string
	for _, m := range List(bytes.NewReader(out)) {
		got = append(got, fmt.Sprintf("%s %t", m.Name, text(t, out, m) == files[m.Name] || text(t, out, m) == files["dir/"+m.Name]))
	}
	if fmt.Sprint(got) != "[a true odd true b.gz true]" {
		t.Error(got)
	}
}

func TestRPM(t *testing.T) {
	out := made(t, rpmbuild+"mv ../package.rpm ../out")
	members := List(bytes.NewReader(out))
	if len(members) != 3 {
		t.Fatalf("%d members", len(members))
	}
	payload := members[2]
	if !strings.HasPrefix(string(out[payload.Off:]), "\x1f\x8b") || payload.Off+payload.Len != int64(len(out)) {
		t.Errorf("no gzip stream at %d that ends at %d", payload.Off, len(out))
	}
}

// TestSparse: a member of whose bytes not all are stored is not told.
func TestSparse(t *testing.T) {
	for _, format := range []string{"gnu", "posix"} {
		out := made(t, "truncate -s 1M hole && echo end >> hole && tar --format="+format+" -Scf ../out hole a")
		members := List(bytes.NewReader(out))
		if len(members) != 1 || members[0].Name != "a" || text(t, out, members[0]) != files["a"] {
			t.Errorf("%s: %v", format, members)
		}
	}
}

// TestBroken: a cut archive has the members before the cut.
func TestBroken(t *testing.T) {
	out := made(t, "tar --sort=name -cf ../out .")
	whole := List(bytes.NewReader(out))
	last := whole[len(whole)-1]
	cut := List(bytes.NewReader(out[:last.Off+1]))
	if len(cut) != len(whole)-1 {
		t.Errorf("%d of %d members", len(cut), len(whole))
	}
}

func FuzzList(f *testing.F) {
	f.Add([]byte(arMagic + "a/              0           0     0     644     3         `\nabc"))
	f.Add([]byte(rpmMagic + strings.Repeat("\x00", 92) + rpmHeaderMagic + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("070701" + strings.Repeat("00000000", 6) + "00000003" + strings.Repeat("00000000", 4) + "0000000200000000a\x00abc"))
	f.Add([]byte("PK\x03\x04"))
	f.Add(append(make([]byte, 257), "ustar\x0000"...))
	f.Fuzz(func(t *testing.T, b []byte) {
		end := int64(0)
		for _, m := range List(bytes.NewReader(b)) {
			if m.Head < end || m.Off < m.Head || m.Len <= 0 || m.Off+m.Len > int64(len(b)) {
				t.Fatalf("%+v behind %d in %d bytes", m, end, len(b))
			}
			end = m.Off + m.Len
		}
	})
}
