package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"
)

var errUsage = errors.New("usage")

// options are the command line.
type options struct {
	json    string
	dir     string
	program string
	servers []string
	quick   bool
	enforce bool
	noPush  bool
	run     time.Duration
	rounds  int
	herds   int
	groups  int
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	var servers string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.json, "json", "bench/results.json", "file for the result")
	flags.StringVar(&o.dir, "dir", "", "where the scratch directory is made, some GB; the system's if empty")
	flags.StringVar(&o.program, "mirrord", "", "a mirrord binary; built from this tree if empty")
	flags.StringVar(&servers, "servers", "", "who takes part, with commas; all if empty")
	flags.BoolVar(&o.enforce, "enforce", false, "exit 1 where a bar is missed")
	flags.BoolVar(&o.noPush, "nginx-tcp-nopush", false, "give nginx tcp_nopush, which makes it slow on loopback")
	flags.DurationVar(&o.run, "duration", 2*time.Second, "of one wrk run, whole seconds")
	flags.IntVar(&o.rounds, "rounds", 5, "rounds of hits; 0 for none")
	flags.IntVar(&o.herds, "herds", 3, "rounds of the herd; 0 for none")
	flags.IntVar(&o.groups, "groups", 1, "rounds of the group of mirrors, where "+mirrordName+" takes part; 0 for none")
	flags.BoolFunc("quick", "about a minute: 1 round of 1 s, 1 herd, no group, without "+genericName+"; flags after it still count", func(string) error {
		o.quick, o.run, o.rounds, o.herds, o.groups = true, time.Second, 1, 1, 0
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case servers != "":
		o.servers = strings.Split(servers, ",")
	case o.quick:
		o.servers = slices.DeleteFunc(slices.Clone(allServers), func(name string) bool { return name == genericName })
	default:
		o.servers = allServers
	}
	if flags.NArg() > 0 || o.rounds < 0 || o.herds < 0 || o.groups < 0 || o.run < time.Second {
		return o, fmt.Errorf("%w: no arguments, no fewer rounds than none, at least a second each", errUsage)
	}
	if !o.has(mirrordName) {
		o.groups = 0
	}
	return o, o.check()
}

// check says at the start what would otherwise fail in the middle.
func (o options) check() error {
	for _, name := range o.servers {
		if !slices.Contains(allServers, name) {
			return fmt.Errorf("%w: no server %q; there are %s", errUsage, name, strings.Join(allServers, ", "))
		}
	}
	if o.has(genericName) && !o.has(mirrordName) {
		return fmt.Errorf("%w: %s is a second repository of %s", errUsage, genericName, mirrordName)
	}
	programs := []string{"wrk"}
	for _, name := range []string{nginxName, acngName, registryName} {
		if o.has(name) {
			programs = append(programs, name)
		}
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w (a Debian package has it; /usr/sbin must be in PATH)", err)
		}
	}
	return nil
}

func (o options) has(name string) bool { return slices.Contains(o.servers, name) }
