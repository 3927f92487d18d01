package main

import (
	"fmt"
	"io"
	"runtime"
	"sync"
	"text/tabwriter"

	"mirrord/bench/evict/policy"
	"mirrord/bench/evict/trace"
)

// shares are the sizes of the cache, in parts of all that a trace asks for.
var shares = []float64{0.02, 0.05, 0.15, 0.40}

// ratios are of the requests, and of the bytes, that were hits.
type ratios struct{ objects, bytes float64 }

// table is what came of one trace.
type table struct {
	trace *trace.Trace
	rows  [][]ratios // by policy and share
	bound ratios     // of a cache that everything fits into
}

// compare runs every policy at every size, as many at once as there are cores.
func compare(t *trace.Trace) *table {
	result := &table{trace: t, rows: make([][]ratios, len(policy.All))}
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, p := range policy.All {
		result.rows[i] = make([]ratios, len(shares))
		for j, share := range shares {
			wg.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				limits := policy.Limits{Bytes: int64(share * float64(t.Bytes())), Objects: len(t.Sizes)}
				result.rows[i][j] = replay(t, p.New(limits))
			})
		}
	}
	wg.Wait()
	result.bound = replay(t, policy.All[0].New(policy.Limits{Bytes: t.Bytes(), Objects: len(t.Sizes)}))
	return result
}

// replay counts hits. Those of a client that asks for all there is do not count: the
// question is what it does to the others.
func replay(t *trace.Trace, p policy.Policy) ratios {
	var asked, hits, askedBytes, hitBytes int64
	for _, e := range t.Events {
		if e.Dies {
			p.Kill(e.ID)
			continue
		}
		size := t.Sizes[e.ID]
		hit := p.Get(policy.Object{ID: e.ID, Size: size}, int64(e.At))
		if e.Scan {
			continue
		}
		asked, askedBytes = asked+1, askedBytes+size
		if hit {
			hits, hitBytes = hits+1, hitBytes+size
		}
	}
	return ratios{100 * float64(hits) / float64(max(1, asked)), 100 * float64(hitBytes) / float64(max(1, askedBytes))}
}

func (r ratios) String() string { return fmt.Sprintf("%5.1f %5.1f", r.objects, r.bytes) }

func (t *table) print(out io.Writer) error {
	requests, bytes := t.trace.Asked()
	fmt.Fprintf(out, "\n%s: %d requests for %.1f GB, %d objects of %.1f GB\n", t.trace.Name, requests, gb(bytes), len(t.trace.Sizes), gb(t.trace.Bytes()))
	fmt.Fprintf(out, "hits in %% of the requests and of the bytes; with no limit %v\n", t.bound)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprint(w, "cache of")
	for _, share := range shares {
		fmt.Fprintf(w, "\t%.2f GB", share*gb(t.trace.Bytes()))
	}
	fmt.Fprintln(w)
	for i, p := range policy.All {
		fmt.Fprint(w, p.Name)
		for _, r := range t.rows[i] {
			fmt.Fprintf(w, "\t%v", r)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

func gb(bytes int64) float64 { return float64(bytes) / 1e9 }
