// Package accesslog writes one line for each request that was answered, to a file that
// can be rotated or to a stream. Whoever answers never waits for the disk: lines are
// gathered in memory and written by another goroutine, within a second.
package accesslog
