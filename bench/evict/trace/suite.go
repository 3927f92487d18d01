package trace

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// Package is one of a suite.
type Package struct {
	Name  string
	Size  int64
	Needs []int // packages of the suite
	// Given packages are in every base image: nobody downloads them first.
	Given bool
}

// Suite is the packages of one distribution, and what its index weighs.
type Suite struct {
	Packages []Package
	Index    int64
	From     string // where it was read
}

// ReadSuite reads what this machine's apt knows; where it knows nothing a made-up
// suite of the same shape stands in.
func ReadSuite() *Suite {
	if s, err := fromApt(); err == nil {
		return s
	}
	return madeUp()
}

// fromApt reads the largest Packages file of apt's lists.
func fromApt() (*Suite, error) {
	out, err := exec.Command("apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: Packages").Output()
	if err != nil {
		return nil, err
	}
	var best *Suite
	for _, file := range strings.Fields(string(out)) {
		text, err := exec.Command("/usr/lib/apt/apt-helper", "cat-file", file).Output()
		if err != nil {
			return nil, err
		}
		s, err := readPackages(bytes.NewReader(text))
		if err == nil && (best == nil || len(s.Packages) > len(best.Packages)) {
			best, s.From, s.Index = s, file[strings.LastIndexByte(file, '/')+1:], int64(len(text))/5 // as xz
		}
	}
	if best == nil || len(best.Packages) < 10_000 {
		return nil, fmt.Errorf("no suite in apt's lists")
	}
	return best, nil
}

// readPackages reads a Packages file as apt writes it. Of alternatives the first
// counts, as for apt.
func readPackages(r io.Reader) (*Suite, error) {
	s := new(Suite)
	byName := make(map[string]int)
	var needs []string // by package
	var p Package
	var need string
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for more := true; more; {
		more = lines.Scan()
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "Package":
			p.Name = value
		case "Size":
			p.Size, _ = strconv.ParseInt(value, 10, 64)
		case "Depends", "Pre-Depends":
			need += value + ","
		case "Priority":
			p.Given = value == "required" || value == "important"
		case "":
			if p.Name != "" && p.Size > 0 {
				byName[p.Name] = len(s.Packages)
				s.Packages, needs = append(s.Packages, p), append(needs, need)
			}
			p, need = Package{}, ""
		}
	}
	for i := range s.Packages {
		for _, one := range strings.Split(needs[i], ",") {
			name := strings.TrimSpace(one)
			if end := strings.IndexAny(name, " |:("); end >= 0 {
				name = name[:end]
			}
			if n, ok := byName[name]; ok {
				s.Packages[i].Needs = append(s.Packages[i].Needs, n)
			}
		}
	}
	return s, lines.Err()
}

// madeUp has sizes and needs spread as Debian's are: half of the packages are under
// 80 kB, one in a hundred is over 25 MB, and most are needed by nobody.
func madeUp() *Suite {
	rng := rand.New(rand.NewPCG(1, 1))
	s := &Suite{From: "made up", Index: 9 << 20}
	for i := range 60_000 {
		p := Package{Name: fmt.Sprint("package-", i), Size: int64(min(1e9, 80e3*math.Exp(2.2*rng.NormFloat64()))) + 500, Given: i < 150}
		for range int(rng.ExpFloat64() * 4) {
			if i > 0 { // libraries are few, and come first
				p.Needs = append(p.Needs, int(float64(i)*math.Pow(rng.Float64(), 6)))
			}
		}
		s.Packages = append(s.Packages, p)
	}
	return s
}

// install is what apt fetches for the targets onto a machine that has the given
// packages: all they need, each once.
func (s *Suite) install(targets ...int) (all []int) {
	seen := make(map[int]bool)
	for queue := targets; len(queue) > 0; {
		i := queue[0]
		queue = queue[1:]
		if seen[i] || s.Packages[i].Given {
			continue
		}
		seen[i] = true
		all = append(all, i)
		queue = append(queue, s.Packages[i].Needs...)
	}
	return all
}

// ranks is an order of popularity: what much needs is popular, chance does the
// rest.
func (s *Suite) ranks(rng *rand.Rand) []int {
	needed := make([]float64, len(s.Packages))
	for _, p := range s.Packages {
		for _, n := range p.Needs {
			needed[n]++
		}
	}
	order := rng.Perm(len(s.Packages))
	weight := make([]float64, len(order))
	for i := range weight {
		weight[i] = math.Log(1-rng.Float64()) / (1 + needed[i])
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(weight[b], weight[a]) })
	return order
}
