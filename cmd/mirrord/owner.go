package main

import (
	"fmt"
	"os"
	"os/user"
	"syscall"
)

// ownerOf is whose a file is. Where the system has no name for it, its number is one.
func ownerOf(path string) (*user.User, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, os.ErrInvalid
	}
	uid := fmt.Sprint(st.Uid)
	if u, err := user.LookupId(uid); err == nil {
		return u, nil
	}
	return &user.User{Uid: uid, Username: uid}, nil
}
