package oci

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// maxMembers is how many members an object that is read may have; the formats know
// nine at most, and the rest is anybody's.
const maxMembers = 1000

// eachMember calls f with every member of a valid JSON object. encoding/json alone
// would fold the case of keys and take the last of two that are equal, and so see
// another document than a client that does neither.
func eachMember(object []byte, f func(key string, value json.RawMessage) error) error {
	dec, err := open(object, '{')
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		switch {
		case seen[key]:
			return fmt.Errorf("%.80q stands twice", key)
		case len(seen) == maxMembers:
			return fmt.Errorf("expected at most %d members", maxMembers)
		}
		seen[key] = true
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
		if err := f(key, value); err != nil {
			return fmt.Errorf("%.80s: %w", key, err)
		}
	}
	return nil
}

// eachElement calls f with every element of a valid JSON array.
func eachElement(array []byte, f func(value json.RawMessage) error) error {
	dec, err := open(array, '[')
	if err != nil {
		return err
	}
	for i := 0; dec.More(); i++ {
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
		if err := f(value); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	return nil
}

func open(text []byte, delim json.Delim) (*json.Decoder, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	if token, err := dec.Token(); err != nil || token != delim {
		return nil, fmt.Errorf("%.40q, expected JSON beginning with %v", text, delim)
	}
	return dec, nil
}

func isNull(value json.RawMessage) bool { return string(value) == "null" }
