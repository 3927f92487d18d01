package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"mirrord/internal/token"
)

const (
	// beatEvery is how often an edge hears that there is nothing new: sooner than
	// what stands between gives idle connections up.
	beatEvery = 10 * time.Second
	// streamsMost bounds those of one token: an edge has one, and one that it left.
	streamsMost = 8
)

var (
	errSince   = errors.New("bad query")
	errStreams = errors.New("too many requests for changes with this token")
)

// changes tells what follows the number that the edge is at, and goes on with what comes.
// Where that is not known any more it answers 410 with the journal and its number.
func (h *Hub) changes(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	seq, err := strconv.ParseUint(q.Get("since"), 10, 64)
	if err != nil {
		return fmt.Errorf("%w: since %.40q, expected a number", errSince, q.Get("since"))
	}
	end, err := h.begin(edge(r).Name)
	if err != nil {
		return err
	}
	defer end()
	at := place{q.Get("journal"), seq}
	if !h.Journal.follows(at) {
		now, _ := h.Journal.at()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusGone)
		return json.NewEncoder(w).Encode(now)
	}
	h.settle(w, r) // the connection holds no restart up
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	h.stream(w, r, at)
	return nil
}

// stream goes on until the edge leaves, falls behind what is kept, is granted nothing any
// more, or the hub ends. What it could not be told it asks for again.
func (h *Hub) stream(w http.ResponseWriter, r *http.Request, at place) {
	rc, lines := http.NewResponseController(w), json.NewEncoder(w)
	timer := time.NewTicker(h.beat)
	defer timer.Stop()
	for {
		t, err := h.admit(r)
		now, more := h.Journal.at()
		if err != nil || !h.Journal.follows(at) {
			return
		}
		if at.Seq, err = h.tell(lines, t, at.Seq); err != nil {
			return
		}
		if err := errors.Join(lines.Encode(beat{at.Seq}), rc.Flush()); err != nil {
			return
		}
		if at.Seq < now.Seq {
			continue
		}
		select {
		case <-more:
		case <-timer.C:
		case <-r.Context().Done():
			return
		case <-h.ending:
			return
		}
	}
}

// tell writes a page of what follows a number, and gives the last one's.
func (h *Hub) tell(lines *json.Encoder, t token.Token, after uint64) (uint64, error) {
	page, err := h.Journal.after(after)
	for _, e := range page {
		after = e.Seq
		if t.Grants(e.Repo) {
			if err := lines.Encode(e); err != nil {
				return after, err
			}
		}
	}
	return after, err
}

// begin counts a stream of a token, and gives what ends it.
func (h *Hub) begin(name string) (end func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errEnding
	}
	if h.streams[name] >= streamsMost {
		return nil, errStreams
	}
	h.streams[name]++
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.streams[name]--; h.streams[name] == 0 {
			delete(h.streams, name)
		}
	}, nil
}

// End ends the streams, for edges to come again where they are served then.
func (h *Hub) End() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		close(h.ending)
	}
}
