// Package cache keeps objects on disk, each named by what it holds, and fills
// them in flight.
//
//	Get(want) ── object there? ──yes──────────────► Content (a file)
//	                 │ no
//	                 ▼
//	        one flight an object            readers wait on the flight and
//	  fetchers ─► partial file + extents ─► stream what is there: Content
//	                 │ hasher follows the contiguous prefix
//	                 ▼
//	  right size and digest? ─► commit: sync, link, one transaction; the last
//	                            byte goes out. Else every reader breaks off.
//
// A flight belongs to the Store and outlives who asked for it; what it has is
// kept as a partial that a later flight resumes. The package knows no protocol:
// a Source gives it bytes, a Want says what they must be.
//
// Locks, in the order they may be taken: Store.making, space.evictor, Store.mu,
// flight.mu, space.mu. Only the first two are held during I/O.
package cache
