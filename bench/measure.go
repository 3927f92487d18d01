package main

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

// hitSizes are the objects of the first experiment, in bytes.
var hitSizes = []int64{4 << 10, 64 << 10, 1 << 20, 64 << 20}

// sayFunc tells the waiting person how far it is.
type sayFunc func(format string, a ...any)

// measure starts everything in a scratch directory, runs both experiments and
// leaves nothing behind.
func measure(ctx context.Context, o options, say sayFunc) (*report, error) {
	dir, err := os.MkdirTemp(o.dir, "mirrord-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	script, err := writeLoadScript(dir)
	if err != nil {
		return nil, err
	}
	if (o.has(mirrordName) || o.has(ociName)) && o.program == "" {
		say("building mirrord")
		if o.program, err = buildMirrord(ctx, dir); err != nil {
			return nil, err
		}
	}
	repo, err := makeRepository(filepath.Join(dir, "repository"), hitSizes, o)
	if err != nil {
		return nil, err
	}
	say("starting the servers")
	f, err := startFleet(ctx, dir, o, repo)
	defer f.stop()
	if err != nil {
		return nil, err
	}
	r := &report{
		Time: time.Now().UTC(), Quick: o.quick, Machine: thisMachine(), Versions: f.versions,
		Load: load{Connections: 32, Threads: 2, Duration: o.run},
	}
	r.Versions["wrk"] = wrkVersion()
	if err := r.fill(ctx, f, repo, script, o.rounds, say); err != nil {
		return nil, err
	}
	if r.Groups, err = measureGroups(ctx, dir, o, repo, say); err != nil {
		return nil, err
	}
	r.Bars = append(r.Bars, judgeGroups(r.Groups)...)
	return r, nil
}

// fill runs the experiments.
func (r *report) fill(ctx context.Context, f *fleet, repo *repository, script string, rounds int, say sayFunc) error {
	if err := warm(ctx, f, repo); err != nil {
		return err
	}
	h, err := measureHits(ctx, f, repo, r.Load, script, rounds, say)
	if err != nil {
		return err
	}
	if rounds > 0 {
		r.Hits = h.rows(f.servers, hitSizes)
		r.Ratios = h.ratios(hitSizes)
	}
	herds, err := measureHerds(ctx, f, repo, say)
	if err != nil {
		return err
	}
	if len(repo.Herd) > 0 {
		r.Herds = herdRows(herdServers(f), herds)
	}
	r.Bars = judge(h, herds, hitSizes)
	return nil
}
