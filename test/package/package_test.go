// Package packages installs the .deb and the .rpm and starts what they bring.
package packages

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mirrord/test/rig"
)

// script installs $2 by the commands $3 and $4, removes it by $5 and installs it again,
// in a copy of this machine's root that goes when the process does ($1 is the place of it);
// then it tells what is there, and becomes the service.
const script = `set -e
mount -t tmpfs mirrord-test "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o lowerdir=/,upperdir="$1/upper",workdir="$1/work" "$1/root"
r=$1/root
mount --bind /dev "$r/dev"
mount -t proc proc "$r/proc"
cp "$2" "$r/tmp/package"
chroot "$r" /bin/sh -ec "$3"
echo "# mine" >>"$r/etc/mirrord/mirrord.yaml"
echo data >"$r/var/lib/mirrord/data"
chroot "$r" /bin/sh -ec "$4"
grep -q "# mine" "$r/etc/mirrord/mirrord.yaml" && echo "FACT configuration kept"
chroot "$r" /bin/sh -ec "$5"
test ! -e "$r/usr/bin/mirrord" && cat "$r/var/lib/mirrord/data" && echo "FACT data kept"
rm "$r/var/lib/mirrord/data"
chroot "$r" /bin/sh -ec "$3"
for f in /usr/bin/mirrord /etc/mirrord/mirrord.yaml /var/lib/mirrord /var/log/mirrord /usr/lib/systemd/system/mirrord.service; do
	echo "FACT $(chroot "$r" stat -c '%n %a %U %G' $f)"
done
echo "FACT $(chroot "$r" getent passwd mirrord | cut -d: -f1,6,7)"
chroot "$r" /usr/bin/mirrord check-config --config /etc/mirrord/mirrord.yaml
chroot "$r" systemd-analyze verify /usr/lib/systemd/system/mirrord.service /usr/lib/systemd/system/mirrord.socket /usr/lib/systemd/system/mirrord-tls.socket
echo "FACT units verified"
start=$(sed -n 's/^ExecStart=//p' "$r/usr/lib/systemd/system/mirrord.service")
exec chroot "$r" setpriv --reuid mirrord --regid mirrord --init-groups /bin/sh -c "LISTEN_PID=\$\$ exec $start --offline"
`

// mayMount tells whether such a copy can be made here.
func mayMount(t *testing.T) bool {
	for _, tool := range []string{"unshare", "setpriv", "dpkg", "rpm", "systemd-analyze", "man"} {
		if _, err := exec.LookPath(tool); err != nil {
			fmt.Printf("DIDNOTRUN: %s: there is no %s here\n", t.Name(), tool)
			return false
		}
	}
	dir := t.TempDir()
	try := `mount -t tmpfs x "$1" && mkdir "$1/u" "$1/w" "$1/r" && mount -t overlay o -o lowerdir=/,upperdir="$1/u",workdir="$1/w" "$1/r"`
	if out, err := exec.Command("unshare", "--mount", "/bin/sh", "-c", try, "sh", dir).CombinedOutput(); err != nil {
		fmt.Printf("DIDNOTRUN: %s: a copy of the root cannot be mounted here: %s\n", t.Name(), strings.TrimSpace(string(out)))
		return false
	}
	return true
}

func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("make", "-s", "-C", "../..", "packages", "PACKAGES="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// TestPackages: each is installed, upgraded, removed and installed again by its own
// tool, and what it brings starts as its user, on systemd's socket, with the packaged
// configuration.
func TestPackages(t *testing.T) {
	if !mayMount(t) {
		return
	}
	dir := build(t)
	for kind, do := range map[string][3]string{
		"deb": {"dpkg -i /tmp/package", "dpkg -i /tmp/package", "dpkg -r mirrord"},
		// This machine's own packages are dpkg's: rpm knows of no /bin/sh.
		"rpm": {"rpm -i --nodeps /tmp/package", "rpm -U --force --nodeps /tmp/package", "rpm -e --nodeps mirrord"},
	} {
		t.Run(kind, func(t *testing.T) {
			files, err := filepath.Glob(dir + "/*." + kind)
			if err != nil || len(files) != 1 {
				t.Fatalf("%v, %v", files, err)
			}
			installed(t, files[0], do)
		})
	}
}

func installed(t *testing.T, file string, do [3]string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l.Close()
	name := fmt.Sprintf("@mirrord-test-%d-%s", os.Getpid(), filepath.Ext(file))
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer told.Close()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "/bin/sh", "-c", script, "sh", t.TempDir(), file, do[0], do[1], do[2])
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = out, out, []*os.File{f}
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+name, "LISTEN_FDS=1", "LISTEN_FDNAMES=http", "LC_ALL=C.UTF-8")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	said := func() string {
		text, _ := os.ReadFile(out.Name())
		return string(text)
	}
	defer func() {
		cmd.Process.Kill()
		if t.Failed() {
			t.Logf("output:\n%s", said())
		}
	}()
	ready := make(chan string, 1)
	go func() {
		buf := make([]byte, 1024)
		n, _ := told.Read(buf)
		ready <- string(buf[:n])
	}()
	select {
	case first := <-ready:
		if !strings.HasPrefix(first, "READY=1\n") {
			t.Errorf("systemd is told %q", first)
		}
	case err := <-ended:
		t.Fatalf("it ended: %v", err)
	}
	for _, want := range []string{
		"configuration kept", "data kept", "units verified",
		"/usr/bin/mirrord 755 root root", "/etc/mirrord/mirrord.yaml 640 root mirrord",
		"/var/lib/mirrord 750 mirrord mirrord", "/var/log/mirrord 750 mirrord mirrord",
		"/usr/lib/systemd/system/mirrord.service 644 root root",
		"mirrord:/var/lib/mirrord:/usr/sbin/nologin",
	} {
		if !strings.Contains(said(), "FACT "+want+"\n") {
			t.Errorf("not so: %s", want)
		}
	}
	for path, want := range map[string]string{"/readyz": "ok\n", "/": "/debian/\n"} {
		if r := rig.Get("http://" + l.Addr().String() + path); r.Status != http.StatusOK || !strings.Contains(string(r.Body), want) {
			t.Errorf("%s: %s", path, r.How())
		}
	}
	cmd.Process.Signal(syscall.SIGTERM)
	if err := <-ended; err != nil {
		t.Errorf("stopped: %v", err)
	}
}
