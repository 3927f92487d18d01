// Command bench measures mirrord beside its peers, all on loopback, in one run:
//
//	wrk / 16 clients -> mirrord | nginx | apt-cacher-ng -> an origin of the bench's own
//	wrk / 16 clients -> mirrord | docker-registry       -> the same, as a registry
//	wrk              -> bare net/http file server          (no origin: it owns the files)
//
// Every server is a process of its own, so that its CPU can be read from /proc
// apart from the others' and from the load's. The origin makes one small Debian
// repository on disk, offers its files below /v2/ as blobs too, and counts, for each
// server, the requests and bytes it gave.
//
// Three experiments follow. Hits: wrk asks every server for an object it has stored,
// at four sizes; the rounds are interleaved (A B C D, A B C D, ...) because a
// shared machine drifts. Herd: 16 clients ask for one cold 64 MiB object whose
// origin is limited to 20 MB/s a connection. Group: one client asks a mirrord of four
// origins, each limited to 8 MB/s a connection, for a cold 256 MiB object, and before
// that one of these origins alone; then for another, and the origin that gave most of
// it is killed at a quarter; then for small ones, when three of the four are dead.
// -servers mirrord -rounds 0 -herds 0 runs it alone.
//
// A ratio in the result is the median of the ratios within each round, not the
// ratio of two medians: what slowed one round slowed both servers of it.
package main
