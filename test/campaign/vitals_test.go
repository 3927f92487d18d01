package campaign

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"mirrord/test/rig"
)

// vitals are what a process must not have more and more of.
type vitals struct{ goroutines, descriptors int }

// takeVitals reads them from /metrics.
func takeVitals(m *rig.Mirrord) (v vitals, err error) {
	r := rig.Get(m.URL("metrics"))
	if r.Err != nil || r.Status != 200 {
		return v, fmt.Errorf("metrics: %s", r.How())
	}
	for s := bufio.NewScanner(strings.NewReader(string(r.Body))); s.Scan(); {
		name, value, _ := strings.Cut(s.Text(), " ")
		n, _ := strconv.ParseFloat(value, 64)
		switch name {
		case "go_goroutines":
			v.goroutines = int(n)
		case "process_open_fds":
			v.descriptors = int(n)
		}
	}
	if v.goroutines == 0 || v.descriptors == 0 {
		err = fmt.Errorf("metrics tell neither goroutines nor descriptors")
	}
	return v, err
}

// calmFor is how long it may take until what clients and upstreams left open is
// closed, and slack what there may be more of all the same: idle connections to an
// upstream with their goroutines.
const (
	calmFor = 20 * time.Second
	slack   = 24
)

// calms waits until a process has no more than before, but for kept objects' files.
func calms(t *testing.T, m *rig.Mirrord, before vitals, kept int) {
	t.Helper()
	for end := time.Now().Add(calmFor); ; time.Sleep(200 * time.Millisecond) {
		now, err := takeVitals(m)
		if err == nil && now.goroutines <= before.goroutines+slack && now.descriptors <= before.descriptors+slack+kept {
			return
		}
		if time.Now().After(end) {
			t.Errorf("%+v, %v; before %+v, and %d files may be kept open", now, err, before, kept)
			return
		}
	}
}
