package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"

	"mirrord/internal/config"
)

// socket is an address that is listened on.
type socket struct {
	*net.TCPListener `json:"-"`
	Name             string // as the configuration has it, or systemd
	TLS              bool
	Systemd          bool // it is systemd's, whatever the configuration says
}

// url is how a client on this machine reaches it.
func (s socket) url() string { return localURL(s.Addr().String(), s.TLS) }

// descriptor is a copy of the socket's. Its File method would not do: what is passed on
// by it blocks, here too, and could not be closed any more.
func (s socket) descriptor() (*os.File, error) {
	raw, err := s.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	cerr := raw.Control(func(own uintptr) { fd, err = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) })
	if err := errors.Join(cerr, err); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), s.Name), nil
}

// openSockets gives what is to be listened on: systemd's sockets where it passed any,
// else those of the configuration, which a predecessor may have open already. It opens
// all or none.
func openSockets(cfg *config.Config, before *predecessor) (all []socket, err error) {
	given := before.inherited()
	defer func() {
		closeAll(given) // those that are not wanted any more
		if err != nil {
			closeAll(all)
		}
	}()
	fromSystemd, err := activated()
	given = append(given, fromSystemd...)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(given, func(s socket) bool { return s.Systemd }) {
		all, given = given, nil
	} else if all, err = configured(cfg, &given); err != nil {
		return all, err
	}
	secure := slices.ContainsFunc(all, func(s socket) bool { return s.TLS })
	switch {
	case cfg.TLS != nil && !secure:
		err = cfg.Errorf(0, "tls is set and nothing listens with it, expected listen_tls: a list of addresses")
	case cfg.TLS == nil && secure:
		err = cfg.Errorf(0, "systemd passed a socket for https, expected tls: where its certificate is")
	}
	return all, err
}

// configured opens what is not among the given, and takes from these what is.
func configured(cfg *config.Config, given *[]socket) (all []socket, err error) {
	for _, list := range []struct {
		addrs []string
		tls   bool
	}{{cfg.Listen, false}, {cfg.ListenTLS, true}} {
		for _, addr := range list.addrs {
			i := slices.IndexFunc(*given, func(s socket) bool { return s.Name == addr && s.TLS == list.tls })
			if i >= 0 {
				all = append(all, (*given)[i])
				*given = slices.Delete(*given, i, i+1)
				continue
			}
			l, err := net.Listen("tcp", addr)
			if err != nil {
				return all, fmt.Errorf("cannot listen on %s: %w", addr, rootCause(err))
			}
			all = append(all, socket{l.(*net.TCPListener), addr, list.tls, false})
		}
	}
	return all, nil
}

// descriptorNames are what FileDescriptorName= may be in a socket unit, and whether it is for TLS.
// A name that is not known is no guess: plain HTTP where TLS was meant shows secrets.
var descriptorNames = map[string]bool{"http": false, "https": true, "mirrord.socket": false, "mirrord-tls.socket": true, "unknown": false}

// activated are the sockets that systemd passed to this process.
func activated() (all []socket, err error) {
	for _, f := range activation.Files(true) {
		name := f.Name()
		if strings.HasPrefix(name, "LISTEN_FD_") { // it has none
			name = "http"
		}
		tls, known := descriptorNames[name]
		l, lerr := listener(f)
		switch {
		case err != nil: // only to be closed
		case lerr != nil:
			err = fmt.Errorf("systemd passed %q, which is no TCP socket that listens: %w", name, rootCause(lerr))
		case !known:
			err = fmt.Errorf("systemd passed a socket with the name %q, expected http or https", name)
		}
		if l != nil {
			all = append(all, socket{l, name, tls, true})
		}
	}
	return all, err
}

var errNotTCP = errors.New("another kind of socket")

// listener takes a descriptor over.
func listener(f *os.File) (*net.TCPListener, error) {
	l, err := net.FileListener(f) // has a copy
	f.Close()
	if err != nil {
		return nil, err
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		l.Close()
		return nil, errNotTCP
	}
	return tcp, nil
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
