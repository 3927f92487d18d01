package main

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"mirrord/internal/config"
)

// socket is an address that is listened on.
type socket struct {
	net.Listener
	name string // as the configuration has it
	tls  bool
}

// url is how a client on this machine reaches it.
func (s socket) url() string { return localURL(s.Addr().String(), s.tls) }

// openSockets opens every address of the configuration or none.
func openSockets(cfg *config.Config) ([]socket, error) {
	var all []socket
	open := func(addrs []string, tls bool) error {
		for _, a := range addrs {
			l, err := net.Listen("tcp", a)
			if err != nil {
				return fmt.Errorf("cannot listen on %s: %w", a, rootCause(err))
			}
			all = append(all, socket{l, a, tls})
		}
		return nil
	}
	err := open(cfg.Listen, false)
	if err == nil {
		err = open(cfg.ListenTLS, true)
	}
	if err == nil && cfg.TLS != nil && !slices.ContainsFunc(all, func(s socket) bool { return s.tls }) {
		err = cfg.Errorf(0, "tls is set and nothing listens with it, expected listen_tls: a list of addresses")
	}
	if err != nil {
		closeAll(all)
		return nil, err
	}
	return all, nil
}

func closeAll(all []socket) {
	for _, s := range all {
		s.Close()
	}
}

// rootCause is the system's own word, without what led to it.
func rootCause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
