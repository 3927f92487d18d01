package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"mirrord/bench/evict/trace"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "evict:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("evict", flag.ContinueOnError)
	flags.SetOutput(stderr)
	log := flags.String("log", "", "an access log in the common or combined format, in place of the made traces")
	quick := flags.Bool("quick", false, "short traces: shows that it runs, not what is better")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if *log != "" {
		t, err := readLog(*log)
		if err != nil {
			return err
		}
		return compare(t).print(stdout)
	}
	suite := trace.ReadSuite()
	fmt.Fprintf(stdout, "%d packages: %s\n", len(suite.Packages), suite.From)
	for _, t := range traces(suite, *quick) {
		if err := compare(t).print(stdout); err != nil {
			return err
		}
	}
	return nil
}

func readLog(name string) (*trace.Trace, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := trace.ReadLog(name, f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

func traces(s *trace.Suite, quick bool) []*trace.Trace {
	requests, days := 1_000_000, 60
	if quick {
		requests, days = 20_000, 8
	}
	return []*trace.Trace{
		trace.Zipf(s, requests),
		trace.CI(s, days, false), trace.CI(s, days, true),
		trace.Fleet(s, days, false), trace.Fleet(s, days, true),
		trace.Images(days),
	}
}
