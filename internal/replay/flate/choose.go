package flate

import (
	"mirrord/internal/patch"
)

// What a trial looks at, and what is exact enough.
const (
	levelTrial  = 1 << 14 // tokens, for the level
	familyTrial = 1 << 17 // for the family, which shows where blocks end
	exact       = familyTrial >> 10
)

// A chooser finds who foretells a stream best, by trial of its beginning.
type chooser struct {
	script, content patch.Content
	best            setup
	wrong           int  // tokens, of best in the last trial
	done            bool // best was tried on the whole stream, and never wrong
}

// choose is the setup by which a stream is packed; an old one may have something to say.
func choose(script, content patch.Content, hasOld bool) (setup, error) {
	c := &chooser{script: script, content: content, wrong: unknown}
	err := c.level()
	if err == nil && !c.done {
		err = c.family()
	}
	if err == nil && c.wrong > exact {
		c.best.old = hasOld
		err = c.regular()
	}
	return c.best, err
}

const unknown = 1 << 30

// try takes s if it is wrong less often than the best so far.
func (c *chooser) try(s setup, tokens int) error {
	if c.done {
		return nil
	}
	n, whole, err := c.trial(s, tokens, c.wrong)
	if err == nil && n < c.wrong {
		c.best, c.wrong, c.done = s, n, n == 0 && whole
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
	c.wrong = unknown
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

// trial counts what s foretells wrongly of the first tokens, up to most. It
// reports whether there were no more.
func (c *chooser) trial(s setup, tokens, most int) (wrong int, whole bool, err error) {
	t, err := newTeller(s, c.content, Old{}, nil)
	if err != nil {
		return 0, false, err
	}
	r := newScriptReader(c.script)
	var b block
	_, record, body, err := r.next()
	for err == nil && t.err == nil {
		if more, err := b.decode(record, body); err != nil || !more {
			return wrong, true, err
		}
		t.bounds.begin(t.pos)
		if b.kind == stored {
			t.pass(b.length, nil)
			_, record, body, err = r.next()
			continue
		}
		for tok := literal; tok != end && t.err == nil; {
			if tok, record, body, err = r.next(); err != nil {
				return 0, false, err
			}
			if tokens--; tokens < 0 || wrong >= most {
				return wrong, false, nil
			}
			if guess, _ := t.foretell(); guess != tok {
				wrong++
			}
			t.took(tok)
		}
	}
	if err == nil {
		err = t.err
	}
	return wrong, false, err
}
