// Package repo holds the words that every kind of repository shares: a request
// path made safe, a Plan that says what the path means, and a Ref, the promise of
// an index that a file has this size and digest. The adapters beside it (apt,
// generic, …) are pure: no I/O, no clock.
package repo
