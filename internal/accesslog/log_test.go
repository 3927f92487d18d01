package accesslog

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is a stream that a test reads, stops and breaks.
type pipe struct {
	mu   sync.Mutex
	text []byte        // guarded by mu
	room int           // bytes that it takes before it fails, -1 any number; guarded by mu
	stop chan struct{} // what it waits for before each write; nil = nothing
}

func (p *pipe) Write(b []byte) (int, error) {
	if p.stop != nil {
		<-p.stop
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(b)
	if p.room >= 0 {
		n = min(n, p.room)
		p.room -= n
	}
	p.text = append(p.text, b[:n]...)
	if n < len(b) {
		return n, errors.New("no space left")
	}
	return n, nil
}

func (p *pipe) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.text)
}

func (p *pipe) give(room int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.room = room
}

func short(b []byte, e *Entry) []byte { return append(append(b, e.URI...), '\n') }

func TestWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &pipe{room: -1}
		l := To(out, short, slog.New(slog.DiscardHandler))
		for range 3 {
			l.Write(&Entry{URI: "/a"})
			time.Sleep(flushEvery / 2)
			synctest.Wait()
			had := strings.Count(out.String(), "\n")
			time.Sleep(flushEvery)
			synctest.Wait()
			if got := strings.Count(out.String(), "\n"); got != had+1 {
				t.Errorf("%d lines, then %d", had, got)
			}
		}
		for range flushAt { // two bytes or more each
			l.Write(&Entry{URI: "/b"})
		}
		synctest.Wait()
		if got := len(out.String()); got < flushAt {
			t.Errorf("%d bytes written at once, expected %d or more", got, flushAt)
		}
		l.Close()
		if got := strings.Count(out.String(), "\n"); got != flushAt+3 {
			t.Errorf("%d lines in the end", got)
		}
	})
}

// TestStuckDisk: nobody waits for it, memory is bounded, and what is lost is told.
func TestStuckDisk(t *testing.T) {
	var told bytes.Buffer
	out := &pipe{room: -1, stop: make(chan struct{})}
	l := To(out, short, slog.New(slog.NewTextHandler(&told, nil)))
	const most = 3 * heldMost / 100
	for range most {
		l.Write(&Entry{URI: strings.Repeat("x", 99)})
	}
	l.mu.Lock()
	if len(l.held) > heldMost+100 || l.lost == 0 {
		t.Errorf("%d bytes held, %d lines lost", len(l.held), l.lost)
	}
	l.mu.Unlock()
	close(out.stop)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	text := out.String()
	if got := strings.Count(text, "\n"); got == 0 || got >= most || len(text) != got*100 {
		t.Errorf("%d lines in %d bytes", got, len(text))
	}
	if strings.Count(told.String(), "are lost") != 1 {
		t.Errorf("told: %s", told.String())
	}
}

// TestFullDisk: a line that was cut does not spoil the one behind it, and the log
// goes on when there is room.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told bytes.Buffer
		out := &pipe{room: 7}
		l := To(out, short, slog.New(slog.NewTextHandler(&told, nil)))
		pause := func() {
			time.Sleep(2 * flushEvery)
			synctest.Wait()
		}
		l.Write(&Entry{URI: "/one"})
		l.Write(&Entry{URI: "/two"})
		pause()
		l.Write(&Entry{URI: "/three"})
		pause()
		out.give(-1)
		l.Write(&Entry{URI: "/four"})
		l.Close()
		if got := out.String(); got != "/one\n/t\n/four\n" {
			t.Errorf("got %q", got)
		}
		if strings.Count(told.String(), "are lost") != 1 || !strings.Contains(told.String(), "no space left") {
			t.Errorf("told: %s", told.String())
		}
	})
}

// TestRotation: no line is lost and none is torn while the file is moved away.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "access.log")
	l, err := Open(path, short, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	const writers, each = 4, 20_000
	for range writers {
		wg.Go(func() {
			for range each {
				l.Write(&Entry{URI: "/some/path"})
			}
		})
	}
	for _, to := range []string{"access.log.1", "access.log.2", "access.log.3"} {
		if err := os.Rename(path, filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
		if err := l.Reopen(); err != nil {
			t.Fatal(err)
		}
		l.Write(&Entry{URI: "/after"})
		time.Sleep(5 * time.Millisecond)
	}
	wg.Wait()
	l.Close()
	files, _ := filepath.Glob(path + "*")
	lines := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines += strings.Count(string(text), "/some/path\n") + strings.Count(string(text), "/after\n")
	}
	if len(files) != 4 || lines != writers*each+3 {
		t.Errorf("%d lines in %d files, expected %d in 4", lines, len(files), writers*each+3)
	}
	if err := l.Reopen(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

// TestReopen: what was noted before goes to the file that was moved away, so that
// nobody writes to it when it is packed, and what is noted after to the new one.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	l, err := Open(path, short, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	l.Write(&Entry{URI: "/before"})
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.Write(&Entry{URI: "/after"})
	l.Close()
	for file, want := range map[string]string{path + ".1": "/before\n", path: "/after\n"} {
		if text, err := os.ReadFile(file); string(text) != want {
			t.Errorf("%s: %q, %v, expected %q", filepath.Base(file), text, err, want)
		}
	}
}

// TestRotationThatFails keeps the file that there is.
func TestRotationThatFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := Open(filepath.Join(dir, "a"), short, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, dir+".old"); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err == nil {
		t.Error("a directory that is not there")
	}
	l.Write(&Entry{URI: "/kept"})
	l.Close()
	if text, err := os.ReadFile(filepath.Join(dir+".old", "a")); string(text) != "/kept\n" {
		t.Errorf("%q, %v", text, err)
	}
}
