// Package rig is what the tests of the whole house stand on: a mirrord process
// that a test starts, stops, kills and checks, between upstreams and clients of
// the test's own, all on loopback.
//
//	upstream (nginx, faulty, docker-registry) ◄── mirrord (the real binary) ◄── client (apt, net/http)
//	        log of requests                          data directory, fsck        bytes, Cache-Status
//
// Only _test files import it.
package rig
