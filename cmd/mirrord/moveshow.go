package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/cupwriter"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"mirrord/internal/moving"
)

// saysEvery is how often a line tells how far it is where there is no terminal.
const saysEvery = 10 * time.Second

// moveShow shows how far an import or an export is. It is safe for concurrent use.
type moveShow struct {
	all  *mpb.Progress // nil where there is no terminal
	bar  *mpb.Bar      // of all
	line func(string)

	files, expected atomic.Int64
	bytes, total    atomic.Int64
	said            atomic.Int64 // when a line told last, unix nanoseconds
}

// newMoveShow draws a bar on a terminal, and writes a line now and then elsewhere.
func newMoveShow(out io.Writer) *moveShow {
	s := new(moveShow)
	s.said.Store(time.Now().UnixNano())
	if f, ok := out.(*os.File); ok && cupwriter.New(f, false).IsTerminal() {
		s.all = mpb.New(mpb.WithOutput(f))
		s.bar = s.all.AddBar(0,
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return s.count() })),
			mpb.AppendDecorators(decor.CountersKiloByte("% .1f / % .1f"), decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO)),
		)
		out = s.all // lines stand above the bar
	}
	var mu sync.Mutex
	s.line = func(line string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(out, line)
	}
	return s
}

// Expect adds to what is to come.
func (s *moveShow) Expect(files int, bytes int64) {
	s.expected.Add(int64(files))
	total := s.total.Add(bytes)
	if s.bar != nil {
		s.bar.SetTotal(total, false)
	}
}

// Did counts one file.
func (s *moveShow) Did(bytes int64) {
	s.files.Add(1)
	done := s.bytes.Add(bytes)
	if s.bar != nil {
		s.bar.SetCurrent(done)
		return
	}
	now, said := time.Now().UnixNano(), s.said.Load()
	if time.Duration(now-said) >= saysEvery && s.said.CompareAndSwap(said, now) {
		s.Line(fmt.Sprintf("%s, %s of %s", s.count(), inUnits(done), inUnits(s.total.Load())))
	}
}

func (s *moveShow) count() string {
	return fmt.Sprintf("%d of %d files", s.files.Load(), s.expected.Load())
}

// Line writes one.
func (s *moveShow) Line(line string) { s.line(line) }

// end leaves the bar as it is.
func (s *moveShow) end() {
	if s.all == nil {
		return
	}
	if s.files.Load() > 0 {
		s.bar.SetTotal(s.bytes.Load(), true)
	} else {
		s.bar.Abort(true)
	}
	s.all.Wait()
}

var _ moving.Shower = (*moveShow)(nil)

// inUnits counts by thousands, as disks are sold.
func inUnits(n int64) string {
	const units = "kMGT"
	size, unit := float64(n)/1e3, 0
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	for ; size >= 1000 && unit < len(units)-1; unit++ {
		size /= 1000
	}
	return fmt.Sprintf("%.1f %cB", size, units[unit])
}

// summary is a line on what became of one repository's files; done says what was done.
func summary(s moving.Sum, done string) string {
	line := fmt.Sprintf("%d %s, %s", s.Taken(), done, inUnits(s.Bytes))
	if s.Taken() > 0 {
		line += fmt.Sprintf(" (%d linked, %d cloned, %d copied)", s.Linked, s.Cloned, s.Copied)
	}
	line += fmt.Sprintf("; %d there already, %d wrong, %d unreadable", s.There, s.Wrong, s.Unreadable)
	if s.Unlisted > 0 {
		line += fmt.Sprintf(", %d that nobody vouches for", s.Unlisted)
	}
	if s.Unconfirmed > 0 {
		line += fmt.Sprintf("; %d to be confirmed with upstream", s.Unconfirmed)
	}
	return line
}
