package upstream

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"
)

const (
	tokensMost = 4096 // per group; a token is about 2 KiB
	// A password that a mirror itself took is looked up anew after this.
	basicFor = 5 * time.Minute
)

// A token is an Authorization field and how long it may be used.
type token struct {
	field string // "" nothing to log in with
	until time.Time
}

// tokens keeps what was earned, by mirror, scope and identity.
type tokens struct {
	now     func() time.Time
	flights singleflight.Group

	mu   sync.Mutex // guards held
	held *simplelru.LRU[string, token]
}

func newTokens(now func() time.Time) *tokens {
	held, err := simplelru.NewLRU[string, token](tokensMost, nil)
	if err != nil {
		panic(err) // the size is a constant
	}
	return &tokens{now: now, held: held}
}

// get is the field to send, "" none.
func (t *tokens) get(key string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	tok, ok := t.held.Get(key)
	if ok && !t.now().Before(tok.until) {
		t.held.Remove(key)
		return ""
	}
	return tok.field
}

func (t *tokens) keep(key string, tok token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tok.field != "" && t.now().Before(tok.until) {
		t.held.Add(key, tok)
	}
}

// drop forgets field, unless another has taken its place.
func (t *tokens) drop(key, field string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tok, ok := t.held.Peek(key); ok && tok.field == field {
		t.held.Remove(key)
	}
}

// obtain is what others have earned already, or will: one earns at a time for
// each key, and goes on when the caller that began it leaves.
func (t *tokens) obtain(ctx context.Context, key string, earn func(context.Context) (token, error)) (string, error) {
	ch := t.flights.DoChan(key, func() (any, error) {
		if field := t.get(key); field != "" {
			return field, nil
		}
		tok, err := earn(context.WithoutCancel(ctx))
		if err != nil {
			return "", err
		}
		t.keep(key, tok)
		return tok.field, nil
	})
	select {
	case r := <-ch:
		return r.Val.(string), r.Err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
