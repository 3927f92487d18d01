package faults

import (
	"fmt"
	"slices"
	"testing"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// TestRevalidation: a file that is fresh no more is asked for conditionally,
// whatever part of it a client wants, and fetched where it changed.
func TestRevalidation(t *testing.T) {
	u := faulty.New(t)
	m := rig.Start(t, rig.Config{Repos: fmt.Sprintf("- {name: r, type: generic, fresh: 0s, upstreams: [%q]}", u.URL)})
	for version := range uint64(3) {
		data := rig.Content(version, fileSize)
		u.Set("/p", data)
		for i := range wishes {
			w := wishes[(i+int(version))%len(wishes)] // another one sees the change first
			field := w.field(fileSize)
			u.Forget()
			r := rig.Get(m.URL("r/p"), fields(field)...)
			if err := r.Right(field, data); err != nil {
				t.Errorf("version %d, %s: %v", version, w.name, err)
			}
			if got := u.Lines(); i > 0 && !slices.Equal(got, []string{"GET /p -> 304"}) {
				t.Errorf("version %d, %s: upstream was asked %q, expected a 304", version, w.name, got)
			}
			if i == 0 {
				rig.Get(m.URL("r/p")) // until the flight has landed
			}
		}
	}
	m.Fsck(t)
}

// TestRequests pins down what reaches upstream, request by request.
func TestRequests(t *testing.T) {
	data := rig.Content(1, fileSize)
	const cutAt = 100_000
	middle := []string{"Range", fmt.Sprintf("bytes=%d-%d", fileSize-1000, fileSize-991)}
	farTail := fmt.Sprintf("GET /p bytes=%d- -> 206", fileSize-1000)
	rest := fmt.Sprintf("GET /p bytes=%d- -> 206", cutAt)
	for _, c := range []struct {
		name   string
		faults []faulty.Fault
		fields []string
		want   []string
	}{
		{name: "none", want: []string{"GET /p -> 200"}},
		{name: "cut", faults: []faulty.Fault{faulty.Cut(cutAt)}, want: []string{"GET /p -> 200", rest}},
		{name: "stall", faults: []faulty.Fault{faulty.Stall(cutAt)}, want: []string{"GET /p -> 200", rest}},
		{name: "drop", faults: []faulty.Fault{faulty.Drop()}, want: []string{"GET /p -> 0", "GET /p -> 200"}},
		{name: "500", faults: []faulty.Fault{faulty.Status(500)}, want: []string{"GET /p -> 500", "GET /p -> 200"}},
		{name: "503 that tells when", faults: []faulty.Fault{faulty.Unavailable(1)}, want: []string{"GET /p -> 503", "GET /p -> 200"}},
		{name: "404", faults: []faulty.Fault{faulty.Status(404).Always()}, want: []string{"GET /p -> 404"}},
		{name: "403", faults: []faulty.Fault{faulty.Status(403).Always()}, want: []string{"GET /p -> 403", "GET /p -> 403"}},
		{name: "gzip unasked", faults: []faulty.Fault{faulty.Gzip().Always()}, want: []string{"GET /p -> 200", "GET /p -> 200"}},
		{name: "redirect away", faults: []faulty.Fault{faulty.Redirect("http://127.0.0.1:9/").Always()}, want: []string{"GET /p -> 302", "GET /p -> 302"}},
		{name: "far range", fields: middle, want: []string{farTail, "GET /p -> 200"}},
		{name: "far range, ignored", fields: middle, faults: []faulty.Fault{faulty.IgnoreRange()}, want: []string{fmt.Sprintf("GET /p bytes=%d- -> 200", fileSize-1000)}},
		{name: "far range, misanswered", fields: middle, faults: []faulty.Fault{faulty.ContentRange("bytes 0-9/10").Ranged()}, want: []string{farTail, "GET /p -> 200"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := faulty.New(t)
			u.Set("/p", data)
			m := rig.Start(t, rig.Config{Repos: fmt.Sprintf("- {name: r, type: generic, upstreams: [%q]}", u.URL), Extra: timeouts})
			u.Fail("/p", c.faults...)
			rig.Get(m.URL("r/p"), c.fields...)
			rig.Get(m.URL("r/p"), c.fields...)
			if c.fields != nil {
				rig.Get(m.URL("r/p")) // until the flight has landed
			}
			if got := u.Lines(); !slices.Equal(got, c.want) {
				t.Errorf("upstream was asked\n  %q\nexpected\n  %q", got, c.want)
			}
			m.Fsck(t)
		})
	}
}
