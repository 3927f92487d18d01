package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/vbauerster/cupwriter"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"mirrord/internal/digest"
)

// progress shows layers as they come.
type progress interface {
	layer(d digest.Digest, size int64) bar
	wait() // until all is shown
}

// bar is one layer: it is told the bytes, then the end.
type bar interface {
	io.Writer
	end(err error)
}

// newProgress draws bars on a terminal, and writes a line a layer elsewhere.
func newProgress(out io.Writer) progress {
	if f, ok := out.(*os.File); ok && cupwriter.New(f, false).IsTerminal() {
		return bars{mpb.New(mpb.WithOutput(f))}
	}
	return &lines{out: out}
}

// lines are for logs.
type lines struct {
	mu  sync.Mutex
	out io.Writer // guarded by mu
}

type line struct {
	to   *lines
	d    digest.Digest
	size int64
}

func (l *lines) layer(d digest.Digest, size int64) bar { return line{l, d, size} }

func (l *lines) wait() {}

func (line) Write(b []byte) (int, error) { return len(b), nil }

func (l line) end(err error) {
	if err != nil {
		return // whoever waits for the layer tells
	}
	l.to.mu.Lock()
	defer l.to.mu.Unlock()
	fmt.Fprintf(l.to.out, "layer %s %s done\n", short(l.d), megabytes(l.size))
}

// bars are for people.
type bars struct{ all *mpb.Progress }

type drawn struct {
	bar  *mpb.Bar
	size int64
}

func (b bars) layer(d digest.Digest, size int64) bar {
	return drawn{size: size, bar: b.all.AddBar(size,
		mpb.PrependDecorators(decor.Name(short(d)+" ")),
		mpb.AppendDecorators(decor.CountersKiloByte("% .1f / % .1f")),
	)}
}

func (b bars) wait() { b.all.Wait() }

func (d drawn) Write(b []byte) (int, error) {
	d.bar.IncrBy(len(b))
	return len(b), nil
}

// end also completes the bar of an empty layer, and gives up one that failed:
// wait would wait for either.
func (d drawn) end(err error) {
	if err != nil {
		d.bar.Abort(false)
		return
	}
	d.bar.SetTotal(d.size, true)
}

// unseen is for what is too small to show.
type unseen struct{}

func (unseen) Write(b []byte) (int, error) { return len(b), nil }
func (unseen) end(error)                   {}

// short is as much of a digest as docker shows.
func short(d digest.Digest) string { return string(d.Algorithm()) + ":" + d.Hex()[:12] }

// megabytes counts as docker does, by thousands.
func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
