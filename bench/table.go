package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// print shows the report to people.
func (r *report) print(w io.Writer) error {
	m := r.Machine
	fmt.Fprintf(w, "\n%d cores (%s), Linux %s, %s\n", m.Cores, m.CPU, m.Kernel, m.Go)
	if len(r.Hits) > 0 {
		fmt.Fprintf(w, "\nHits: %d connections, %d wrk threads, %v a run, medians of %d interleaved rounds\n\n",
			r.Load.Connections, r.Load.Threads, r.Load.Duration, len(r.Hits[0].Rounds))
		if err := r.printHits(w); err != nil {
			return err
		}
	}
	if len(r.Ratios) > 0 {
		fmt.Fprint(w, "\nRatios, medians over the rounds\n\n")
		if err := r.printRatios(w); err != nil {
			return err
		}
	}
	if len(r.Herds) > 0 {
		fmt.Fprintf(w, "\nHerd: %d clients on a cold 64 MiB object, origin limited to 20 MB/s a connection, medians of %d rounds\n\n",
			herdClients, len(r.Herds[0].Rounds))
		if err := r.printHerds(w); err != nil {
			return err
		}
	}
	if len(r.Groups) > 0 {
		fmt.Fprintf(w, "\nGroup: a cold %d MiB object from %d mirrors limited to 8 MB/s a connection, and from the first of them alone\n\n",
			groupSize>>20, groupMirrors)
		if err := r.printGroups(w); err != nil {
			return err
		}
	}
	if len(r.Bars) == 0 {
		return nil
	}
	fmt.Fprint(w, "\nBars (ratios are medians over the rounds)\n\n")
	return r.printBars(w)
}

func (r *report) printHits(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "size\tserver\trequests/s\tCPU us/request\tCPU s/GB\t\n")
	for _, row := range r.Hits {
		fmt.Fprintf(t, "%s\t%s\t%.*f\t%.1f\t%.3f\t\n", sizeName(row.Size), row.Server,
			decimals(row.Median.RequestsPerSecond), row.Median.RequestsPerSecond, row.Median.CPUPerRequest, row.Median.CPUPerGB)
	}
	return t.Flush()
}

func (r *report) printRatios(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "size\tserver\tto\trequests/s\tCPU per request\t\n")
	for _, row := range r.Ratios {
		fmt.Fprintf(t, "%s\t%s\t%s\t%.2fx\t%.3fx\t\n", sizeName(row.Size), row.Server, row.Peer, row.Rate, row.CPU)
	}
	return t.Flush()
}

func (r *report) printHerds(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "server\tupstream bytes\tupstream requests\tjoiner's first byte, median ms\tslowest ms\ttotal s\t\n")
	for _, row := range r.Herds {
		h := row.Median
		fmt.Fprintf(t, "%s\t%.3fx\t%d\t%.1f\t%.1f\t%.2f\t\n", row.Server,
			h.UpstreamRatio, h.UpstreamRequests, h.JoinerMedian*1e3, h.JoinerMax*1e3, h.Total)
	}
	return t.Flush()
}

func (r *report) printGroups(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "round\tdirectly s\tthrough mirrord s\ttimes as fast\tupstream bytes\tthe best dies: longest pause ms\tthree dead: errors\t\n")
	for i, g := range r.Groups {
		fmt.Fprintf(t, "%d\t%.2f\t%.2f\t%.2f\t%.3fx\t%.0f\t%d\t\n", i+1, g.Direct, g.Total, g.Times, g.Bytes, 1e3*g.Pause, g.Errors)
	}
	return t.Flush()
}

func (r *report) printBars(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, b := range r.Bars {
		verdict, sign := "MISS", "<="
		if b.Pass {
			verdict = "PASS"
		}
		if b.Least {
			sign = "> "
		}
		fmt.Fprintf(t, "%s\t%s\t%.*f%s\t(%s %.2f%s)\n", verdict, b.Name, max(2, decimals(b.Value)), b.Value, b.Unit, sign, b.Limit, b.Unit)
	}
	return t.Flush()
}

// decimals is how many a figure deserves.
func decimals(v float64) int {
	if v < 100 {
		return 1
	}
	return 0
}
