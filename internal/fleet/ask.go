package fleet

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

const (
	// basesMost bounds what one question offers.
	basesMost = 8
	// waitMost is how long a question may wait for a delta that is being made.
	waitMost = 2 * time.Minute
	// deltaType is what a delta is sent as; docs/design/recipe.md has the format.
	deltaType = "application/vnd.mirrord.delta"
)

var errQuestion = errors.New("not a question for a delta")

// delta answers GET deltas/REPO/PATH?target=DIGEST&base=DIGEST...&wait=SECONDS. The ETag
// tells the base that it is for: "BASE..TARGET".
func (h *Hub) delta(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuestion(r)
	if err != nil {
		return err
	}
	if _, known := h.Registries[q.repo]; !known || !edge(r).Grants(q.repo) {
		return fmt.Errorf("%w: %.80q", errGrant, q.repo)
	}
	c, base, err := h.Deltas.open(r.Context(), q)
	if err != nil {
		return err
	}
	defer c.Close()
	w.Header().Set("Content-Type", deltaType)
	w.Header().Set("ETag", `"`+string(base)+".."+string(q.ref.Digest)+`"`)
	http.ServeContent(w, r, "", time.Time{}, c)
	return nil
}

func readQuestion(r *http.Request) (q question, err error) {
	var ok bool
	q.repo, q.ref.Path, ok = strings.Cut(strings.TrimPrefix(r.URL.Path, Prefix+"/deltas/"), "/")
	if clean, err := repo.CleanName(q.ref.Path); !ok || err != nil || clean != q.ref.Path {
		return q, fmt.Errorf("%w: path %.80q, expected REPO/PATH", errQuestion, r.URL.Path)
	}
	values := r.URL.Query()
	if q.ref.Digest, err = digest.Parse(values.Get("target")); err != nil {
		return q, fmt.Errorf("%w: target: %w", errQuestion, err)
	}
	if n := len(values["base"]); n == 0 || n > basesMost {
		return q, fmt.Errorf("%w: %d bases, expected 1 to %d", errQuestion, n, basesMost)
	}
	for _, text := range values["base"] {
		b, err := digest.Parse(text)
		if err != nil {
			return q, fmt.Errorf("%w: base: %w", errQuestion, err)
		}
		q.bases = append(q.bases, b)
	}
	if text := values.Get("wait"); text != "" {
		seconds, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return q, fmt.Errorf("%w: wait %.20q, expected seconds", errQuestion, text)
		}
		q.wait = min(time.Duration(seconds)*time.Second, waitMost)
	}
	return q, nil
}
