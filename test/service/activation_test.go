package service

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// withPID has the program behind it be told its own process id, as systemd does.
var withPID = []string{"/bin/sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh"}

// TestSocketActivation: systemd's sockets are served, each as its name says, and the
// configured addresses are not.
func TestSocketActivation(t *testing.T) {
	up := faulty.New(t)
	data := rig.Content(1, 4000)
	up.Set("/f", data)
	plain, f := socket(t)
	secure, g := socket(t)
	own := rig.NewCertificate(t, "mirror.test")
	configured := rig.FreeAddr(t)
	config := fmt.Sprintf("listen: [%q]\nlisten_tls: [%q]\ntls: {cert: %s, key: %s}\nrepos:\n  %s", configured, rig.FreeAddr(t), own.Cert, own.Key, repo(up))
	d := startDaemon(t, launch{
		config: config, files: []*os.File{f, g}, wrap: withPID,
		env: []string{"LISTEN_FDS=2", "LISTEN_FDNAMES=http:https"},
	})
	d.addr = plain
	d.answers()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: own.Roots}, ForceAttemptHTTP2: true, DisableKeepAlives: true}}
	ask := func() {
		t.Helper()
		if r := rig.Get(d.url("/r/f")); r.Right("", data) != nil {
			t.Errorf("http: %s", r.How())
		}
		if r := rig.Do(client, http.MethodGet, "https://"+secure+"/r/f"); r.Right("", data) != nil {
			t.Errorf("https: %s", r.How())
		}
		if r := rig.Get("http://" + configured + "/r/f"); r.Err == nil {
			t.Errorf("the configured address is served too: %s", r.How())
		}
	}
	ask()
	d.restart() // which passes them on
	ask()
	d.stop()
	// Between two processes connections wait in the kernel.
	waiting := make(chan rig.Reply)
	go func() { waiting <- rig.Get(d.url("/r/f")) }()
	time.Sleep(50 * time.Millisecond)
	again := startDaemon(t, launch{
		config: config, files: []*os.File{f, g}, wrap: withPID,
		env: []string{"LISTEN_FDS=2", "LISTEN_FDNAMES=http:https"},
	})
	if r := <-waiting; r.Right("", data) != nil {
		t.Errorf("who asked in between: %s", r.How())
	}
	again.stop()
}

// TestSocketNames: what is no TCP socket, or has a name that says nothing, is refused.
func TestSocketNames(t *testing.T) {
	up := faulty.New(t)
	_, tcp := socket(t)
	own := rig.NewCertificate(t, "mirror.test")
	keys := fmt.Sprintf("tls: {cert: %s, key: %s}\n", own.Cert, own.Key)
	file, err := os.Open(own.Cert)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, tc := range []struct {
		names, config string
		f             *os.File
		want          string
	}{
		{"htps", keys, tcp, `a socket with the name "htps", expected http or https`},
		{"https", "", tcp, "systemd passed a socket for https, expected tls"},
		{"http", keys, tcp, "tls is set and nothing listens with it"},
		{"http", "", file, "which is no TCP socket that listens"},
	} {
		d := startDaemon(t, launch{
			config: tc.config + "repos:\n  " + repo(up), files: []*os.File{tc.f}, wrap: withPID,
			env: []string{"LISTEN_FDS=1", "LISTEN_FDNAMES=" + tc.names},
		})
		if code := d.ended(d.pid); code == 0 || !strings.Contains(d.said(), tc.want) {
			t.Errorf("%s: exit %d, %s", tc.names, code, d.said())
		}
	}
}

// TestSystemdSocketActivate runs systemd's own launcher.
func TestSystemdSocketActivate(t *testing.T) {
	tool, err := exec.LookPath("systemd-socket-activate")
	if err != nil {
		fmt.Println("DIDNOTRUN: TestSystemdSocketActivate: there is no systemd-socket-activate here")
		return
	}
	up := faulty.New(t)
	data := rig.Content(1, 4000)
	up.Set("/f", data)
	addr := rig.FreeAddr(t)
	d := startDaemon(t, launch{config: "repos:\n  " + repo(up), wrap: []string{tool, "-l", addr}})
	d.addr = addr
	eventually(t, "the launcher", func() bool { return strings.Contains(d.said(), "Listening on") })
	if r := rig.Get(d.url("/r/f")); r.Right("", data) != nil { // the first connection starts it
		t.Error(r.How())
	}
	d.signal(syscall.SIGTERM)
	if code := d.ended(d.pid); code != 0 {
		t.Errorf("exit %d", code)
	}
}
