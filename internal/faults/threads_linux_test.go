package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/runq-go/runq"
)

// When Go can't have a thread, because the kernel refuses or because the program
// has as many as debug.SetMaxThreads allows, it ends the process: no program can
// do anything about it. What a scheduler can do is to need few, and so the promise
// is one about Config.MaxBlocked:
//
// Promise: tasks in blocking calls hold at most MaxBlocked threads, and one for each
// P; whoever comes beyond waits for a P. However many tasks call Block, the process
// stays below a limit that leaves room for that, for overrunning tasks, and for
// Go's own threads.

const (
	threadLimit = 64

	// The scheduler of these tests.
	threadProcs   = 4
	threadBlocked = 16

	// ownThreads are Go's own: sysmon, the template thread, and those of short
	// system calls of the runtime and of the child.
	ownThreads = 8

	manyCalls = 2000
)

// limits are ways to bound the threads of a process.
var limits = map[string]func(){
	"debug.SetMaxThreads": func() { debug.SetMaxThreads(threadLimit) },
	"RLIMIT_NPROC":        limitUser,
}

func init() {
	for name, limit := range limits {
		childMains["few threads, "+name] = func() { limit(); childBlocks() }
		childMains["many threads, "+name] = func() { limit(); childBlocksAtOnce() }
	}
}

// limitUser becomes a user that has no other processes, and so few threads.
func limitUser() {
	id := 20_000 + os.Getpid()%40_000 // real users have smaller numbers, containers no larger ones
	r := &unix.Rlimit{Cur: threadLimit, Max: threadLimit}
	if err := unix.Setrlimit(unix.RLIMIT_NPROC, r); err != nil {
		fail("setrlimit: %v", err)
	}
	for _, err := range []error{syscall.Setgroups(nil), syscall.Setgid(id), syscall.Setuid(id)} {
		if err != nil {
			fail("becoming user %d: %v", id, err)
		}
	}
}

// blockMany starts tasks that block in the kernel until release is called, and take
// a nap there after that. It counts the calls that are over.
func blockMany(s *runq.Scheduler, n int) (g *runq.Group, release func(), calls *atomic.Int64) {
	var pipe [2]int
	if err := syscall.Pipe(pipe[:]); err != nil {
		fail("pipe: %v", err)
	}
	g, _ = runq.NewGroup(nil, s)
	calls = new(atomic.Int64)
	for range n {
		g.Go(func(t *runq.Task) error {
			t.Block(func() {
				syscall.Read(pipe[0], make([]byte, 1)) //nolint:errcheck // the end is what is waited for
				nap()
				calls.Add(1)
			})
			return nil
		})
	}
	return g, func() { syscall.Close(pipe[1]) }, calls
}

// childBlocks has many tasks that block in the kernel, of which MaxBlocked keeps
// most from doing it at once.
func childBlocks() {
	s, err := runq.New(runq.Config{Procs: threadProcs, MaxBlocked: threadBlocked})
	if err != nil {
		fail("%v", err)
	}
	g, release, calls := blockMany(s, manyCalls)
	await(func() string {
		if st := s.Stats(); st.Blocked < threadBlocked || st.BlockedFull == 0 {
			return fmt.Sprintf("MaxBlocked keeps nobody from blocking: %+v", st)
		}
		return ""
	})
	release()
	if err := g.Wait(nil); err != nil || calls.Load() != manyCalls {
		fail("Wait: %v; %d calls of %d were made", err, calls.Load(), manyCalls)
	}
	s.Close()
	st := s.Stats()
	r := report{Tasks: int(st.Finished), Threads: countThreads(), Procs: threadProcs, RetakesBlocked: st.RetakesBlocked, CPU: cpuTime()}
	json.NewEncoder(os.Stdout).Encode(r) //nolint:errcheck // the parent sees that it isn't there
}

// childBlocksAtOnce has more tasks that block in the kernel at the same time than
// there may be threads.
func childBlocksAtOnce() {
	s, err := runq.New(runq.Config{Procs: threadProcs})
	if err != nil {
		fail("%v", err)
	}
	g, _, _ := blockMany(s, 2*threadLimit)
	g.Wait(nil) //nolint:errcheck // it doesn't return
}

// exhausted is what Go says when it can't have a thread, the last with cgo.
var exhausted = regexp.MustCompile(`thread exhaustion|failed to create new OS thread|pthread_create failed`)

func TestThreadsCantBeHad(t *testing.T) {
	for name := range limits {
		t.Run(name, func(t *testing.T) {
			if name == "RLIMIT_NPROC" {
				needRoot(t, "other processes of an ordinary user count too, and root isn't bounded, but may become somebody else")
			}
			t.Run("MaxBlocked below it", func(t *testing.T) {
				r := start(t, "few threads, "+name).end()
				most := threadBlocked + 2*threadProcs + runtime.GOMAXPROCS(0) + ownThreads
				if r.Threads > most {
					t.Errorf("%d threads for %d calls; with MaxBlocked %d and %d Ps it should be %d at most", r.Threads, manyCalls, threadBlocked, threadProcs, most)
				}
			})
			// So the limit is one.
			t.Run("MaxBlocked above it", func(t *testing.T) {
				c := start(t, "many threads, "+name)
				err := c.cmd.Wait()
				if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() == 1 || exit.ExitCode() == 0 {
					t.Errorf("the child ended with %v, it should have been ended by Go\n%s", err, c.text())
				}
				if !exhausted.MatchString(c.text()) {
					t.Errorf("the output doesn't say that there are no more threads:\n%s", c.text())
				}
			})
		})
	}
}
