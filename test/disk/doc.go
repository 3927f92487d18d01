// Package disk is a file system that fails on purpose, for tests.
//
// Picture a disk in memory, mounted by FUSE, under a real process:
//
//	mirrord ──system calls──► Disk ──► Tree (what is on it now)
//	                           │
//	                           ├─ Fault: the operation that comes next may fail
//	                           └─ Log: every change and every sync, in order
//
// From the Log of one run, Cut makes what a disk could hold after a power cut at any
// place in it; with nothing lost, that is what a kill leaves. Tree.WriteTo puts such
// a state into a directory. The process is the one that is shipped, and its database
// is on the disk like everything else.
//
// The process must not be the one that tests: a page fault on a mapped file of a
// disk that the same process serves can wait for itself.
package disk
