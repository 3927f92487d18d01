package flate

import (
	"fmt"
	"io"

	"mirrord/internal/patch"
	"mirrord/internal/replay"
)

// Pack writes to w what Rebuild needs to make the stream again that script and
// content came from. Matches say what of content was made from old's.
func Pack(w io.Writer, script, content patch.Content, old Old, matches []patch.Match) error {
	s, err := (&chooser{script: script, content: content, old: old, matches: matches}).choose()
	if err != nil {
		return err
	}
	coder := replay.NewEncoder(w)
	s.code(coder)
	c, err := newCodec(coder, s, content, old, matches)
	if err != nil {
		return err
	}
	defer c.model.release()
	p := &packer{codec: c, script: newScriptReader(script)}
	if err := p.stream(); err != nil {
		return err
	}
	return coder.Close()
}

type packer struct {
	*codec
	script *scriptReader
	b      block
	more   bool // b is a block to come, not the end
	piece  []token
}

func (p *packer) stream() error {
	t, record, body, err := p.script.next()
	if err != nil {
		return err
	}
	if t != end {
		return errScript
	}
	if err := p.record(record, body); err != nil {
		return err
	}
	for p.more {
		if err := p.block(); err != nil {
			return err
		}
	}
	p.padding(p.b.pad)
	if err := p.failed(); err != nil {
		return err
	}
	if p.pos != p.win.size {
		return fmt.Errorf("%w: it ends at %d of %d", errScript, p.pos, p.win.size)
	}
	return nil
}

func (p *packer) record(record uint32, body []byte) (err error) {
	p.more, err = p.b.decode(record, body)
	return err
}

func (p *packer) block() error {
	p.kind(p.b.kind)
	if p.b.kind == stored {
		p.storedHead(&p.b)
		p.pass(p.b.length, nil)
		t, record, body, err := p.script.next()
		if err != nil {
			return err
		}
		if t != end {
			return errScript
		}
		return p.record(record, body)
	}
	for first := true; ; first = false {
		record, body, err := p.tokens()
		if err != nil {
			return err
		}
		if first {
			p.final(p.b.final, p.pos == p.win.size)
			if h := &p.b.header; p.b.kind == dynamic {
				n := countsOf(p.piece)
				p.header(h, n, h.nearest(n))
			}
		}
		if err := p.failed(); err != nil {
			return err
		}
		if body != nil {
			return p.record(record, body)
		}
	}
}

// tokens codes a piece. Where the block ends with it, body is not nil.
func (p *packer) tokens() (record uint32, body []byte, err error) {
	for p.piece = p.piece[:0]; !p.pieceEnds(len(p.piece)); {
		t, record, body, err := p.script.next()
		if err != nil {
			return 0, nil, err
		}
		if p.token(t); t == end {
			return record, body, nil
		}
		p.piece = append(p.piece, p.spell(t))
	}
	return 0, nil, nil
}
