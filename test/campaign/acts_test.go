package campaign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"mirrord/internal/faulty"
)

// An act is what clients have mirrord do that changes its disk.
type act struct {
	name string
	// before has what the act needs be there; nil nothing.
	before func(p *patient)
	do     func(p *patient)
	// later does not ask whether it is stored then: a suite that could not be kept is
	// asked for again after two seconds, an index after ten.
	later bool
}

var acts = []act{
	{name: "a file", do: func(p *patient) { p.ask(p.next(fmt.Sprintf("files/new%d", p.serial), 9_000)) }},
	{name: "a file for which others go", do: func(p *patient) { p.ask(p.next(fmt.Sprintf("files/large%d", p.serial), 150_000)) }},
	{name: "a file that changed", do: func(p *patient) { p.ask(p.next("files/changing", 20_000)) }},
	{
		name:   "a file that did not change",
		before: func(p *patient) { p.ask(p.next("files/same", 2_000)) },
		do:     func(p *patient) { p.ask("files/same") },
	},
	{name: "a download that is left and taken up again", do: func(p *patient) {
		path := p.next(fmt.Sprintf("files/left%d", p.serial), 100_000)
		p.leave(path)
		p.ask(path)
	}},
	{
		name: "a package",
		before: func(p *patient) {
			p.paths = p.republish(fmt.Sprintf("apt/p%d", p.serial))
			p.ask(p.paths[0])
			p.ask(p.paths[1])
		},
		do: func(p *patient) { p.ask(p.paths[2]) }, later: true,
	},
	{name: "a suite", do: (*patient).update, before: func(p *patient) { p.base = fmt.Sprintf("apt/new%d", p.serial) }, later: true},
	{
		name: "a suite that changed",
		before: func(p *patient) {
			p.base = fmt.Sprintf("apt/old%d", p.serial)
			p.update()
		},
		do: (*patient).update, later: true,
	},
	{name: "an image", do: (*patient).push},
	{
		name:   "a tag that moved",
		before: (*patient).push,
		do:     (*patient).push,
	},
}

// push moves a tag and has a client pull what it leads to.
func (p *patient) push() {
	p.serial++
	for _, path := range p.image("1", p.serial, 20_000) {
		p.ask(path)
	}
}

// update publishes the suite anew and has a client ask for all of it.
func (p *patient) update() {
	for _, path := range p.republish(p.base) {
		p.ask(path)
	}
}

// leave has a client go in the middle.
func (p *patient) leave(path string) {
	p.u.Fail("/"+path, faulty.Stall(60_000))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, p.m.URL(path), nil)
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err == nil {
		_, err = io.CopyN(io.Discard, resp.Body, 50_000)
		resp.Body.Close()
	}
	if err != nil {
		p.err = errors.Join(p.err, fmt.Errorf("%s: the client that leaves: %w", path, err))
	}
	for was := -1; was != p.d.Len(); time.Sleep(10 * time.Millisecond) {
		was = p.d.Len()
	}
}
