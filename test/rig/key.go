package rig

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Key signs archives. It lives in a GnuPG home of its own.
type Key struct {
	Keyring string // file with the public key, as apt's signed-by wants it

	tb   testing.TB
	home string
}

// NewKey makes a key that goes with the test.
func NewKey(tb testing.TB) *Key {
	tb.Helper()
	// gpg-agent's sockets may lie in the home, and their paths may have 107 bytes
	// at most (unix(7)): tb.TempDir, which holds the test's name, can be too long.
	home, err := os.MkdirTemp("", "gpg")
	if err != nil {
		tb.Fatal(err)
	}
	k := &Key{tb: tb, home: home, Keyring: filepath.Join(home, "archive.gpg")}
	tb.Cleanup(func() {
		if out, err := exec.Command("gpgconf", "--homedir", home, "--kill", "all").CombinedOutput(); err != nil {
			tb.Errorf("gpgconf --kill all: %v\n%s", err, out)
		}
		if err := os.RemoveAll(home); err != nil {
			tb.Error(err)
		}
	})
	k.gpg("--passphrase", "", "--quick-generate-key", "Test archive <archive@example.invalid>", "ed25519", "sign", "never")
	k.gpg("--output", k.Keyring, "--export")
	return k
}

// Clearsign makes an InRelease of a Release.
func (k *Key) Clearsign(release, inRelease string) {
	k.tb.Helper()
	k.gpg("--output", inRelease, "--clearsign", release)
}

// Detach makes the Release.gpg of a Release.
func (k *Key) Detach(release, signature string) {
	k.tb.Helper()
	k.gpg("--output", signature, "--armor", "--detach-sign", release)
}

func (k *Key) gpg(args ...string) {
	k.tb.Helper()
	run(k.tb, "", nil, "gpg", append([]string{"--homedir", k.home, "--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"}, args...)...)
}
