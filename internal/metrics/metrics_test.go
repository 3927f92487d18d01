package metrics

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/mirror"
	"mirrord/internal/upstream"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// full has a value for all there is.
func full() Options {
	limited := &upstream.RateLimit{Limit: 100, Remaining: 7, Window: 6 * time.Hour}
	return Options{
		Version: "v1",
		Stats: func() cache.Stats {
			return cache.Stats{
				Objects: 3, Bytes: 300, Reserved: 30, Disk: cache.Disk{Size: 1000, Free: 600},
				Accounts: map[string]cache.Account{"debian": {
					Objects: 10, Bytes: 100, Budget: 200, Superseded: cache.Amount{Objects: 1, Bytes: 10},
					Again: cache.Amount{Objects: 2, Bytes: 20}, Pinned: cache.Amount{Objects: 3, Bytes: 30},
				}},
				Flights: 2, Begun: 9, Joined: 4, Ended: map[cache.Ending]int64{cache.EndParked: 5},
				Evicted: map[cache.Reason]cache.Evicted{cache.LowDisk: {Objects: 6, Bytes: 60}},
			}
		},
		MaxSize: 5000, MinFree: 50,
		Upstreams: func() []mirror.Upstream {
			return []mirror.Upstream{{Repo: "docker.io", Mirrors: []upstream.MirrorStatus{
				{Mirror: "http://a", State: upstream.Closed, RateLimit: limited, Measure: upstream.Measure{
					FirstByte: 20 * time.Millisecond, Throughput: 8e6, Errors: 0.5, Used: time.Unix(1700000000, 0), Active: 2,
					Behind: true, Left: map[string]int64{"stall": 3},
				}}, {Mirror: "http://b", State: upstream.Open}, {Mirror: "http://c", Listed: true, State: upstream.Closed},
			}, Counts: []upstream.Count{
				{Mirror: "http://a", Requests: map[string]int64{"429": 4}, Received: 7}, {Mirror: upstream.Listed, Received: 8},
			}}}
		},
		Tracked: func() []mirror.Tracked {
			at := time.Unix(1700000001, 0)
			all := []*mirror.RootState{{Dir: "", Date: &at, Checked: &at}, {Dir: "a"}}
			for i := range 2 * rootsMost {
				all = append(all, &mirror.RootState{Dir: fmt.Sprintf("b%03d", i), Date: &at})
			}
			return []mirror.Tracked{{Repo: "debian", Roots: all, Refreshes: map[mirror.Outcome]int64{mirror.Failed: 2}}}
		},
		Scrubbed: func() *mirror.ScrubState {
			ended := time.Unix(1700000002, 0)
			return &mirror.ScrubState{Ended: &ended, Part: 0.25, Objects: 5, Bytes: 50, Rotten: 2, Healed: 1}
		},
		Certificate: func() time.Time { return time.Unix(1700000003, 0) },
	}
}

func scrape(t *testing.T, o Options) string {
	t.Helper()
	w := httptest.NewRecorder()
	Handler(New(o)).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestValues(t *testing.T) {
	text := scrape(t, full())
	for _, want := range []string{
		`mirrord_cache_objects 3`,
		`mirrord_cache_bytes 300`,
		`mirrord_cache_reserved_bytes 30`,
		`mirrord_cache_max_bytes 5000`,
		`mirrord_disk_size_bytes 1000`,
		`mirrord_disk_free_bytes 600`,
		`mirrord_disk_min_free_bytes 50`,
		`mirrord_repo_objects{repo="debian",state="once"} 4`,
		`mirrord_repo_bytes{repo="debian",state="once"} 40`,
		`mirrord_repo_bytes{repo="debian",state="again"} 20`,
		`mirrord_repo_bytes{repo="debian",state="superseded"} 10`,
		`mirrord_repo_bytes{repo="debian",state="pinned"} 30`,
		`mirrord_repo_max_bytes{repo="debian"} 200`,
		`mirrord_flights 2`,
		`mirrord_flights_begun_total 9`,
		`mirrord_flights_joined_total 4`,
		`mirrord_flights_ended_total{outcome="parked"} 5`,
		`mirrord_flights_ended_total{outcome="wrong"} 0`,
		`mirrord_evicted_objects_total{reason="min_free"} 6`,
		`mirrord_evicted_bytes_total{reason="min_free"} 60`,
		`mirrord_evicted_bytes_total{reason="purge"} 0`,
		`mirrord_upstream_up{repo="docker.io",upstream="http://a"} 1`,
		`mirrord_upstream_up{repo="docker.io",upstream="http://b"} 0`,
		`mirrord_upstream_rate_limit{repo="docker.io",upstream="http://a"} 100`,
		`mirrord_upstream_rate_limit_window_seconds{repo="docker.io",upstream="http://a"} 21600`,
		`mirrord_upstream_rate_limit_remaining{repo="docker.io",upstream="http://a"} 7`,
		`mirrord_upstream_first_byte_seconds{repo="docker.io",upstream="http://a"} 0.02`,
		`mirrord_upstream_throughput_bytes_per_second{repo="docker.io",upstream="http://a"} 8e+06`,
		`mirrord_upstream_error_ratio{repo="docker.io",upstream="http://a"} 0.5`,
		`mirrord_upstream_bodies{repo="docker.io",upstream="http://a"} 2`,
		`mirrord_upstream_behind{repo="docker.io",upstream="http://a"} 1`,
		`mirrord_upstream_left_total{reason="stall",repo="docker.io",upstream="http://a"} 3`,
		`mirrord_upstream_last_used_timestamp_seconds{repo="docker.io",upstream="http://a"} 1.7e+09`,
		`mirrord_upstream_mirrors{repo="docker.io",state="open"} 1`,
		`mirrord_upstream_mirrors{repo="docker.io",state="half-open"} 0`,
		`mirrord_upstream_requests_total{outcome="429",repo="docker.io",upstream="http://a"} 4`,
		`mirrord_upstream_received_bytes_total{repo="docker.io",upstream="http://a"} 7`,
		`mirrord_upstream_received_bytes_total{repo="docker.io",upstream="listed"} 8`,
		`mirrord_roots{repo="debian"} 202`,
		`mirrord_root_date_timestamp_seconds{repo="debian",root="/"} 1.700000001e+09`,
		`mirrord_root_confirmed_timestamp_seconds{repo="debian",root="/"} 1.700000001e+09`,
		`mirrord_refreshes_total{outcome="failed",repo="debian"} 2`,
		`mirrord_refreshes_total{outcome="changed",repo="debian"} 0`,
		`mirrord_scrub_objects_total 5`,
		`mirrord_scrub_bytes_total 50`,
		`mirrord_scrub_rotten_objects_total 2`,
		`mirrord_scrub_healed_objects_total 1`,
		`mirrord_scrub_pass_ratio 0.25`,
		`mirrord_scrub_last_pass_timestamp_seconds 1.700000002e+09`,
		`mirrord_tls_certificate_expiry_timestamp_seconds 1.700000003e+09`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
	if n := strings.Count(text, "\nmirrord_root_date_timestamp_seconds{"); n != rootsMost-1 {
		t.Errorf("%d roots by name, expected %d", n, rootsMost-1) // one has no date
	}
	if strings.Contains(text, "http://c") {
		t.Error("a listed mirror is told of by name")
	}
	if !strings.Contains(text, `mirrord_build_info{goversion="go1.`) || !strings.Contains(text, `,version="v1"} 1`) {
		t.Error("no mirrord_build_info")
	}
}

// TestNames: what promlint knows of the conventions.
func TestNames(t *testing.T) {
	families, err := New(full()).Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "mirrord_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}
