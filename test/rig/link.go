package rig

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Link is a line to a network namespace of its own, with one address there that only
// this machine reaches. Servers in it share the line.
type Link struct {
	Addr string // host:port for a server
	tb   testing.TB
	name string // of the namespace
	far  string // the interface in it
}

var (
	links   atomic.Int32 // made by this process
	noNetem sync.Once
)

// StartLink makes a link until the test ends, one of 63 of this process: what comes
// back over it passes at so many bits a second, and so much later where the kernel has
// netem. nil where the machine has no namespaces, which it then says in the form that
// scripts/testsummary counts.
func StartLink(tb testing.TB, bits int64, delay time.Duration) *Link {
	tb.Helper()
	i := links.Add(1) - 1
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		fmt.Printf("DIDNOTRUN: %s: network namespaces need root on Linux\n", tb.Name())
		return nil
	}
	// 198.18.0.0/15 is for measurements between devices, and routed nowhere.
	net := fmt.Sprintf("198.18.%d.", os.Getpid()%256)
	near, far := fmt.Sprintf("%s%d", net, 4*i+1), fmt.Sprintf("%s%d", net, 4*i+2)
	id := fmt.Sprintf("%d.%d", os.Getpid()%100000, i)
	l := &Link{Addr: far + ":80", tb: tb, name: "mirrord-" + id, far: "mr" + id + "f"}
	here := "mr" + id + "n"
	if out, err := exec.Command("ip", "netns", "add", l.name).CombinedOutput(); err != nil {
		fmt.Printf("DIDNOTRUN: %s: no network namespaces here: %v: %s\n", tb.Name(), err, strings.TrimSpace(string(out)))
		return nil
	}
	tb.Cleanup(func() { _ = exec.Command("ip", "netns", "delete", l.name).Run() }) // its interfaces go with it
	l.ip("link", "add", here, "type", "veth", "peer", "name", l.far, "netns", l.name)
	l.ip("address", "add", near+"/30", "dev", here)
	l.ip("link", "set", here, "up")
	l.ip("-n", l.name, "address", "add", far+"/30", "dev", l.far)
	l.ip("-n", l.name, "link", "set", l.far, "up")
	l.shape(bits, delay)
	return l
}

// shape limits the line.
func (l *Link) shape(bits int64, delay time.Duration) {
	l.tb.Helper()
	rate := fmt.Sprint(bits)
	out, err := l.tc("netem", "rate", rate, "delay", fmt.Sprintf("%dus", delay.Microseconds()), "limit", "2000")
	if err == nil {
		return
	}
	noNetem.Do(func() {
		fmt.Printf("DIDNOTRUN: %s: latencies of lines, without netem in this kernel: %s\n", l.tb.Name(), strings.TrimSpace(string(out)))
	})
	if out, err := l.tc("tbf", "rate", rate, "burst", "32kb", "latency", "100ms"); err != nil {
		l.tb.Fatalf("tc: %v: %s", err, out)
	}
}

func (l *Link) tc(qdisc ...string) ([]byte, error) {
	args := append([]string{"-n", l.name, "qdisc", "add", "dev", l.far, "root"}, qdisc...)
	return exec.Command("tc", args...).CombinedOutput()
}

// Cut has the line go dark: nothing passes, and nobody is told.
func (l *Link) Cut() { l.ip("-n", l.name, "link", "set", l.far, "down") }

func (l *Link) ip(args ...string) {
	l.tb.Helper()
	run(l.tb, "", nil, "ip", args...)
}
