package config

import (
	"os"
	"path/filepath"
)

// DefaultDataDir is where data goes unless told otherwise: the system's place for
// root, else the user's place for state (XDG Base Directory Specification).
func DefaultDataDir() string {
	if os.Geteuid() == 0 {
		return "/var/lib/mirrord"
	}
	// The specification says that a relative path is to be ignored.
	if state := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "mirrord")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "/var/lib/mirrord"
	}
	return filepath.Join(home, ".local", "state", "mirrord")
}
