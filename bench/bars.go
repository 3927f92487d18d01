package main

import (
	"cmp"
	"fmt"
	"slices"
)

// bar is one promise about mirrord and what was measured of it.
type bar struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Limit float64 `json:"limit"`
	Least bool    `json:"at_least"` // the value must exceed the limit, else stay at or under it
	Unit  string  `json:"unit"`
	Pass  bool    `json:"pass"`
}

const (
	bareCPULimit   = 1.10 // at 4 KiB, CPU per request to the bare file server's
	nginxCPULimit  = 1.00 // from 64 KiB on, to nginx's
	acngRateLimit  = 1.00 // requests/s to apt-cacher-ng's, at each size
	herdBytesLimit = 1.01 // origin's bytes to the object's
	herdFirstLimit = 50   // ms to a joiner's first byte: the slowest joiner of a middling round

	groupTimesLimit = 3    // times as fast as the best of its mirrors alone
	groupBytesLimit = 1.02 // all mirrors' bytes to the object's
	groupPauseLimit = 1000 // ms without a byte when the best mirror dies

	// Requests/s to docker-registry's, as far up as CPU per request is what tells; of
	// larger blobs the copying does.
	registryRateLimit = 20
	registryRateUpTo  = 64 << 10
)

func atMost(name string, value, limit float64, unit string) bar {
	return bar{Name: name, Value: value, Limit: limit, Unit: unit, Pass: value <= limit}
}

func above(name string, value, limit float64, unit string) bar {
	return bar{Name: name, Value: value, Limit: limit, Least: true, Unit: unit, Pass: value > limit}
}

// judge compares mirrord with each peer that took part.
func judge(h hits, herds map[string][]herd, sizes []int64) []bar {
	var bars []bar
	for _, size := range sizes {
		name := sizeName(size)
		cpuPeer, limit := nginxName, nginxCPULimit
		if size < 64<<10 {
			cpuPeer, limit = bareName, bareCPULimit
		}
		if r, ok := h.ratio(size, mirrordName, cpuPeer, hit.cpu); ok {
			bars = append(bars, atMost(fmt.Sprintf("%s: CPU per request to %s's", name, cpuPeer), r, limit, "x"))
		}
		if r, ok := h.ratio(size, mirrordName, acngName, hit.rate); ok {
			bars = append(bars, above(fmt.Sprintf("%s: requests/s to %s's", name, acngName), r, acngRateLimit, "x"))
		}
		if r, ok := h.ratio(size, ociName, registryName, hit.rate); ok && size <= registryRateUpTo {
			bars = append(bars, above(fmt.Sprintf("%s: registry: requests/s to %s's", name, registryName), r, registryRateLimit, "x"))
		}
	}
	bars = append(bars, judgeHerd("herd", herds[mirrordName])...)
	return append(bars, judgeHerd("registry: herd", herds[ociName])...)
}

func judgeHerd(name string, rounds []herd) []bar {
	if len(rounds) == 0 {
		return nil
	}
	return []bar{
		atMost(name+": upstream bytes to the object's", worst(rounds, func(h herd) float64 { return h.UpstreamRatio }), herdBytesLimit, "x"),
		atMost(name+": slowest joiner's first byte", 1e3*median(rounds, func(h herd) float64 { return h.JoinerMax }), herdFirstLimit, "ms"),
	}
}

func judgeGroups(rounds []group) []bar {
	if len(rounds) == 0 {
		return nil
	}
	const name = "group: "
	return []bar{
		above(name+"times as fast as its best mirror", median(rounds, func(g group) float64 { return g.Times }), groupTimesLimit, "x"),
		atMost(name+"upstream bytes to the object's", worst(rounds, func(g group) float64 { return g.Bytes }), groupBytesLimit, "x"),
		atMost(name+"longest pause when the best mirror dies", worst(rounds, func(g group) float64 { return 1e3 * g.Pause }), groupPauseLimit, "ms"),
		atMost(name+"client errors with three of four mirrors dead", worst(rounds, func(g group) float64 { return float64(g.Errors) }), 0, ""),
	}
}

func (h hit) cpu() float64  { return h.CPUPerRequest }
func (h hit) rate() float64 { return h.RequestsPerSecond }

// ratio is the median over the rounds of a server's figure to its peer's.
func (h hits) ratio(size int64, server, peer string, figure func(hit) float64) (float64, bool) {
	ours, theirs := h[hitKey{server, size}], h[hitKey{peer, size}]
	if len(ours) == 0 || len(ours) != len(theirs) {
		return 0, false
	}
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = figure(ours[i]) / figure(theirs[i])
	}
	return median(ratios, func(r float64) float64 { return r }), true
}

// median of a figure; of an even number, the mean of the two in the middle.
func median[T any](all []T, figure func(T) float64) float64 {
	v := figures(all, figure)
	slices.Sort(v)
	mid := len(v) / 2
	if len(v)%2 == 0 {
		return (v[mid-1] + v[mid]) / 2
	}
	return v[mid]
}

func worst[T cmp.Ordered, S any](all []S, figure func(S) T) T {
	return slices.Max(figures(all, figure))
}

func figures[T, S any](all []S, figure func(S) T) []T {
	v := make([]T, len(all))
	for i, x := range all {
		v[i] = figure(x)
	}
	return v
}
