package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
)

// report is the JSON result.
type report struct {
	Updates []row    `json:"updates"`
	Left    []string `json:"left_out"` // and why
	Bars    []bar    `json:"bars"`
}

// row is one update. Sizes are in bytes, MB/s of unpacked content a second of CPU.
type row struct {
	Name   string  `json:"name"`
	Whole  int64   `json:"whole"` // what a client fetches without a delta
	Delta  int64   `json:"delta"`
	Share  float64 `json:"share"`
	Make   effort  `json:"make"`
	Apply  effort  `json:"apply"`
	Counts bool    `json:"counts"` // among the .deb updates of the bars
}

// effort is what one command took.
type effort struct {
	MBps   float64 `json:"mb_per_cpu_s"`
	Memory int64   `json:"max_rss"`
}

// bar is one promise and what was measured of it, in percent.
type bar struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Limit float64 `json:"limit"`
	Pass  bool    `json:"pass"`
}

// What is made here.
const (
	baseLayer     = "base image layer"
	rawImage      = "raw disk image"
	packagesIndex = "Packages, 1 % changed"
)

const (
	medianLimit = 18 // percent of the new files' size, without browsers
	totalLimit  = 20
	layerLimit  = 1
	imageLimit  = 12 // of its zstd form
	indexLimit  = 1  // of its xz form
	applyLeast  = 40 // MB/s of content a core
)

// take makes the delta, applies it and compares.
func (r *report) take(ctx context.Context, o options, scratch string, u update, say func(string, ...any)) error {
	delta, out := filepath.Join(scratch, "delta"), filepath.Join(scratch, "rebuilt")
	defer os.Remove(delta)
	defer os.Remove(out)
	made, err := effortOf(exec.CommandContext(ctx, o.program, "delta", "make", "-o", delta, u.old, u.new), u.content)
	if err != nil {
		return err
	}
	applied, err := effortOf(exec.CommandContext(ctx, o.program, "delta", "apply", "-o", out, u.old, delta), u.content)
	if err != nil {
		return err
	}
	if err := exec.CommandContext(ctx, "cmp", u.new, out).Run(); err != nil {
		return fmt.Errorf("what was rebuilt differs: %w", err)
	}
	row := row{Name: u.name, Whole: u.whole, Make: made, Apply: applied, Counts: u.candidate}
	for file, size := range map[string]*int64{delta: &row.Delta, u.new: &row.Whole} {
		if *size > 0 {
			continue
		}
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		*size = info.Size()
	}
	row.Share = float64(row.Delta) / float64(row.Whole)
	say("%s: %d of %d bytes, %.1f %%", row.Name, row.Delta, row.Whole, 100*row.Share)
	r.Updates = append(r.Updates, row)
	return nil
}

// effortOf runs a command to its end.
func effortOf(cmd *exec.Cmd, content int64) (e effort, err error) {
	if out, err := cmd.CombinedOutput(); err != nil {
		return e, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args[1:3], " "), err, bytes.TrimSpace(out))
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if cpu > 0 {
		e.MBps = float64(content) / 1e6 / cpu.Seconds()
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		e.Memory = usage.Maxrss << 10
	}
	return e, nil
}

// judge holds what was measured against what was promised.
func (r *report) judge() {
	var shares, speeds []float64
	var delta, whole int64
	for _, u := range r.Updates {
		switch {
		case u.Counts:
			shares = append(shares, 100*u.Share)
			speeds = append(speeds, u.Apply.MBps)
			delta, whole = delta+u.Delta, whole+u.Whole
		case u.Name == baseLayer:
			r.atMost("the base image's layer", 100*u.Share, layerLimit)
		case u.Name == rawImage:
			r.atMost("a raw disk image, of its zstd form", 100*u.Share, imageLimit)
		case u.Name == packagesIndex:
			r.atMost("Packages, of its xz form", 100*u.Share, indexLimit)
		}
	}
	if len(shares) == 0 {
		return
	}
	r.atMost(".deb updates, median", median(shares), medianLimit)
	r.atMost(".deb updates, in total", 100*float64(delta)/float64(whole), totalLimit)
	speed := median(speeds)
	r.Bars = append(r.Bars, bar{Name: "rebuilding, MB/s of content a core, median (at least)", Value: speed, Limit: applyLeast, Pass: speed >= applyLeast})
}

func (r *report) atMost(name string, value, limit float64) {
	r.Bars = append(r.Bars, bar{Name: name + ", %", Value: value, Limit: limit, Pass: value <= limit})
}

// median of some figures; of an even number, the mean of the two in the middle.
func median(all []float64) float64 {
	v := slices.SortedFunc(slices.Values(all), cmp.Compare)
	mid := len(v) / 2
	if len(v)%2 == 0 {
		return (v[mid-1] + v[mid]) / 2
	}
	return v[mid]
}

// print shows the report to people.
func (r *report) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "update\twhole kB\tdelta kB\tshare %\tmake MB/s\tMiB\tapply MB/s\tMiB\t\n")
	for _, u := range r.Updates {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.1f\t%.1f\t%d\t%.1f\t%d\t\n", u.Name, u.Whole/1000, u.Delta/1000, 100*u.Share,
			u.Make.MBps, u.Make.Memory>>20, u.Apply.MBps, u.Apply.Memory>>20)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, left := range r.Left {
		fmt.Fprintln(w, "left out:", left)
	}
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, b := range r.Bars {
		verdict := "MISS"
		if b.Pass {
			verdict = "PASS"
		}
		fmt.Fprintf(t, "%s\t%s\t%.2f\t(%g)\n", verdict, b.Name, b.Value, b.Limit)
	}
	return t.Flush()
}
