package apt

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

// signer signs with the real gpg and a key of its own.
type signer struct {
	t    *testing.T
	home string
}

// newSigner makes a key. Its home has a short path, since the agent's socket
// stands in it, and the agent ends with the test.
func newSigner(t *testing.T, algorithm string) signer {
	t.Helper()
	home, err := os.MkdirTemp("", "gpg")
	if err != nil {
		t.Fatal(err)
	}
	s := signer{t: t, home: home}
	t.Cleanup(func() {
		kill := exec.Command("gpgconf", "--kill", "all")
		kill.Env = append(os.Environ(), "GNUPGHOME="+home)
		if out, err := kill.CombinedOutput(); err != nil {
			t.Errorf("gpgconf: %v: %s", err, out)
		}
		os.RemoveAll(home)
	})
	s.gpg(nil, "--quick-gen-key", algorithm+" <archive@example.org>", algorithm, "sign", "never")
	return s
}

func (s signer) gpg(in []byte, args ...string) []byte {
	s.t.Helper()
	cmd := exec.Command("gpg", append([]string{"--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback"}, args...)...)
	cmd.Env = append(os.Environ(), "GNUPGHOME="+s.home)
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("gpg %q: %v: %s", args, err, stderr.Bytes())
	}
	return out
}

func (s signer) clearsign(text []byte, args ...string) []byte {
	s.t.Helper()
	return s.gpg(text, append(args, "--clearsign")...)
}

func (s signer) detach(text []byte, args ...string) []byte {
	s.t.Helper()
	return s.gpg(text, append(args, "-abs")...)
}
