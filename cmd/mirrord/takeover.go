package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A mirrord that is told to restart starts the program anew and hands it its sockets.
// Then, over a pipe between the two, a line at a time:
//
//	new: ready     the configuration is good, the sockets are there
//	old: take      the data directory is free
//	new: serving   whoever waits in the kernel is answered
//	old: (end)     systemd knows the new one
//
// The end of the pipe at any other point is the end of the other.
const (
	sayReady   = "ready"
	sayTake    = "take"
	sayServing = "serving"
)

// inheritVar tells the new process what it has from the old one: the pipe is
// descriptor 3, the sockets are those behind it.
const inheritVar = "MIRRORD_INHERIT"

const firstInherited = 3

// successor is the process that is to take over.
type successor struct {
	cmd   *exec.Cmd
	pipe  net.Conn
	lines *bufio.Reader
	ended chan struct{} // closed when the process has
}

var errFirst = errors.New("process 1 cannot be replaced; restart the container")

// startSuccessor starts the program again, as it is on disk now, with the same
// arguments, and waits until it says that it can take over.
func (s *service) startSuccessor(ctx context.Context) (*successor, error) {
	if os.Getpid() == 1 { // the container would end with it
		return nil, errFirst
	}
	path, err := exec.LookPath(os.Args[0])
	if err != nil {
		return nil, err
	}
	ours, theirs, err := pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd := exec.Command(path, os.Args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{theirs}
	for _, l := range s.sockets {
		f, err := l.descriptor()
		if err != nil {
			ours.Close()
			return nil, err
		}
		defer f.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	text, err := json.Marshal(s.sockets)
	if err != nil {
		return nil, err
	}
	// Without its WATCHDOG_PID the watchdog is for any process.
	cmd.Env = append(without(os.Environ(), "WATCHDOG_PID"), inheritVar+"="+string(text))
	next := &successor{cmd: cmd, pipe: ours, lines: bufio.NewReader(ours), ended: make(chan struct{})}
	err = cmd.Start()
	theirs.Close() // so that its end shows
	if err != nil {
		next.close()
		return nil, err
	}
	go func() {
		cmd.Wait() // hear tells of an early end
		close(next.ended)
	}()
	if err := next.hear(ctx, sayReady); err != nil {
		next.kill()
		return nil, err
	}
	return next, nil
}

// pipe is one that both ends read and write.
func pipe() (ours net.Conn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	theirs = os.NewFile(uintptr(fds[1]), "takeover")
	f := os.NewFile(uintptr(fds[0]), "takeover")
	defer f.Close()
	ours, err = net.FileConn(f)
	if err != nil {
		theirs.Close()
	}
	return ours, theirs, err
}

func without(env []string, name string) (kept []string) {
	for _, kv := range env {
		if !strings.HasPrefix(kv, name+"=") {
			kept = append(kept, kv)
		}
	}
	return kept
}

func (n *successor) pid() int { return n.cmd.Process.Pid }

// hear waits for a word.
func (n *successor) hear(ctx context.Context, want string) error {
	stop := context.AfterFunc(ctx, func() { n.pipe.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	n.pipe.SetReadDeadline(time.Now().Add(startFor))
	line, err := n.lines.ReadString('\n')
	if err != nil {
		return fmt.Errorf("it did not get as far as %q: %w", want, rootCause(err))
	}
	if got := strings.TrimSpace(line); got != want {
		return fmt.Errorf("it said %q, expected %q", got, want)
	}
	return nil
}

// take tells it that the data directory is free, and waits until it serves.
func (n *successor) take() error {
	if _, err := fmt.Fprintln(n.pipe, sayTake); err != nil {
		return err
	}
	return n.hear(context.Background(), sayServing)
}

// kill ends it.
func (n *successor) kill() {
	n.cmd.Process.Kill()
	n.close()
	<-n.ended
}

func (n *successor) close() { n.pipe.Close() }

// predecessor is the process whose place this one takes; nil = there is none.
type predecessor struct {
	pipe    net.Conn
	lines   *bufio.Reader
	sockets []socket
}

// findPredecessor reads what this process was started with.
func findPredecessor() (*predecessor, error) {
	text, ok := os.LookupEnv(inheritVar)
	if !ok {
		return nil, nil
	}
	os.Unsetenv(inheritVar)
	p := new(predecessor)
	if err := json.Unmarshal([]byte(text), &p.sockets); err != nil {
		return nil, fmt.Errorf("%s: %w", inheritVar, err)
	}
	f := inheritedFile(0)
	defer f.Close()
	var err error
	if p.pipe, err = net.FileConn(f); err != nil {
		return nil, fmt.Errorf("%s is set, and no mirrord started this one: %w", inheritVar, rootCause(err))
	}
	p.lines = bufio.NewReader(p.pipe)
	for i := range p.sockets {
		if p.sockets[i].TCPListener, err = listener(inheritedFile(i + 1)); err != nil {
			return nil, fmt.Errorf("socket %s of the mirrord before: %w", p.sockets[i].Name, rootCause(err))
		}
	}
	return p, nil
}

func inheritedFile(n int) *os.File {
	fd := firstInherited + n
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "inherited")
}

// inherited are the sockets.
func (p *predecessor) inherited() []socket {
	if p == nil {
		return nil
	}
	return p.sockets
}

// wait tells the other that this one is ready, and waits until it has let the data
// directory go, be it by its end.
func (p *predecessor) wait() {
	if p == nil {
		return
	}
	fmt.Fprintln(p.pipe, sayReady)
	p.lines.ReadString('\n')
}

// done tells the other that this one serves, and waits until it has told systemd.
func (p *predecessor) done() {
	if p == nil {
		return
	}
	fmt.Fprintln(p.pipe, sayServing)
	p.pipe.SetReadDeadline(time.Now().Add(startFor))
	p.lines.ReadString('\n')
	p.pipe.Close()
}
