package token

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"mirrord/internal/durable"
)

// Local is the name of the token that stands in a file for the CLI of the same
// machine.
const Local = "local"

// Store is the tokens of one mirrord, which alone writes its file. It is safe for
// concurrent use.
type Store struct {
	file string
	now  func() time.Time

	mu   sync.Mutex
	rows []row // guarded by mu
}

// row is a token as the file has it.
type row struct {
	Token
	Hash string `json:"sha256"`
}

const (
	// fileMost bounds the files read, in bytes.
	fileMost = 8 << 20
	// secretLeast is what a token that somebody made up should have, in characters.
	secretLeast = 16
	// tokensMost bounds the tokens, so that their file stays far below fileMost.
	tokensMost = 1000
	// reposMost bounds an edge's repositories: a thousand tokens of that many, with the
	// longest names, take 5 MB.
	reposMost = 32
)

// Open reads the tokens in file, which need not be there, and the one in
// localFile, which is made where it is missing. now is the clock.
func Open(file, localFile string, now func() time.Time) (*Store, error) {
	s := &Store{file: file, now: now}
	text, err := readFile(file)
	if err == nil {
		err = json.Unmarshal(text, &s.rows)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	return s, s.openLocal(localFile)
}

// openLocal takes the token in the file for the local one.
func (s *Store) openLocal(file string) error {
	text, err := readFile(file)
	secret := strings.TrimSpace(string(text))
	if errors.Is(err, fs.ErrNotExist) {
		secret = newSecret()
		err = durable.WriteFile(file, []byte(secret+"\n"), 0o600)
	}
	if err != nil {
		return fmt.Errorf("the token file: %w", err)
	}
	if secret == "" {
		return fmt.Errorf("the token file %s is empty, expected a token, or no file so that one is made", file)
	}
	if len(secret) < secretLeast {
		slog.Warn("the token file holds a short token, which can be guessed", "characters", len(secret), "expected", secretLeast)
	}
	s.rows = slices.DeleteFunc(s.rows, func(r row) bool { return r.Name == Local })
	s.rows = append(s.rows, row{Token{Name: Local, Role: Admin, Created: s.now().UTC()}, hashOf(secret)})
	return nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, fileMost+1))
	if err == nil && len(text) > fileMost {
		err = fmt.Errorf("%s is larger than %d bytes", name, fileMost)
	}
	return text, err
}

// Find is the token with that secret: ErrUnknown, or ErrExpired.
func (s *Store) Find(secret string) (Token, error) {
	hash := hashOf(secret) // of random bits, so how long a comparison takes tells nothing
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rows {
		if r.Hash != hash {
			continue
		}
		if r.Expires != nil && !s.now().Before(*r.Expires) {
			return Token{}, ErrExpired
		}
		return r.Token, nil
	}
	return Token{}, ErrUnknown
}

// List is every token, by name, those that have expired too.
func (s *Store) List() []Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Token
	for _, r := range s.rows {
		all = append(all, r.Token)
	}
	slices.SortFunc(all, func(a, b Token) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Add makes a token that is good for life, 0 = for ever, and tells its secret,
// which is kept nowhere. repos are for an edge, which has some.
func (s *Store) Add(name string, role Role, repos []string, life time.Duration) (t Token, secret string, err error) {
	if err := checkName(name); err != nil {
		return Token{}, "", err
	}
	if (role == Edge) != (len(repos) > 0) || len(repos) > reposMost {
		return Token{}, "", fmt.Errorf("%w: role %s with %d repositories, expected 1 to %d with edge, and none with another", ErrInvalid, role, len(repos), reposMost)
	}
	if life < 0 {
		return Token{}, "", fmt.Errorf("%w: a life of %s, expected more than 0", ErrInvalid, life)
	}
	now := s.now().UTC().Truncate(time.Second)
	t = Token{Name: name, Role: role, Repos: repos, Created: now}
	if life > 0 {
		end := now.Add(life)
		t.Expires = &end
	}
	secret = newSecret()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case name == Local || slices.ContainsFunc(s.rows, func(r row) bool { return r.Name == name }):
		return Token{}, "", fmt.Errorf("%w: %s", ErrExists, name)
	case len(s.rows) >= tokensMost:
		return Token{}, "", fmt.Errorf("%w: there are %d tokens, expected fewer", ErrInvalid, len(s.rows))
	}
	return t, secret, s.replace(append(slices.Clone(s.rows), row{t, hashOf(secret)}))
}

// Revoke ends a token at once. The local one stays while its file does.
func (s *Store) Revoke(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name == Local {
		return fmt.Errorf("%w: the token %s stands in a file: delete that and restart", ErrInvalid, Local)
	}
	rest := slices.DeleteFunc(slices.Clone(s.rows), func(r row) bool { return r.Name == name })
	if len(rest) == len(s.rows) {
		return fmt.Errorf("%w: %s", ErrUnknown, name)
	}
	return s.replace(rest)
}

// replace writes the rows, and has them count once they are on disk. s.mu is held.
func (s *Store) replace(rows []row) error {
	kept := slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.Name == Local })
	text, err := json.MarshalIndent(kept, "", "  ")
	if err == nil {
		err = durable.WriteFile(s.file, append(text, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("tokens cannot be written: %w", err)
	}
	s.rows = rows
	return nil
}
