package fleet

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// batchMost is how many entries are acted on at a time.
const batchMost = 1000

// errEnded: the hub ended the stream in good order, as at its restart.
var errEnded = errors.New("the hub ended the stream")

// follow asks for what follows the edge's number, and acts until the stream ends. It is nil
// where the number is another now.
func (e *Edge) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(e.quiet, func() { cancel(fmt.Errorf("no word for %v", e.quiet)) })
	defer idle.Stop()
	resp, err := e.ask(ctx)
	if err != nil {
		return cause(ctx, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return cause(ctx, e.read(ctx, resp.Body, idle))
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, lineMost))
	if err == nil && resp.StatusCode == http.StatusGone {
		idle.Stop()
		return e.reconcile(ctx, text)
	}
	return fmt.Errorf("%s: %.200q", resp.Status, strings.TrimSpace(string(text)))
}

// cause is why ctx ended, where that made err.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

func (e *Edge) ask(ctx context.Context) (*http.Response, error) {
	at := *e.Hub
	at.Path = Prefix + "/changes"
	at.RawQuery = url.Values{"journal": {e.at.Journal}, "since": {strconv.FormatUint(e.at.Seq, 10)}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+e.Token)
	return e.Client.Do(req)
}

// read acts on lines, a batch at a time: a beat ends one.
func (e *Edge) read(ctx context.Context, body io.Reader, idle *time.Timer) error {
	lines := bufio.NewReaderSize(body, lineMost)
	var batch []Entry
	last := e.at.Seq
	for {
		idle.Reset(e.quiet)
		line, err := lines.ReadSlice('\n')
		idle.Stop()
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("%w: a line of more than %d bytes", errLine, lineMost)
		case errors.Is(err, io.EOF):
			return errEnded
		case err != nil:
			return err
		}
		entry, upTo, err := parseLine(line)
		switch {
		case err != nil:
			return err
		case upTo < last || entry.Seq != 0 && upTo == last:
			return fmt.Errorf("%w: %d after %d", errLine, upTo, last)
		case entry.Seq != 0:
			batch = append(batch, entry)
		}
		last = upTo
		if entry.Seq != 0 && len(batch) < batchMost {
			continue
		}
		err = e.act(ctx, batch)
		if err == nil {
			err = e.reached(place{e.at.Journal, last})
		}
		if err != nil {
			return err
		}
		batch = batch[:0]
		e.pause.Reset()
	}
}

// reconcile is for an edge of whose number the hub knows nothing: what it missed may be
// anything. It looks at all that it has, and follows from where the hub is now.
func (e *Edge) reconcile(ctx context.Context, answer []byte) error {
	var to place
	if err := json.Unmarshal(answer, &to); err != nil || to.Journal == "" || len(to.Journal) > nameMost {
		return fmt.Errorf("%w: 410 with %.80q, expected a journal's name and number", errLine, answer)
	}
	e.Log.Info("the hub's journal does not reach back; looking at all that is known", "hub", e.Hub.Host)
	var errs []error
	for name := range e.Repos {
		errs = append(errs, e.Mirror.Heed(ctx, name, "", e.fetches(name)))
	}
	if err := e.settle(ctx, errors.Join(errs...)); err != nil {
		return err
	}
	return e.reached(to)
}
