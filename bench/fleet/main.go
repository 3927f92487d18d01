package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

var (
	errMissed = errors.New("a bar was missed")
	errUsage  = errors.New("usage")
)

// options are the command line.
type options struct {
	json, dir, program string
	packages           []string
	quick, enforce     bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

func parseOptions(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("fleet", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.json, "json", "bench/fleet.json", "file for the result")
	flags.StringVar(&o.dir, "dir", "", "where packages are fetched to and kept for the next run, about 2 GB; a scratch directory if empty")
	flags.StringVar(&o.program, "mirrord", "", "a mirrord binary; built from this tree if empty")
	names := flags.String("packages", "", "packages to take, with commas; a fixed list if empty")
	flags.BoolVar(&o.quick, "quick", false, "a few small packages: shows that it runs, not what it saves")
	flags.BoolVar(&o.enforce, "enforce", false, "exit 1 where a bar is missed")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%w: no arguments are taken, got %q", errUsage, flags.Arg(0))
	}
	o.packages = updates
	switch {
	case *names != "":
		o.packages = strings.Split(*names, ",")
	case o.quick:
		o.packages = quickUpdates
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "bench-fleet-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	if o.dir == "" {
		o.dir = filepath.Join(scratch, "packages")
	}
	if o.program == "" {
		o.program = filepath.Join(scratch, "mirrord")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", o.program, "./cmd/mirrord").CombinedOutput(); err != nil {
			return fmt.Errorf("go build: %w: %s", err, out)
		}
	}
	say := func(format string, a ...any) { fmt.Fprintf(stderr, "fleet: "+format+"\n", a...) }
	r, err := measure(ctx, o, scratch, say)
	if err != nil {
		return err
	}
	if err := r.print(stdout); err != nil {
		return err
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(o.json, append(data, '\n'), 0o644); err != nil {
		return err
	}
	for _, b := range r.Bars {
		if o.enforce && !b.Pass {
			return fmt.Errorf("%w: %s", errMissed, b.Name)
		}
	}
	return nil
}

// measure makes and applies the delta of every update.
func measure(ctx context.Context, o options, scratch string, say func(string, ...any)) (*report, error) {
	a := apt{dir: o.dir}
	if err := os.MkdirAll(a.dir, 0o755); err != nil {
		return nil, err
	}
	r := new(report)
	for _, name := range o.packages {
		u, err := a.update(ctx, name)
		if err == nil {
			err = r.take(ctx, o, scratch, u, say)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			say("%s: left out: %v", name, err)
			r.Left = append(r.Left, fmt.Sprintf("%s: %v", name, err))
		}
	}
	if !o.quick {
		all, err := made(ctx, a, scratch)
		if err != nil {
			return nil, err
		}
		for _, u := range all {
			if err := r.take(ctx, o, scratch, u, say); err != nil {
				return nil, err
			}
		}
	}
	r.judge()
	return r, nil
}

// made are the updates of what is made here.
func made(ctx context.Context, a apt, scratch string) (all []update, err error) {
	old, new, err := a.trees(ctx, scratch)
	if err != nil {
		return nil, err
	}
	base, err := layer(old, new, scratch)
	if err != nil {
		return nil, err
	}
	raw, err := image(ctx, old, new, scratch)
	if err != nil {
		return nil, err
	}
	packages, err := index(ctx, scratch)
	return []update{base, raw, packages}, err
}
