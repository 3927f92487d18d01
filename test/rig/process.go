package rig

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Process is a server that a test runs, be it upstream or a client with a daemon.
// It belongs to the test's goroutine, but for Output.
type Process struct {
	name string
	out  *logBuffer
	cmd  *exec.Cmd
	done chan error // what Wait said, once
}

// StartProcess runs cmd until the test ends and returns when ready says so. What
// it writes goes to one buffer, unless cmd has a Stdout of its own.
func StartProcess(tb testing.TB, cmd *exec.Cmd, ready func(context.Context) bool) *Process {
	tb.Helper()
	p := &Process{name: cmd.Args[0], out: new(logBuffer), cmd: cmd, done: make(chan error, 1)}
	if cmd.Stdout == nil {
		cmd.Stdout = p.out
	}
	cmd.Stderr = p.out
	cmd.WaitDelay = 5 * time.Second // children of its own may hold the pipe
	cmd.SysProcAttr = dieWithParent()
	if err := cmd.Start(); err != nil {
		tb.Fatalf("%v; scripts/deps.sh installs it", err)
	}
	done := p.done
	go func() { done <- cmd.Wait() }()
	tb.Cleanup(func() {
		_ = p.Stop() // a test that minds calls it itself
		if tb.Failed() {
			tb.Logf("end of the output of %s:\n%s", p.name, p.out.tail(10))
		}
	})
	ctx, cancel := context.WithTimeout(tb.Context(), readyFor)
	defer cancel()
	for !ready(ctx) {
		select {
		case err := <-p.done:
			p.cmd = nil
			tb.Fatalf("%s ended: %v\n%s", p.name, err, p.out.tail(20))
		case <-ctx.Done():
			tb.Fatalf("%s is not ready after %v\n%s", p.name, readyFor, p.out.tail(20))
		case <-time.After(20 * time.Millisecond):
		}
	}
	return p
}

// Stop ends it in good order, by SIGTERM. It is harmless where none runs.
func (p *Process) Stop() error {
	if p.cmd == nil {
		return nil
	}
	cmd := p.cmd
	p.cmd = nil
	_ = cmd.Process.Signal(syscall.SIGTERM) // fails where it ended by itself; Wait tells how
	select {
	case err := <-p.done:
		return err
	case <-time.After(stopFor):
		_ = cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not end within %v of %v", p.name, stopFor, syscall.SIGTERM)
	}
}

// Running tells whether nobody has ended it yet.
func (p *Process) Running() bool { return p.cmd != nil }

// listens is a ready for StartProcess: something takes connections there.
func listens(addr string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	}
}
