// Command mirrord is a package mirror and caching proxy. This package is the
// wiring only: flags and a configuration file go in, the packages under internal
// are put together, and an exit code comes out.
//
//	0  done
//	1  it could not be done: one line on standard error says why
//	2  the command line or the configuration is wrong
package main
