// Command testsummary reads the events of `go test -json` and prints a line for
// each package, the output of what failed, and in the end how many tests passed,
// failed and did not run here, with reasons.
//
// A test that cannot run on a machine prints a line "DIDNOTRUN: reason" and
// returns; such lines and skipped tests are counted, so that none is silent.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	failed, err := summarize(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsummary:", err)
		os.Exit(1)
	}
	if failed {
		os.Exit(1)
	}
}

// event is what cmd/test2json writes.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build events
	Test       string
	Output     string
	Elapsed    float64 // seconds
}

type summary struct {
	out       io.Writer
	output    map[string]*strings.Builder // by package and test, until it ends
	passed    int
	failed    int
	didNotRun []string
}

func summarize(in io.Reader, out io.Writer) (failed bool, err error) {
	s := summary{out: out, output: map[string]*strings.Builder{}}
	decoder := json.NewDecoder(in)
	for {
		var e event
		err := decoder.Decode(&e)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return true, fmt.Errorf("not the output of go test -json: %w", err)
		}
		s.take(e)
	}
	fmt.Fprintf(out, "\ntests: %d passed, %d failed\n", s.passed, s.failed)
	fmt.Fprintf(out, "%d tests did not run here%s\n", len(s.didNotRun), strings.Join(append([]string{""}, s.didNotRun...), "\n  - "))
	return s.failed > 0 || s.passed == 0, nil
}

func (s *summary) take(e event) {
	key := e.Package + "\x00" + e.Test
	switch e.Action {
	case "output":
		s.keep(key, e)
	case "build-output":
		fmt.Fprint(s.out, e.Output)
	case "pass", "fail", "skip":
		s.end(key, e)
	}
}

func (s *summary) keep(key string, e event) {
	if s.output[key] == nil {
		s.output[key] = &strings.Builder{}
	}
	s.output[key].WriteString(e.Output)
	if reason, ok := strings.CutPrefix(strings.TrimSpace(e.Output), "DIDNOTRUN: "); ok {
		s.didNotRun = append(s.didNotRun, e.Test+": "+reason)
	}
}

// end of a test, or of a package where e.Test is "".
func (s *summary) end(key string, e event) {
	text := ""
	if s.output[key] != nil {
		text = s.output[key].String()
	}
	delete(s.output, key)
	switch {
	case e.Action == "fail":
		s.failed++
		fmt.Fprintf(s.out, "FAIL %s %s (%.1fs)\n%s", e.Package, e.Test, e.Elapsed, text)
		s.unended(e)
	case e.Test == "" && e.Action == "pass":
		fmt.Fprintf(s.out, "ok   %s (%.1fs)\n", e.Package, e.Elapsed)
	case e.Test == "":
	case e.Action == "skip":
		s.didNotRun = append(s.didNotRun, e.Test+": skipped: "+strings.Join(strings.Fields(text), " "))
	default:
		s.passed++
	}
}

// unended prints what tests of a package had said when it broke off.
func (s *summary) unended(e event) {
	if e.Test != "" {
		return
	}
	for key, text := range s.output {
		if strings.HasPrefix(key, e.Package+"\x00") {
			fmt.Fprintf(s.out, "unfinished: %s\n%s", key[len(e.Package)+1:], text)
			delete(s.output, key)
		}
	}
}
