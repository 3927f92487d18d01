package config

import (
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/goccy/go-yaml/ast"
)

// Log is what mirrord says of itself on standard error.
type Log struct {
	JSON  bool
	Level slog.Level
}

// AccessLog has a line for each request.
type AccessLog struct {
	File string // "" = none, Stdout = standard output
	JSON bool   // else the Combined Log Format
}

// Stdout stands for a file's name.
const Stdout = "stdout"

const (
	expectedLevel     = "debug, info, warn or error"
	expectedFormat    = "text or json"
	expectedAccess    = "an absolute path, stdout or off"
	expectedAccessFmt = "combined or json"
)

func (r *reader) log(to *Log) setter {
	return func(n ast.Node) error {
		return r.mapping(n, "log", map[string]setter{
			"format": value(r, &to.JSON, "format", expectedFormat, oneOf("text", "json")),
			"level":  value(r, &to.Level, "level", expectedLevel, parseLevel),
		})
	}
}

// accessLog reads a file's name, or a mapping with more than that.
func (r *reader) accessLog(to *AccessLog) setter {
	file := value(r, &to.File, "access_log", expectedAccess, parseAccess)
	return func(n ast.Node) error {
		if _, is := pairs(n); !is {
			return file(n)
		}
		err := r.mapping(n, "access_log", map[string]setter{
			"file":   file,
			"format": value(r, &to.JSON, "format", expectedAccessFmt, oneOf("combined", "json")),
		})
		if err == nil && field(n, "file") == nil {
			return r.wrong(n, "access_log has no file, expected file: %s", expectedAccess)
		}
		return err
	}
}

func parseAccess(s string) (string, error) {
	switch {
	case s == "off":
		return "", nil
	case s == Stdout || s == "-":
		return Stdout, nil
	case !filepath.IsAbs(s):
		return "", fmt.Errorf("%q is no absolute path", s)
	}
	return s, nil
}

// oneOf is false for the first word and true for the second.
func oneOf(no, yes string) func(string) (bool, error) {
	return func(s string) (bool, error) {
		if s != no && s != yes {
			return false, fmt.Errorf("%q is unknown", s)
		}
		return s == yes, nil
	}
}

var levels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

func parseLevel(s string) (slog.Level, error) {
	level, known := levels[s]
	if !known {
		return 0, fmt.Errorf("%q is unknown", s)
	}
	return level, nil
}
