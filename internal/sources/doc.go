// Package sources reads and rewrites what a machine has told apt about its
// repositories. Text goes in (sources.list, *.list with one source a line, *.sources
// in deb822 stanzas); out come Entries, each one URI with the bytes where it
// stands. Rewriting puts another URI into those bytes and touches no others, so
// comments, order and layout stay as their author left them.
//
// On top of that stand three uses: Origins tells which upstreams a machine uses,
// Rewrite points them at a mirrord, and Dir applies and reverts that in place.
package sources
