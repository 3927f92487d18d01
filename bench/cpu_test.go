package main

import (
	"errors"
	"os"
	"testing"
	"time"
)

// The tail from field 4 on: parent 100, then utime 250, stime 50, cutime 7, cstime 3.
const statTail = " 100 4242 4242 0 -1 4194560 900 0 0 0 250 50 7 3 20 0 4 0 12345 1000000 500 18446744073709551615\n"

func TestParseStat(t *testing.T) {
	want := procStat{PID: 4242, Parent: 100, CPU: 3100 * time.Millisecond}
	for _, line := range []string{
		"4242 (nginx) S" + statTail,
		"4242 (a (b) c) R 9) S" + statTail,
		"4242 (two words) S" + statTail,
	} {
		if got, err := parseStat(line); err != nil || got != want {
			t.Errorf("parseStat(%q) = %+v, %v; want %+v", line, got, err, want)
		}
	}
	for _, line := range []string{"", "4242", "4242 (nginx) S 1 2 3", "x (nginx) S" + statTail, "4242 )nginx( S" + statTail, "4242 (nginx) S x" + statTail} {
		if got, err := parseStat(line); !errors.Is(err, errStat) {
			t.Errorf("parseStat(%q) = %+v, %v; want errStat", line, got, err)
		}
	}
}

func TestTreeCPU(t *testing.T) {
	all := []procStat{
		{PID: 1, CPU: time.Hour},
		{PID: 10, Parent: 1, CPU: 1 * time.Second},
		{PID: 11, Parent: 10, CPU: 2 * time.Second},
		{PID: 12, Parent: 11, CPU: 4 * time.Second},
		{PID: 20, Parent: 1, CPU: time.Minute},
	}
	if got, want := treeCPU(all, 10), 7*time.Second; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := treeCPU(all, 99); got != 0 {
		t.Errorf("an unknown process: %v", got)
	}
}

func TestReadCPUSeesItsOwnWork(t *testing.T) {
	for start := time.Now(); time.Since(start) < 100*time.Millisecond; {
		_ = start
	}
	if cpu, err := readCPU(os.Getpid()); err != nil || cpu < tick {
		t.Errorf("%v, %v", cpu, err)
	}
}
