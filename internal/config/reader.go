package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// reader walks a YAML tree and puts what it finds straight into final values. It
// walks the tree, not a struct, so that each value is checked where its line is
// known.
type reader struct {
	file        string
	names       map[string]int // repository name -> its line
	defaultLine int            // of the repository with default: true, 0 for none
}

// setter takes the value of one key.
type setter func(ast.Node) error

func (r *reader) errorf(line int, format string, args ...any) error {
	return refused(r.file, line, format, args...)
}

// wrong refuses the node's value.
func (r *reader) wrong(n ast.Node, format string, args ...any) error {
	return r.errorf(lineOf(n), format, args...)
}

// mapping hands each value to its key's setter and refuses keys that have none.
// The parser has refused duplicate keys.
func (r *reader) mapping(n ast.Node, what string, fields map[string]setter) error {
	values, ok := pairs(n)
	if !ok {
		return r.wrong(n, "%s is %s, expected a mapping of keys to values", what, kind(n))
	}
	for _, pair := range values {
		key, _ := scalar(pair.Key)
		set, known := fields[key]
		if !known {
			expected := strings.Join(slices.Sorted(maps.Keys(fields)), ", ")
			return r.wrong(pair.Key, "unknown key %q in %s, expected one of: %s", key, what, expected)
		}
		if err := set(pair.Value); err != nil {
			return err
		}
	}
	return nil
}

func pairs(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// list hands each element to set.
func (r *reader) list(what string, set setter) setter {
	return func(n ast.Node) error {
		sequence, ok := n.(*ast.SequenceNode)
		if !ok || len(sequence.Values) == 0 {
			return r.wrong(n, "%s is %s, expected a list of at least one", what, kind(n))
		}
		for _, element := range sequence.Values {
			if err := set(element); err != nil {
				return err
			}
		}
		return nil
	}
}

// value parses a scalar; what says in an error what was expected instead.
func value[T any](r *reader, to *T, key, expected string, parse func(string) (T, error)) setter {
	return func(n ast.Node) error {
		text, ok := scalar(n)
		if !ok {
			return r.wrong(n, "%s is %s, expected %s", key, kind(n), expected)
		}
		v, err := parse(text)
		if err != nil {
			return r.wrong(n, "%s: %v, expected %s", key, err, expected)
		}
		*to = v
		return nil
	}
}

// scalar is the text of a plain or quoted value as it was written: a name such as
// 12 or a size such as 50 needs no quotes.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// kind names what stands where something else was expected.
func kind(n ast.Node) string {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return "empty"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		if len(n.Values) == 0 {
			return "an empty list"
		}
		return "a list"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor or alias"
	case *ast.LiteralNode:
		return "a block of text"
	case *ast.TagNode:
		return "a tag"
	}
	return fmt.Sprintf("%q", n.GetToken().Value)
}

func lineOf(n ast.Node) int {
	if values, ok := pairs(n); ok && len(values) > 0 {
		return lineOf(values[0].Key)
	}
	if token := n.GetToken(); token != nil && token.Position != nil {
		return token.Position.Line
	}
	return 0
}

// field is the value of one key of a mapping, or nil.
func field(n ast.Node, key string) ast.Node {
	values, _ := pairs(n)
	for _, pair := range values {
		if text, _ := scalar(pair.Key); text == key {
			return pair.Value
		}
	}
	return nil
}

// element is one of a list that was read as the value of a key.
func element(n ast.Node, key string, i int) ast.Node {
	return field(n, key).(*ast.SequenceNode).Values[i]
}

// oneLine keeps foreign text from breaking the promise of one line.
func oneLine(s string) string {
	return strings.Join(strings.Fields(s), " ")
}
