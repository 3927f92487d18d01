// Package trace makes the sequences of requests that policies are measured on.
package trace

import (
	"cmp"
	"slices"
)

// Event is a request for an object, or its death: no current generation names it
// from then on.
type Event struct {
	At   int32 // seconds
	ID   uint32
	Dies bool
	Scan bool // by one who asks for all there is
}

// Trace is a sequence of requests in order of time.
type Trace struct {
	Name   string
	Events []Event
	Sizes  []int64 // by object
}

// Bytes is the size of all its objects together.
func (t *Trace) Bytes() (sum int64) {
	for _, n := range t.Sizes {
		sum += n
	}
	return sum
}

// Requests and Asked are how many there are, and for how many bytes.
func (t *Trace) Asked() (requests, bytes int64) {
	for _, e := range t.Events {
		if !e.Dies {
			requests, bytes = requests+1, bytes+t.Sizes[e.ID]
		}
	}
	return requests, bytes
}

// builder collects events of several generators, which need not come in order.
type builder struct {
	t Trace
}

// object is a new one.
func (b *builder) object(size int64) uint32 {
	b.t.Sizes = append(b.t.Sizes, size)
	return uint32(len(b.t.Sizes) - 1)
}

func (b *builder) get(at int, id uint32) {
	b.t.Events = append(b.t.Events, Event{At: int32(at), ID: id})
}
func (b *builder) dies(at int, id uint32) {
	b.t.Events = append(b.t.Events, Event{At: int32(at), ID: id, Dies: true})
}

// done sorts the events; what is of the same second stays in the order in which it
// was added.
func (b *builder) done(name string) *Trace {
	slices.SortStableFunc(b.t.Events, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	b.t.Name = name
	return &b.t
}

const (
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour
)
