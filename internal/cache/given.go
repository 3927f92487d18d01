package cache

import (
	"cmp"
	"slices"

	"mirrord/internal/extent"
)

// giver is who gave bytes of an object.
type giver struct {
	From    string `json:"o,omitempty"` // origin, "" unknown
	Version string `json:"v,omitempty"` // of what it had then, "" unknown
	earlier bool   // to an earlier flight
}

// confirmed stands for the giver of bytes that two gave alike: nobody suspects
// them any more, so none is fetched a third time.
var confirmed = giver{From: "two alike"}

// share is what one gave.
type share struct {
	giver
	Have extent.Set `json:"h"`
}

// ledger puts each byte that is there down to one giver, in the order in which
// they gave their first. The zero ledger is empty.
type ledger []share

func (l *ledger) add(who giver, s extent.Span) {
	i := slices.IndexFunc(*l, func(have share) bool { return have.giver == who })
	if i < 0 {
		i = len(*l)
		*l = append(*l, share{giver: who})
	}
	(*l)[i].Have.Add(s.Off, s.End)
}

// take strikes who off and tells what it gave.
func (l *ledger) take(who giver) (gave extent.Set) {
	*l = slices.DeleteFunc(*l, func(s share) bool {
		if s.giver == who {
			gave = s.Have
		}
		return s.giver == who
	})
	return gave
}

// suspects are the givers, the smallest share first.
func (l ledger) suspects() []giver {
	shares := slices.DeleteFunc(slices.Clone(l), func(s share) bool { return s.giver == confirmed })
	slices.SortStableFunc(shares, func(a, b share) int { return cmp.Compare(a.Have.Len(), b.Have.Len()) })
	all := make([]giver, len(shares))
	for i, s := range shares {
		all[i] = s.giver
	}
	return all
}

// clone is a copy that shares nothing with l.
func (l ledger) clone() ledger {
	all := slices.Clone(l)
	for i := range all {
		all[i].Have = all[i].Have.Clone()
	}
	return all
}

// without drops from p what is not of its origin's last version. The origin of
// now has now's.
func (p part) without(now giver) part {
	last := make(map[string]string)
	for _, s := range append(slices.Clone(p.Given), share{giver: now}) {
		if s.Version != "" {
			last[s.From] = s.Version
		}
	}
	left := part{Size: p.Size, Have: p.Have.Clone(), Time: p.Time, Meta: p.Meta}
	for _, s := range p.Given {
		if s.Version == "" || s.Version == last[s.From] {
			left.Given = append(left.Given, s)
			continue
		}
		for _, there := range s.Have.Spans() {
			left.Have.Remove(there.Off, there.End)
		}
	}
	return left
}

// inherited is p's ledger for a flight that goes on from it.
func (p part) inherited() (l ledger) {
	nobodys := p.Have.Clone()
	for _, s := range p.Given {
		s.earlier = true
		for _, there := range s.Have.Spans() {
			l.add(s.giver, there)
			nobodys.Remove(there.Off, there.End)
		}
	}
	for _, there := range nobodys.Spans() {
		l.add(giver{earlier: true}, there)
	}
	return l
}
