// Package originals replaces files of a configuration directory and keeps what
// stood there: DIR/FILE becomes the new text, DIR/mirrord.saved/FILE holds the old
// one, and Revert brings it back byte for byte. A file that there was not is created,
// and removed again. Whatever somebody has edited since is left alone.
package originals
