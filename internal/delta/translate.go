package delta

import (
	"sort"

	"mirrord/internal/patch"
)

// translate turns the matches of the flat contents into those of the content of n, a
// stream of the new file, against that of n.old. What lies in a stream of either is
// left out: at this level it is compressed, and compressed differently, for streams
// that are alike are not unfolded. Both files' nodes are laid.
func translate(matches []patch.Match, n *node) (level []patch.Match) {
	var olds []patch.Match // the raw runs of the old content: Old in the content, New in the flat one
	n.old.raws(func(at, flat, length int64) { olds = append(olds, patch.Match{Old: at, New: flat, Len: length}) })
	n.raws(func(at, flat, length int64) {
		i := sort.Search(len(matches), func(i int) bool { return matches[i].New+matches[i].Len > flat })
		for ; i < len(matches) && matches[i].New < flat+length; i++ {
			m := clip(matches[i], flat, length)
			m.New += at - flat
			level = meet(level, m, olds)
		}
	})
	return level
}

// clip is the part of m that makes the run of length bytes at at.
func clip(m patch.Match, at, length int64) patch.Match {
	if skip := at - m.New; skip > 0 {
		m = patch.Match{Old: m.Old + skip, New: at, Len: m.Len - skip}
	}
	m.Len = min(m.Len, at+length-m.New)
	return m
}

// meet appends the parts of m whose old bytes, in the flat content, are in one of
// olds, with their place in the level's content.
func meet(level []patch.Match, m patch.Match, olds []patch.Match) []patch.Match {
	i := sort.Search(len(olds), func(i int) bool { return olds[i].New+olds[i].Len > m.Old })
	for ; i < len(olds) && olds[i].New < m.Old+m.Len; i++ {
		from, to := max(m.Old, olds[i].New), min(m.Old+m.Len, olds[i].New+olds[i].Len)
		part := patch.Match{Old: olds[i].Old + from - olds[i].New, New: m.New + from - m.Old, Len: to - from}
		if k := len(level) - 1; k >= 0 && follows(level[k], part) {
			level[k].Len += part.Len
		} else if len(level) < patch.MaxMatches {
			level = append(level, part)
		}
	}
	return level
}

// follows reports that b goes on where a ends, in both contents.
func follows(a, b patch.Match) bool {
	return a.New+a.Len == b.New && a.Old+a.Len == b.Old
}
