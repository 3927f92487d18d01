package oci

import "fmt"

// Alias has one name answered by another.
type Alias struct {
	// From is the name that clients ask for; without a Tag, every tag and digest of it.
	From Reference
	// To is where the answer is. Without a Tag the one asked for is kept. A Digest
	// goes with a From of one tag only.
	To Reference
}

// Aliases are the operator's table. The zero value is empty.
type Aliases struct {
	byName map[name]*aliased
}

type name struct{ registry, repository string }

// Empty reports that nothing has another name.
func (a Aliases) Empty() bool { return len(a.byName) == 0 }

// aliased is what the table says of one name.
type aliased struct {
	whole *Alias
	tags  []*Alias // in the order given
}

// NewAliases checks that every name has one meaning: From stands once, and no To leads
// to a name that another alias leads away from.
func NewAliases(list []Alias) (Aliases, error) {
	a := Aliases{byName: make(map[name]*aliased, len(list))}
	for _, alias := range list {
		if err := a.add(&alias); err != nil {
			return Aliases{}, err
		}
	}
	for _, alias := range list {
		if next := a.after(&alias); next != nil {
			return Aliases{}, fmt.Errorf("alias %v leads to %v, which is itself an alias of %v: name that one instead", alias.From, alias.To, next.To)
		}
	}
	return a, nil
}

func (a Aliases) add(alias *Alias) error {
	from, to := alias.From, alias.To
	switch {
	case from.Digest != "":
		return fmt.Errorf("alias %v: a digest has no other name, expected NAME or NAME:TAG", from)
	case from.Tag == "" && (to.Tag != "" || to.Digest != ""):
		return fmt.Errorf("alias %v leads to %v: a whole repository leads to a whole repository, expected no tag and no digest", from, to)
	}
	key := name{from.Registry, from.Repository}
	of := a.byName[key]
	if of == nil {
		of = &aliased{}
		a.byName[key] = of
	}
	if from.Tag == "" && of.whole != nil || from.Tag != "" && of.tagged(from.Tag) != nil {
		return fmt.Errorf("alias %v stands twice", from)
	}
	if from.Tag == "" {
		of.whole = alias
	} else {
		of.tags = append(of.tags, alias)
	}
	return nil
}

// after is the alias that would lead on from where this one leads, nil for none.
func (a Aliases) after(alias *Alias) *Alias {
	of := a.byName[name{alias.To.Registry, alias.To.Repository}]
	switch {
	case of == nil:
		return nil
	case of.whole != nil:
		return of.whole
	case alias.To.Digest != "":
		return nil
	case alias.From.Tag == "":
		return of.tags[0] // it keeps every tag, this one too
	case alias.To.Tag != "":
		return of.tagged(alias.To.Tag)
	}
	return of.tagged(alias.From.Tag)
}

func (of *aliased) tagged(tag string) *Alias {
	for _, alias := range of.tags {
		if alias.From.Tag == tag {
			return alias
		}
	}
	return nil
}
