package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report is the JSON result.
type report struct {
	Time     time.Time         `json:"time"`
	Quick    bool              `json:"quick"`
	Machine  machine           `json:"machine"`
	Versions map[string]string `json:"versions"`
	Load     load              `json:"load"`
	Hits     []hitRow          `json:"hits"`
	Ratios   []ratioRow        `json:"ratios"`
	Herds    []herdRow         `json:"herds"`
	Groups   []group           `json:"groups"` // one a round
	Bars     []bar             `json:"bars"`
}

// machine says where the figures come from.
type machine struct {
	Cores  int    `json:"cores"`
	CPU    string `json:"cpu"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

// hitRow is one server at one size.
type hitRow struct {
	Server string `json:"server"`
	Size   int64  `json:"size"`
	Median hit    `json:"median"`
	Rounds []hit  `json:"rounds"`
}

// ratioRow is a server beside its peer at one size: medians of the rounds' ratios.
type ratioRow struct {
	Server string  `json:"server"`
	Peer   string  `json:"peer"`
	Size   int64   `json:"size"`
	Rate   float64 `json:"requests_per_s"`
	CPU    float64 `json:"cpu_per_request"`
}

// herdRow is one server before the herd.
type herdRow struct {
	Server string `json:"server"`
	Median herd   `json:"median"`
	Rounds []herd `json:"rounds"`
}

// thisMachine leaves empty what the system does not tell.
func thisMachine() machine {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return machine{Cores: runtime.NumCPU(), CPU: cpuModel(), Kernel: strings.TrimSpace(string(kernel)), Go: runtime.Version()}
}

func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if key, value, _ := strings.Cut(sc.Text(), ":"); strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// wrkVersion is the first words of wrk's banner; wrk -v ends with status 1.
func wrkVersion() string {
	out, _ := exec.Command("wrk", "-v").CombinedOutput()
	name, _, _ := strings.Cut(string(out), " [")
	return name
}

// rows puts the cells in the order of sizes, then of servers.
func (h hits) rows(servers []*server, sizes []int64) []hitRow {
	var rows []hitRow
	for _, size := range sizes {
		for _, s := range servers {
			rounds := h[hitKey{s.name, size}]
			rows = append(rows, hitRow{Server: s.name, Size: size, Rounds: rounds, Median: hit{
				RequestsPerSecond: median(rounds, hit.rate),
				CPUPerRequest:     median(rounds, hit.cpu),
				CPUPerGB:          median(rounds, func(h hit) float64 { return h.CPUPerGB }),
			}})
		}
	}
	return rows
}

// ratios sets mirrord beside those who do the same work, at each size.
func (h hits) ratios(sizes []int64) []ratioRow {
	var rows []ratioRow
	for _, size := range sizes {
		for _, row := range []ratioRow{
			{Server: mirrordName, Peer: nginxName}, {Server: mirrordName, Peer: acngName}, {Server: mirrordName, Peer: bareName},
			{Server: ociName, Peer: registryName},
		} {
			var ok bool
			if row.Rate, ok = h.ratio(size, row.Server, row.Peer, hit.rate); !ok {
				continue
			}
			row.CPU, _ = h.ratio(size, row.Server, row.Peer, hit.cpu)
			row.Size = size
			rows = append(rows, row)
		}
	}
	return rows
}

func herdRows(servers []*server, herds map[string][]herd) []herdRow {
	var rows []herdRow
	for _, s := range servers {
		rounds := herds[s.name]
		requests := figures(rounds, func(h herd) int64 { return h.UpstreamRequests })
		slices.Sort(requests)
		rows = append(rows, herdRow{Server: s.name, Rounds: rounds, Median: herd{
			UpstreamRequests: requests[len(requests)/2],
			UpstreamRatio:    median(rounds, func(h herd) float64 { return h.UpstreamRatio }),
			JoinerMedian:     median(rounds, func(h herd) float64 { return h.JoinerMedian }),
			JoinerMax:        median(rounds, func(h herd) float64 { return h.JoinerMax }),
			Total:            median(rounds, func(h herd) float64 { return h.Total }),
		}})
	}
	return rows
}

func (r *report) write(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}
