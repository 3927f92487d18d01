package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

var errStat = errors.New("not a /proc/PID/stat line")

// tick is the unit of the times in /proc/PID/stat: Linux shows them in 1/100 s on
// every platform that Go runs on, whatever the kernel's own tick. See proc(5).
const tick = 10 * time.Millisecond

// procStat is what counts here of one /proc/PID/stat.
type procStat struct {
	PID, Parent int
	CPU         time.Duration // user and system, with the children it has waited for
}

// parseStat reads one line. The command's name may hold blanks and brackets, so
// the fields are counted from the last closing bracket.
func parseStat(line string) (procStat, error) {
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return procStat{}, fmt.Errorf("%w: %q", errStat, line)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line[:open]))
	if err != nil {
		return procStat{}, fmt.Errorf("%w: %w", errStat, err)
	}
	f := strings.Fields(line[end+1:]) // f[0] is field 3 of proc(5)
	if len(f) < 15 {
		return procStat{}, fmt.Errorf("%w: %q", errStat, line)
	}
	parent, err := strconv.Atoi(f[1])
	if err != nil {
		return procStat{}, fmt.Errorf("%w: %w", errStat, err)
	}
	var ticks int64
	for _, text := range f[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return procStat{}, fmt.Errorf("%w: %w", errStat, err)
		}
		ticks += n
	}
	return procStat{PID: pid, Parent: parent, CPU: time.Duration(ticks) * tick}, nil
}

// treeCPU sums root and all that descend from it.
func treeCPU(all []procStat, root int) time.Duration {
	children := make(map[int][]procStat)
	var sum time.Duration
	for _, p := range all {
		children[p.Parent] = append(children[p.Parent], p)
		if p.PID == root {
			sum = p.CPU
		}
	}
	for _, p := range children[root] {
		sum += treeCPU(all, p.PID)
	}
	return sum
}

// readCPU is the CPU that a process and its descendants have used so far.
func readCPU(root int) (time.Duration, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	var all []procStat
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // it ended since the listing
		}
		p, err := parseStat(string(line))
		if err != nil {
			return 0, err
		}
		all = append(all, p)
	}
	// A server that has just started may have used less than a tick.
	if !slices.ContainsFunc(all, func(p procStat) bool { return p.PID == root }) {
		return 0, fmt.Errorf("process %d is not in /proc; has it ended?", root)
	}
	return treeCPU(all, root), nil
}
