// Package acng reads what apt-cacher-ng keeps on disk.
//
//	DIR/HOST/PATH        a file of http://HOST/PATH, whatever the port
//	DIR/WORD/PATH        a file of the mirrors that a Remap-WORD line names, below their base
//	DIR/.../FILE.head    the header that FILE came with
//	DIR/_xstore/...      its own
//
// Seen with apt-cacher-ng 3.7.4; nothing of it is documented.
package acng
