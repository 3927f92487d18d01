package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// startPatience is for a server to listen, on a machine that may be busy.
	startPatience = 20 * time.Second
	// stopPatience is for a server to end after SIGTERM; then it is killed.
	stopPatience = 10 * time.Second
)

var (
	errNotListening = errors.New("does not listen")
	errNoPort       = errors.New("no free port between 20000 and 32000")
)

// process is a server that this program started, and so may stop.
type process struct {
	cmd  *exec.Cmd
	log  string // file with what it said
	done chan struct{}
	err  error // of Wait; read after done
}

// startProcess runs a server in the foreground and waits until it listens on addr.
func startProcess(ctx context.Context, dir, addr, program string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(program, args...), log: filepath.Join(dir, "output.log"), done: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the bench, which then stops it
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err := p.waitListening(ctx, addr); err != nil {
		said, _ := os.ReadFile(p.log)
		p.stop()
		return nil, fmt.Errorf("%s: %w: %s", filepath.Base(program), err, said)
	}
	return p, nil
}

func (p *process) waitListening(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	var dialer net.Dialer
	for {
		if c, err := dialer.DialContext(ctx, "tcp", addr); err == nil {
			return c.Close()
		}
		select {
		case <-p.done:
			return fmt.Errorf("%w: it ended: %v", errNotListening, p.err)
		case <-ctx.Done():
			return fmt.Errorf("%w on %s: %w", errNotListening, addr, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-p.done:
	case <-time.After(stopPatience):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// listen takes a free loopback port under 32768: apt-cacher-ng 3.7.4 can neither
// bind nor dial a higher one, and Linux gives none of these to outgoing connections.
func listen() (net.Listener, error) {
	for range 100 {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000)))
		if err == nil {
			return ln, nil
		}
	}
	return nil, errNoPort
}

// freeAddr is an address that was free a moment ago.
func freeAddr() (string, error) {
	ln, err := listen()
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}
