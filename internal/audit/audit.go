package audit

import (
	"encoding/json"
	"errors"
	"os"
	"sync"
	"time"
)

// Record is one act.
type Record struct {
	Time   time.Time `json:"time"`
	Token  string    `json:"token"` // the name of the token that was shown
	Role   string    `json:"role"`
	From   string    `json:"from"`             // the client's address, without port
	Act    string    `json:"act"`              // purge, refresh, ...
	What   any       `json:"what,omitempty"`   // its argument
	Effect any       `json:"effect,omitempty"` // what came of it
	Error  string    `json:"error,omitempty"`  // why it failed; "" = it did not
}

// Log appends to one file. It is safe for concurrent use. The file is opened for
// each record, so it may be rotated by renaming it.
type Log struct {
	file string
	mu   sync.Mutex // held while a line is written
}

// New is the log in file, which need not be there.
func New(file string) *Log { return &Log{file: file} }

// Write appends a record, and returns when it is on disk.
func (l *Log) Write(r Record) (err error) {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := os.OpenFile(l.file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(append(text, '\n')); err != nil {
		return err
	}
	return f.Sync()
}
