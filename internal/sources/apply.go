package sources

import "mirrord/internal/originals"

// Apply replaces the file by text and keeps the original. It reports whether
// anything had to be done; originals.ErrEdited is a file that it leaves alone.
func (d Dir) Apply(f File, text string) (bool, error) {
	return originals.Dir(d).Apply(f.kept, text)
}
