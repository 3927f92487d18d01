package login

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/docker/docker-credential-helpers/client"
	"github.com/docker/docker-credential-helpers/credentials"
)

const (
	// Helpers that ask a cloud take a second or two.
	helperMost  = 10 * time.Second
	answerMost  = 64 << 10
	orphansMost = time.Second // for what a killed helper started
)

// tokenUser stands as the name where the secret is an identity token.
const tokenUser = "<token>"

// ask runs docker-credential-NAME.
func ask(ctx context.Context, name, key string) (Login, error) {
	ctx, cancel := context.WithTimeout(ctx, helperMost)
	defer cancel()
	run := &program{}
	found, err := client.Get(func(args ...string) client.Program {
		run.cmd = exec.CommandContext(ctx, "docker-credential-"+name, args...)
		run.cmd.WaitDelay = orphansMost
		return run
	}, key)
	switch {
	case credentials.IsErrCredentialsNotFound(err):
		return Login{}, nil
	case ctx.Err() != nil:
		return Login{}, fmt.Errorf("docker-credential-%s: %w", name, context.Cause(ctx))
	case run.err != nil:
		return Login{}, fmt.Errorf("docker-credential-%s: %w", name, run.err)
	case err != nil: // its text can quote the answer
		return Login{}, fmt.Errorf("docker-credential-%s: answered what is no credentials", name)
	case found.Username == tokenUser:
		return Login{IdentityToken: found.Secret}, nil
	}
	return Login{Username: found.Username, Password: found.Secret}, nil
}

// A program is a helper that ends with a context, and whose own error is kept:
// the client's mixes in what was printed.
type program struct {
	cmd *exec.Cmd
	err error
}

func (p *program) Input(in io.Reader) { p.cmd.Stdin = in }

func (p *program) Output() ([]byte, error) {
	out := &limited{}
	p.cmd.Stdout = out
	p.err = p.cmd.Run()
	var exit *exec.ExitError
	if p.err != nil && !errors.As(p.err, &exit) && errors.Is(p.err, exec.ErrNotFound) {
		p.err = exec.ErrNotFound // without the search path
	}
	return out.b, p.err
}

// limited holds the head of what is written.
type limited struct{ b []byte }

func (l *limited) Write(p []byte) (int, error) {
	if len(l.b)+len(p) > answerMost {
		return 0, errors.New("answer is too long")
	}
	l.b = append(l.b, p...)
	return len(p), nil
}
