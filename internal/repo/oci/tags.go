package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
)

// PageTags checks a list of tags that was asked for with query, and does what query
// says where the registry did not: some (docker-registry before its version 3) give
// all of them always. out is list itself where the registry did; next is the query
// of the page that follows the one made here, "" for none.
func PageTags(list []byte, query string) (out []byte, next string, err error) {
	var body struct {
		Name string          `json:"name"`
		Tags json.RawMessage `json:"tags"`
	}
	var tags []string
	if json.Unmarshal(list, &body) != nil || body.Tags == nil || json.Unmarshal(body.Tags, &tags) != nil {
		return nil, "", errors.New("not a list of tags")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, "", err
	}
	last := values.Get(keyLast)
	n, counted := len(tags), values.Has(keyCount)
	if counted {
		if n, err = strconv.Atoi(values.Get(keyCount)); err != nil {
			return nil, "", fmt.Errorf("n=%.20q is no number", values.Get(keyCount))
		}
	}
	late := last != "" && slices.Contains(tags, last)
	if !late && len(tags) <= n {
		return list, "", nil
	}
	// Whoever gives all may give them in any order; the specification's is this.
	slices.Sort(tags)
	if late {
		tags = slices.DeleteFunc(tags, func(t string) bool { return t <= last })
	}
	if counted && len(tags) > n {
		if n > 0 {
			next = url.Values{keyCount: {strconv.Itoa(n)}, keyLast: {tags[n-1]}}.Encode()
		}
		tags = tags[:n]
	}
	if body.Tags, err = json.Marshal(tags); err != nil {
		return nil, "", err
	}
	out, err = json.Marshal(body)
	return out, next, err
}
