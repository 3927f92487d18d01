package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"mirrord/configs"
)

// BuiltIn stands for a file's name where the embedded catalogue is meant.
const BuiltIn = "(built-in)"

// Error is a configuration that is refused. Its text is one line.
type Error struct {
	File string
	Line int // 0 where the file as a whole is meant
	Msg  string
}

// Error is FILE:LINE: what is wrong, what was expected.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Msg
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
}

func refused(file string, line int, format string, args ...any) error {
	return &Error{File: file, Line: line, Msg: oneLine(fmt.Sprintf(format, args...))}
}

// Errorf refuses what stands on a line of the configuration, for those who know
// what is wrong there. It is an *Error.
func (c *Config) Errorf(line int, format string, args ...any) error {
	return refused(c.File, line, format, args...)
}

// Load reads a file. Every failure is an *Error.
func Load(file string) (*Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, &Error{File: file, Msg: "cannot be read: " + reason(err) + ", expected a YAML file"}
	}
	return Parse(file, text)
}

// Default is the configuration of a mirrord that was given none.
func Default() (*Config, error) {
	return Parse(BuiltIn, configs.Default)
}

// Parse reads the text of a file; its name is for messages only.
func Parse(file string, text []byte) (*Config, error) {
	doc, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, syntaxError(file, err)
	}
	r := &reader{file: file, names: map[string]int{}}
	cfg := withDefaults(file)
	if len(doc.Docs) > 1 {
		return nil, r.errorf(doc.Docs[1].Start.Position.Line, "a second YAML document, expected one")
	}
	if len(doc.Docs) == 1 && !empty(doc.Docs[0].Body) {
		if err := r.top(doc.Docs[0].Body, cfg); err != nil {
			return nil, err
		}
	}
	if cfg.Repos == nil && file != BuiltIn {
		builtIn, err := Default()
		if err != nil {
			return nil, err
		}
		cfg.Repos = builtIn.Repos
	}
	if cfg.Fleet.Hub != nil {
		if err := r.fleetRepos(doc.Docs[0].Body, cfg); err != nil {
			return nil, err
		}
	}
	return cfg, nil
}

func empty(n ast.Node) bool {
	if n == nil {
		return true
	}
	_, null := n.(*ast.NullNode)
	return null
}

// syntaxError keeps the parser's reason and line and drops its many-line excerpt.
func syntaxError(file string, err error) error {
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		return &Error{File: file, Line: syntax.Token.Position.Line, Msg: oneLine(syntax.Message) + ", expected YAML"}
	}
	return &Error{File: file, Line: 1, Msg: oneLine(err.Error()) + ", expected YAML"}
}

// reason is the bare cause: "no such file or directory".
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return oneLine(err.Error())
}
