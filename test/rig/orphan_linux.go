package rig

import "syscall"

// dieWithParent ends a child whose test process dies, by a time-out say.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
