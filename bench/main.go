package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

var errMissed = errors.New("a bar was missed")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == bareCommand {
		return serveBare(args[1:])
	}
	o, err := parseOptions(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	say := func(format string, a ...any) { fmt.Fprintf(stderr, "bench: "+format+"\n", a...) }
	r, err := measure(ctx, o, say)
	if err != nil {
		return err
	}
	if err := r.print(stdout); err != nil {
		return err
	}
	if err := r.write(o.json); err != nil {
		return err
	}
	say("written to %s", o.json)
	for _, b := range r.Bars {
		if o.enforce && !b.Pass {
			return fmt.Errorf("%w: %s", errMissed, b.Name)
		}
	}
	return nil
}
