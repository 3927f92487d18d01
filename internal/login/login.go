package login

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/credentials"
)

// A Login is what a registry is told. The zero value is nobody.
type Login struct{ Username, Password, IdentityToken string }

// Real files hold a few KiB.
const fileMost = 1 << 20

// FromDockerConfig looks hosts ("registry.example:5000") up in a docker
// config.json. A host that it does not name is nobody's, without error.
func FromDockerConfig(file string) func(ctx context.Context, host string) (Login, error) {
	return func(ctx context.Context, host string) (Login, error) {
		c, err := read(file)
		if err != nil {
			return Login{}, err
		}
		for _, key := range keys(host) {
			login, err := lookUp(ctx, c, key)
			if err != nil || login != (Login{}) {
				return login, err
			}
		}
		return Login{}, nil
	}
}

func read(file string) (*configfile.ConfigFile, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	limited := &io.LimitedReader{R: f, N: fileMost + 1}
	c, err := config.LoadFromReader(limited)
	switch name := filepath.Base(file); {
	case limited.N == 0:
		return nil, fmt.Errorf("%s: over %d bytes, want a docker config.json", name, fileMost)
	case err != nil: // its text can quote the file
		return nil, fmt.Errorf("%s: not a docker config.json: want JSON with auths, credHelpers or credsStore", name)
	}
	return c, nil
}

// keys are the names that host has in such files. Docker Hub's credentials
// stand under the address of its long gone index, podman's under docker.io.
func keys(host string) []string {
	switch host {
	case "registry-1.docker.io", "index.docker.io", "docker.io":
		return []string{host, "https://index.docker.io/v1/", "docker.io"}
	}
	return []string{host}
}

// lookUp follows docker: a host's own helper, else the store for all, else
// the file.
func lookUp(ctx context.Context, c *configfile.ConfigFile, key string) (Login, error) {
	helper := c.CredentialsStore
	if own := c.CredentialHelpers[key]; own != "" {
		helper = own
	}
	if helper != "" {
		return ask(ctx, helper, key)
	}
	found, err := credentials.NewFileStore(c).Get(key)
	if err != nil {
		return Login{}, errors.New("entry cannot be read")
	}
	return Login{found.Username, found.Password, found.IdentityToken}, nil
}
