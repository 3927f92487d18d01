// Package clone gives the bytes of a file to another one without copying them, where
// the file system can: a clone shares the blocks until one of the two is written, a
// link is the same file under another name.
package clone
