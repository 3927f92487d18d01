// Command fleet measures what an update costs who has the version before: bytes,
// CPU and memory of making and applying deltas, by the commands that people have.
//
//	apt's lists ─► two versions of a package ─► mirrord delta make ─► apply ─► cmp
//
// The artifacts are real: of each package that this machine's apt knows in two
// versions, the oldest and the newest, fetched at bench time; a layer of a base
// image, made of the older and the newer packages; and an index of which one stanza
// in a hundred changed. What apt does not have in two versions is left out and named.
//
// CPU and memory are the command's own, as the kernel counts them when it ends. MB/s
// is of unpacked content a second of CPU.
package main
