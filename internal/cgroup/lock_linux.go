package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lockPatience is how long another process may take that is about to change the same group: far
// longer than it needs. One that has been stopped meanwhile isn't waited for.
const lockPatience = 100 * time.Millisecond

// lock keeps other processes that use runq, and other schedulers of this one, from making and
// removing groups below this one, until unlock. It is a hint: without it they could only be in each other's way.
func (o osControl) lock(name string) (unlock func()) {
	dir, err := os.Open(filepath.Join(o.root, name))
	if err != nil {
		return func() {} // what is done next says why
	}
	for begun := time.Now(); ; time.Sleep(time.Millisecond) {
		err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil || !errors.Is(err, syscall.EWOULDBLOCK) || time.Since(begun) > lockPatience {
			return func() { dir.Close() } // and so the lock goes, too
		}
	}
}
