package flate

import (
	"mirrord/internal/patch"
)

// What a trial looks at.
const (
	levelTrial  = 1 << 14 // tokens, for the level
	familyTrial = 1 << 17 // for the family, which shows where blocks end
)

// A verdict is how many tokens of a trial were foretold wrongly.
type verdict struct {
	wrong, tokens int
	whole         bool // there were no more
}

// exact is true of a model that no old stream makes better.
func (v verdict) exact() bool { return v.wrong <= v.tokens>>10 }

// A chooser finds who foretells a stream best, by trial of its beginning.
type chooser struct {
	script, content patch.Content
	old             Old
	matches         []patch.Match
	best            setup
	verdict         // of best in the last trial
}

// choose is the setup by which the stream is packed.
func (c *chooser) choose() (setup, error) {
	c.verdict = unknown
	err := c.level()
	if err == nil && !c.done() {
		err = c.family()
	}
	if err == nil && !c.exact() {
		err = c.regular()
	}
	if err == nil && !c.exact() && c.old.Script != nil {
		err = c.elder()
	}
	return c.best, err
}

var unknown = verdict{wrong: 1 << 30}

// done reports whether best foretells all of the stream.
func (c *chooser) done() bool { return c.whole && c.wrong == 0 }

// try takes s if it is wrong less often than the best so far.
func (c *chooser) try(s setup, tokens int) error {
	if c.done() {
		return nil
	}
	v, err := c.trial(s, tokens, c.wrong)
	if err == nil && v.wrong < c.wrong {
		c.best, c.verdict = s, v
	}
	return err
}

func (c *chooser) level() error {
	for _, level := range [...]int{9, 6, 1, 5, 7, 8, 4, 3, 2} {
		for _, family := range [...]int{gzipFamily, goFamily} {
			if _, ok := encoderOf(family, level); !ok {
				continue
			}
			if err := c.try(setup{family: family, level: level}, levelTrial); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *chooser) family() error {
	s := c.best
	c.verdict = unknown
	families := []int{gzipFamily, zlibFamily, zlibBig, gzipSyncable}
	if s.family == goFamily {
		families = []int{goFamily}
	}
	for _, s.family = range families {
		if err := c.try(s, familyTrial); err != nil {
			return err
		}
	}
	return nil
}

// elder asks the old stream too, unless that is worse.
func (c *chooser) elder() error {
	s := c.best
	s.old = true
	v, err := c.trial(s, familyTrial, c.wrong+1)
	if err == nil && v.wrong <= c.wrong {
		c.best = s
	}
	return err
}

// regular looks whether blocks end where their content has a certain length, as
// those of encoders that work on pieces of it.
func (c *chooser) regular() error {
	ends, err := blockEnds(c.script, 512)
	if err != nil {
		return err
	}
	lengths, most := map[int64]int{}, int64(0)
	for i := range len(ends) - 1 {
		n := ends[i+1] - ends[i]
		if lengths[n]++; n > 0 && (most == 0 || lengths[n] > lengths[most]) {
			most = n
		}
	}
	if n := lengths[most]; n > 1 && n > len(ends)/4 {
		c.best.length = most
	}
	for chunk := int64(1 << 20); chunk >= 1<<17; chunk /= 2 {
		if ends[len(ends)-1] > 2*chunk && atAll(ends, chunk) {
			c.best.chunk = chunk
		}
	}
	return nil
}

// blockEnds are where blocks end in the content, most at most, and 0.
func blockEnds(script patch.Content, most int) ([]int64, error) {
	ends, r := []int64{0}, newScriptReader(script)
	for len(ends) < most {
		at := r.pos
		t, record, _, err := r.next()
		if err != nil {
			return nil, err
		}
		if t == end {
			ends = append(ends, at)
			if record>>kindShift&3 == endRecord {
				break
			}
		}
	}
	return ends, nil
}

// atAll reports whether there is an end at each multiple of chunk before the last.
func atAll(ends []int64, chunk int64) bool {
	at := int64(0)
	for _, e := range ends {
		if e > at {
			return false
		}
		if e == at {
			at += chunk
		}
	}
	return true
}

// trial asks s for the first tokens, up to most wrong ones.
func (c *chooser) trial(s setup, tokens, most int) (v verdict, err error) {
	t, err := newTeller(s, c.content, c.old, c.matches)
	if err != nil {
		return v, err
	}
	defer t.model.release()
	r := newScriptReader(c.script)
	var b block
	_, record, body, err := r.next()
	for err == nil && t.err == nil {
		if more, err := b.decode(record, body); err != nil || !more {
			v.whole = true
			return v, err
		}
		t.bounds.begin(t.pos)
		if b.kind == stored {
			t.pass(b.length, nil)
			_, record, body, err = r.next()
			continue
		}
		for tok := literal; tok != end && t.err == nil; v.tokens++ {
			if tok, record, body, err = r.next(); err != nil {
				return v, err
			}
			if v.tokens == tokens || v.wrong >= most {
				return v, nil
			}
			if guess, _ := t.foretell(); guess != tok {
				v.wrong++
			}
			t.took(tok)
		}
	}
	if err == nil {
		err = t.err
	}
	return v, err
}
