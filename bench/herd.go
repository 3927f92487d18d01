package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	herdClients = 16
	// herdSpread is the time in which the joiners arrive, evenly, after the first client.
	herdSpread = time.Second
	// herdQuiet is how long nobody must fetch the object before its bytes are final.
	herdQuiet = 200 * time.Millisecond
	// herdLinger is how long a server may go on asking after its clients are done.
	herdLinger = 10 * time.Second
)

// herd is one server's answer to a herd in one round. Times are in seconds.
type herd struct {
	UpstreamRequests int64   `json:"upstream_requests"`
	UpstreamRatio    float64 `json:"upstream_bytes_ratio"` // origin's bytes to the object's
	JoinerMedian     float64 `json:"joiner_first_byte_median_s"`
	JoinerMax        float64 `json:"joiner_first_byte_max_s"`
	Total            float64 `json:"total_s"`
}

// herdServers are those that cache, and each cache once.
func herdServers(f *fleet) []*server {
	var some []*server
	for _, s := range f.servers {
		if s.origin != nil && s.name != genericName {
			some = append(some, s)
		}
	}
	return some
}

func measureHerds(ctx context.Context, f *fleet, repo *repository, say sayFunc) (map[string][]herd, error) {
	all := make(map[string][]herd)
	for round, o := range repo.Herd {
		say("herd, round %d of %d", round+1, len(repo.Herd))
		for _, s := range herdServers(f) {
			h, err := measureHerd(ctx, s, o)
			if err != nil {
				return nil, fmt.Errorf("%s: herd: %w", s.name, err)
			}
			all[s.name] = append(all[s.name], h)
		}
	}
	return all, nil
}

func measureHerd(ctx context.Context, s *server, o object) (herd, error) {
	start := time.Now()
	firsts := make([]time.Duration, herdClients)
	clients, together := errgroup.WithContext(ctx)
	for i := range firsts {
		clients.Go(func() (err error) {
			select {
			case <-time.After(herdSpread * time.Duration(i) / herdClients):
			case <-together.Done():
				return together.Err()
			}
			c := newClient()
			defer c.CloseIdleConnections()
			firsts[i], err = fetch(together, c, s.url(o), o)
			return err
		})
	}
	if err := clients.Wait(); err != nil {
		return herd{}, err
	}
	total := time.Since(start)
	cost, err := finalCount(ctx, s.origin, o.Path)
	if err != nil {
		return herd{}, err
	}
	joiners := firsts[1:]
	slices.Sort(joiners)
	return herd{
		UpstreamRequests: cost.Requests,
		UpstreamRatio:    float64(cost.Bytes) / float64(o.Size),
		JoinerMedian:     joiners[len(joiners)/2].Seconds(),
		JoinerMax:        joiners[len(joiners)-1].Seconds(),
		Total:            total.Seconds(),
	}, nil
}

// finalCount waits for what a server still fetches after its clients are served.
func finalCount(ctx context.Context, u *upstream, path string) (count, error) {
	last := u.count(path)
	quiet := time.Now()
	for end := quiet.Add(herdLinger); time.Now().Before(end) && time.Since(quiet) < herdQuiet; {
		select {
		case <-time.After(herdQuiet / 10):
		case <-ctx.Done():
			return last, ctx.Err()
		}
		if now := u.count(path); now.Active > 0 || now != last {
			last, quiet = now, time.Now()
		}
	}
	return last, nil
}
