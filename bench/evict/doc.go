// Command evict measures eviction policies on traces of requests to a package
// mirror: for each trace, policy and size of the cache, how many of the requests are
// hits and how many of the bytes.
//
//	apt's own lists ─► suite ─► fleets, builds, images, scans ─┐
//	-log access.log ──────────────────────────────────────────┴► trace ─► policies ─► table
//
// The traces are made from the sizes and dependencies of the suite that this
// machine's apt knows, with fixed seeds; where there is no apt, from a made-up one.
// An operator's own access log is a trace as well. mirrord's policy is the one of
// internal/worth that the store uses; a test holds the store against it.
package main
