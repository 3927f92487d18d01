package metrics

import (
	"mirrord/internal/cache"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	objects     = gauge("mirrord_cache_objects", "Objects stored.")
	bytes       = gauge("mirrord_cache_bytes", "Bytes of the objects stored.")
	maxBytes    = gauge("mirrord_cache_max_bytes", "Bytes that the objects may take, cache.max_size; 0 for any number.")
	reserved    = gauge("mirrord_cache_reserved_bytes", "Bytes set aside for fills and partials.")
	diskSize    = gauge("mirrord_disk_size_bytes", "Size of the file system of the data directory.")
	diskFree    = gauge("mirrord_disk_free_bytes", "What of it is left for mirrord.")
	diskMinFree = gauge("mirrord_disk_min_free_bytes", "What of it is to stay free, cache.min_free.")

	repoObjects  = gauge("mirrord_repo_objects", "Objects that a repository's clients had fetched, by what keeps them; the sum is all.", "repo", "state")
	repoBytes    = gauge("mirrord_repo_bytes", "Bytes of these objects, by what keeps them.", "repo", "state")
	repoMaxBytes = gauge("mirrord_repo_max_bytes", "Bytes that they may take, where the repository has a max_size.", "repo")

	flights        = gauge("mirrord_flights", "Fills under way.")
	flightsBegun   = counter("mirrord_flights_begun_total", "Fills begun.")
	flightsJoined  = counter("mirrord_flights_joined_total", "Requests that found one under way.")
	flightsEnded   = counter("mirrord_flights_ended_total", "Fills that are over, by what became of them.", "outcome")
	evictedObjects = counter("mirrord_evicted_objects_total", "Objects removed, by reason.", "reason")
	evictedBytes   = counter("mirrord_evicted_bytes_total", "Bytes of the objects removed, by reason.", "reason")
)

var storeFamilies = []family{
	objects, bytes, maxBytes, reserved, diskSize, diskFree, diskMinFree, repoObjects, repoBytes, repoMaxBytes,
	flights, flightsBegun, flightsJoined, flightsEnded, evictedObjects, evictedBytes,
}

var (
	endings = []cache.Ending{
		cache.EndStored, cache.EndUnneeded, cache.EndPassed, cache.EndUnstored, cache.EndParked, cache.EndWrong, cache.EndFailed, cache.EndStopped,
	}
	reasons = []cache.Reason{cache.OverSize, cache.OverAccount, cache.LowDisk, cache.Collected, cache.Lost, cache.Purged}
)

// store tells of the objects, and of how they come and go. What did not happen yet is
// told of as 0, so that a rate can see the first time.
func (o Options) store() prometheus.Collector {
	return collector{storeFamilies, func(to sink) {
		st := o.Stats()
		to.put(objects, float64(st.Objects))
		to.put(bytes, float64(st.Bytes))
		to.put(maxBytes, float64(o.MaxSize))
		to.put(reserved, float64(st.Reserved))
		to.disk(st.Disk)
		to.put(diskMinFree, float64(o.MinFree))
		for repo, a := range st.Accounts {
			to.account(repo, a)
		}
		to.put(flights, float64(st.Flights))
		to.put(flightsBegun, float64(st.Begun))
		to.put(flightsJoined, float64(st.Joined))
		for _, e := range endings {
			to.put(flightsEnded, float64(st.Ended[e]), string(e))
		}
		for _, r := range reasons {
			to.put(evictedObjects, float64(st.Evicted[r].Objects), string(r))
			to.put(evictedBytes, float64(st.Evicted[r].Bytes), string(r))
		}
	}}
}

func (to sink) disk(d cache.Disk) {
	if d.Size > 0 { // else it is not known
		to.put(diskSize, float64(d.Size))
		to.put(diskFree, float64(d.Free))
	}
}

// account tells what one repository pays for.
func (to sink) account(repo string, a cache.Account) {
	once := cache.Amount{
		Objects: a.Objects - a.Superseded.Objects - a.Again.Objects - a.Pinned.Objects,
		Bytes:   a.Bytes - a.Superseded.Bytes - a.Again.Bytes - a.Pinned.Bytes,
	}
	for state, n := range map[string]cache.Amount{"once": once, "again": a.Again, "superseded": a.Superseded, "pinned": a.Pinned} {
		to.put(repoObjects, float64(n.Objects), repo, state)
		to.put(repoBytes, float64(n.Bytes), repo, state)
	}
	if a.Budget > 0 {
		to.put(repoMaxBytes, float64(a.Budget), repo)
	}
}
