// Package durable makes changes to a directory survive a power cut. A file's
// bytes are synced before its name changes, and the directory after: only then
// does the call return.
package durable
