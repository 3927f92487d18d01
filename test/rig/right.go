package rig

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
)

// Right says what is wrong with the answer to a request with that Range field, nil
// where it ended cleanly and its bytes are those of data.
func (r Reply) Right(field string, data []byte) error {
	switch {
	case r.Err != nil:
		return fmt.Errorf("broken off: %w", r.Err)
	case r.Status == http.StatusOK && !bytes.Equal(r.Body, data):
		return fmt.Errorf("200 with %d wrong bytes, expected %d", len(r.Body), len(data))
	case r.Status == http.StatusOK:
		return nil
	case r.Status != http.StatusPartialContent:
		return fmt.Errorf("answered %d", r.Status)
	case field == "":
		return fmt.Errorf("206 to a request without Range")
	case strings.Contains(field, ","):
		parts, err := r.Parts()
		if err != nil {
			return err
		}
		if len(parts) != 2 {
			return fmt.Errorf("%d parts, expected 2", len(parts))
		}
		for at, body := range parts {
			if err := judgePart(at, body, data); err != nil {
				return err
			}
		}
		return nil
	}
	return judgePart(r.Header.Get("Content-Range"), r.Body, data)
}

// judgePart holds bytes against the place where they are said to stand.
func judgePart(at string, body, data []byte) error {
	var first, last, size int
	if _, err := fmt.Sscanf(at, "bytes %d-%d/%d", &first, &last, &size); err != nil {
		return fmt.Errorf("Content-Range %q: %w", at, err)
	}
	if size != len(data) || first > last || last >= size || !bytes.Equal(body, data[first:last+1]) {
		return fmt.Errorf("206 with %d wrong bytes for %s of %d", len(body), at, len(data))
	}
	return nil
}
