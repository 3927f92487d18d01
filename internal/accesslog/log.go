package accesslog

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

const (
	// flushEvery is how long a line may wait: whoever watches the file does not mind.
	flushEvery = time.Second
	// flushAt bytes are written at once.
	flushAt = 64 << 10
	// heldMost bounds what waits for a disk that does not answer. More is lost, and
	// counted: requests never wait for their log.
	heldMost = 4 << 20
	// closeFor bounds the wait for a disk or a pipe at the end.
	closeFor = 3 * time.Second
	// tellEvery bounds how often it is told that lines were lost.
	tellEvery = time.Minute
)

// Log is an access log. It is safe for concurrent use.
type Log struct {
	path   string // "" = a stream, which is never opened anew
	format Format
	log    *slog.Logger

	first  chan struct{}   // a line is there that nobody waits with yet
	full   chan struct{}   // there are flushAt bytes
	reopen chan chan error // asks the writer for another file
	closed chan struct{}
	done   chan struct{} // closed when the writer has ended

	mu   sync.Mutex
	held []byte // whole lines; guarded by mu
	lost int    // lines, since it was told last; guarded by mu

	// What follows belongs to the writer.
	out   io.WriteCloser
	torn  bool   // out ends in the middle of a line
	spare []byte // what held is exchanged for
	told  time.Time
}

// Open appends to the file at path.
func Open(path string, f Format, log *slog.Logger) (*Log, error) {
	out, err := openFile(path)
	if err != nil {
		return nil, err
	}
	return start(path, out, f, log), nil
}

// To writes to a stream, which stays open.
func To(out io.Writer, f Format, log *slog.Logger) *Log {
	return start("", keptOpen{out}, f, log)
}

type keptOpen struct{ io.Writer }

func (keptOpen) Close() error { return nil }

// openFile: who reads logs is often of a group.
func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
}

func start(path string, out io.WriteCloser, f Format, log *slog.Logger) *Log {
	l := &Log{
		path: path, format: f, log: log, out: out,
		first: make(chan struct{}, 1), full: make(chan struct{}, 1),
		reopen: make(chan chan error), closed: make(chan struct{}), done: make(chan struct{}),
	}
	go l.run()
	return l
}

// Write takes an entry. It never waits.
func (l *Log) Write(e *Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.held) >= heldMost {
		l.lost++
		return
	}
	before := len(l.held)
	l.held = l.format(l.held, e)
	if before == 0 {
		poke(l.first)
	}
	if before < flushAt && len(l.held) >= flushAt {
		poke(l.full)
	}
}

func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// Reopen has the next line go to a new file at the path, after somebody has moved
// the old one away. Where that cannot be opened the old one is kept.
func (l *Log) Reopen() error {
	answer := make(chan error, 1)
	select {
	case l.reopen <- answer:
		return <-answer
	case <-l.done:
		return os.ErrClosed
	}
}

// Close writes what is held, where the disk answers. Nothing may be written after it.
func (l *Log) Close() error {
	close(l.closed)
	select {
	case <-l.done:
		return l.out.Close()
	case <-time.After(closeFor):
		return os.ErrDeadlineExceeded
	}
}

// run is the writer.
func (l *Log) run() {
	defer close(l.done)
	var ripe <-chan time.Time
	for {
		select {
		case <-l.first:
			ripe = time.After(flushEvery)
			continue
		case <-ripe:
			l.flush()
		case <-l.full:
			l.flush()
		case answer := <-l.reopen:
			l.flush()
			answer <- l.another()
		case <-l.closed:
			l.flush()
			return
		}
		ripe = nil
	}
}

func (l *Log) another() error {
	if l.path == "" {
		return nil
	}
	out, err := openFile(l.path)
	if err != nil {
		return err
	}
	l.out.Close()
	l.out = out
	return nil
}

// flush writes what is held. What cannot be written is lost.
func (l *Log) flush() {
	l.mu.Lock()
	text, lost := l.held, l.lost
	l.held, l.lost = l.spare[:0], 0
	l.mu.Unlock()
	l.spare = nil
	var err error
	if len(text) > 0 {
		var n int
		n, err = l.write(text)
		lost += bytes.Count(text[n:], []byte("\n"))
	}
	if cap(text) <= 2*flushAt {
		l.spare = text
	}
	l.tell(lost, err)
}

// write ends a line that was cut before, so that the one behind it is whole.
func (l *Log) write(text []byte) (n int, err error) {
	if l.torn {
		if _, err := l.out.Write([]byte("\n")); err != nil {
			return 0, err
		}
	}
	n, err = l.out.Write(text)
	l.torn = n > 0 && text[n-1] != '\n'
	return n, err
}

// tell logs a loss, or counts it towards the next time.
func (l *Log) tell(lost int, err error) {
	if lost == 0 {
		return
	}
	if now := time.Now(); now.Sub(l.told) >= tellEvery {
		l.told = now
		l.log.Warn("lines of the access log are lost", "lines", lost, "err", err)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost += lost
}
