package engines

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// object is a JSON text whose top level is an object, with the places of its members.
type object struct {
	text    string
	open    int // of the brace
	members []member
}

// member is a key with the bytes of both: text[key:start] is the key, its colon and blanks.
type member struct {
	name       string
	key        int
	start, end int // of the value
}

// parseObject refuses what dockerd would: text that is not JSON, or no object. A key
// that stands twice is refused as well, since only one of them would be read.
func parseObject(text string) (object, error) {
	o := object{text: text}
	var whole map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		return o, jsonError(text, err)
	}
	dec := json.NewDecoder(strings.NewReader(text))
	if _, err := dec.Token(); err != nil {
		return o, err
	}
	if whole == nil {
		return o, errors.New("line 1: null, expected a JSON object")
	}
	o.open = int(dec.InputOffset()) - 1
	for dec.More() {
		m, err := o.member(dec)
		if err != nil {
			return o, err
		}
		if _, twice := o.find(m.name); twice {
			return o, fmt.Errorf("line %d: %q a second time, expected it once", lineAt(text, m.key), m.name)
		}
		o.members = append(o.members, m)
	}
	return o, nil
}

func (o object) member(dec *json.Decoder) (m member, err error) {
	before := int(dec.InputOffset())
	name, err := dec.Token()
	if err != nil {
		return m, err
	}
	var value json.RawMessage
	if err := dec.Decode(&value); err != nil {
		return m, err
	}
	m.name, _ = name.(string)
	m.key = before + strings.IndexByte(o.text[before:], '"')
	m.end = int(dec.InputOffset())
	m.start = m.end - len(value)
	return m, nil
}

func (o object) find(name string) (member, bool) {
	for _, m := range o.members {
		if m.name == name {
			return m, true
		}
	}
	return member{}, false
}

// add puts a member behind the last one, laid out as that is.
func (o object) add(name, value string) string {
	value = `"` + name + `": ` + value
	if len(o.members) == 0 {
		end := o.open + strings.IndexByte(o.text[o.open:], '}')
		return o.text[:o.open] + "{\n  " + value + "\n" + o.text[end:]
	}
	last := o.members[len(o.members)-1]
	before := o.open + 1
	if n := len(o.members); n > 1 {
		before = o.members[n-2].end
	}
	blank := strings.TrimLeft(o.text[before:last.key], " \t\r\n")
	if blank == "" {
		blank = o.text[before:last.key] // the only member: what stands behind the brace
	} else {
		blank = strings.TrimPrefix(blank, ",")
	}
	return o.text[:last.end] + "," + blank + value + o.text[last.end:]
}

func jsonError(text string, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: %s, expected JSON", lineAt(text, int(syntax.Offset)), syntax)
	case errors.As(err, &kind):
		return fmt.Errorf("line %d: %s, expected a JSON object", lineAt(text, int(kind.Offset)), kind.Value)
	}
	return err
}

// lineAt counts from 1.
func lineAt(text string, offset int) int {
	return 1 + strings.Count(text[:min(offset, len(text))], "\n")
}
