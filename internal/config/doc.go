// Package config turns one YAML file into plain values: a text goes in, and out
// comes either a Config in which every size is a number of bytes, every time a
// duration and every upstream a checked URL, or one Error that names the file, the
// line and what was expected there.
//
// It is read once, by cmd/mirrord; the other packages are handed values and do
// not know that there was a file. Nothing is guessed: an unknown key, a value of
// the wrong kind or a promise that mirrord does not keep yet is refused.
package config
