package trace

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// logLine is the common log format, which the combined one begins with:
//
//	HOST - USER [TIME] "METHOD PATH PROTOCOL" STATUS BYTES ...
var logLine = regexp.MustCompile(`^\S+ \S+ .*?\[([^\]]+)\] "(\S+) (\S+)[^"]*" (\d{3}) (\d+|-)`)

const logTime = "02/Jan/2006:15:04:05 -0700"

var errNoLog = errors.New("no line of it is in the common log format")

// ReadLog makes a trace of an access log as nginx, Apache and others write it: of
// whole answers to GET, and of answers that the client's own copy still holds. A path
// whose answers change in size has a new version, and the one before is dead.
func ReadLog(name string, r io.Reader) (*Trace, error) {
	b := new(builder)
	known := make(map[string]uint32)
	var start time.Time
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		at, path, size, ok := parseLine(lines.Text())
		if !ok {
			continue
		}
		if start.IsZero() {
			start = at
		}
		second := int(at.Sub(start) / time.Second)
		id, seen := known[path]
		if size < 0 && !seen {
			continue // of what size it is nobody says
		}
		if size >= 0 && seen && b.t.Sizes[id] != size {
			b.dies(second, id)
			seen = false
		}
		if !seen {
			id = b.object(size)
			known[path] = id
		}
		b.get(second, id)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(b.t.Events) == 0 {
		return nil, errNoLog
	}
	return b.done(name), nil
}

// parseLine tells what was asked for; size is -1 where the answer has no body.
func parseLine(line string) (at time.Time, path string, size int64, ok bool) {
	f := logLine.FindStringSubmatch(line)
	if f == nil || f[2] != http.MethodGet {
		return at, "", 0, false
	}
	at, err := time.Parse(logTime, f[1])
	if err != nil {
		return at, "", 0, false
	}
	switch f[4] {
	case fmt.Sprint(http.StatusOK):
		size, err = strconv.ParseInt(f[5], 10, 64)
		return at, f[3], size, err == nil
	case fmt.Sprint(http.StatusNotModified):
		return at, f[3], -1, true
	}
	return at, "", 0, false
}
