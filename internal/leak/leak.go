// Package leak finds what a package's tests leave behind: goroutines, descriptors,
// threads, memory, child processes. Every package with tests has a TestMain that
// calls Main; a rule of internal/lint sees to that.
//
// What it can't see: a thread that C made and that runs no Go (there is no cgo
// here), memory that wasn't allocated by Go, and, on systems other than Linux,
// anything but goroutines and memory.
package leak

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// Budget says what a package's tests may leave. The zero Budget is right for
// packages that do nothing unusual.
type Budget struct {
	// Heap is by how many bytes the memory of live objects and stacks may have grown
	// since before the tests, after collections. 0 means DefaultHeap.
	Heap int64

	// Threads is how many threads the tests may have needed at the same time, beyond
	// one for each Go P. 0 means DefaultThreads.
	//
	// A leaked thread shows as a leaked goroutine: one that is locked to it, or in a
	// call that doesn't return. Go ends a thread whose goroutine ends without
	// unlocking it, and keeps all others for later use, so their number tells how
	// many were needed at once, and a budget for that is what can be checked.
	Threads int

	// Close, if not nil, is called after the tests and frees what they share.
	Close func()
}

const (
	// DefaultHeap is what package testing, the flags, the tables of lazily
	// initialised packages and Go's own descriptors of ended goroutines, which it
	// keeps, may take in a package whose tests hold on to nothing: a quarter of it
	// was measured at most, with and without the race detector.
	DefaultHeap = 4 << 20

	// DefaultThreads are Go's own (sysmon, the template thread, one in the network
	// poller, one that takes signals), and those that system calls of tests need
	// when the machine is busy and calls are slow: eight were measured in all.
	DefaultThreads = 16
)

// patience is how long what is on its way out may take to be gone. It is no
// measure of anything: long enough for the race detector on a busy machine.
var patience = 20 * time.Second

// pause is between two looks, which read all of /proc or collect garbage.
const pause = 10 * time.Millisecond

// Main runs the tests, looks for what they left, and exits: with the tests' own
// status if they fail, with 1 if something is left. It prints what.
func Main(m *testing.M, b Budget) {
	flag.Parse() // since memory is looked at before m.Run does it
	if b.Heap == 0 {
		b.Heap = DefaultHeap
	}
	if b.Threads == 0 {
		b.Threads = DefaultThreads
	}
	before := look()
	code := m.Run()
	if b.Close != nil {
		b.Close()
	}
	if code == 0 {
		if found := b.leaks(before); len(found) > 0 {
			for _, l := range found {
				fmt.Println("LEAK:", l)
			}
			code = 1
		}
	}
	os.Exit(code)
}

// state is what a process has.
type state struct {
	memory     int64
	goroutines map[string]bool   // by their "goroutine N", of which none is used twice
	files      map[string]string // by descriptor: what it stands for
	children   []string
}

// look looks at everything. Memory is first, so that the rest isn't counted.
func look() (s state) {
	s.memory = liveMemory()
	s.files = openFiles()
	s.children = children()
	s.goroutines = make(map[string]bool)
	for _, g := range goroutines() {
		s.goroutines[number(g)] = true
	}
	return s
}

// leaks tells what is there that wasn't before, and what is beyond the budget.
func (b Budget) leaks(before state) (found []string) {
	await(func() []string {
		return slices.Concat(before.newGoroutines(), before.newFiles(), before.newChildren())
	}, &found)
	if n := maxThreads(b.Threads); threads() > n {
		found = append(found, fmt.Sprintf("%d threads, which is how many were needed at once; the budget is %d:\n%s", threads(), n, threadStates()))
	}
	await(func() []string {
		if more := liveMemory() - before.memory; more > b.Heap {
			return []string{fmt.Sprintf("%d bytes more are live than before the tests; the budget is %d; by samples, the most came from\n%s", more, b.Heap, largest())}
		}
		return nil
	}, &found)
	return found
}

// await gives what the function finds some time to be gone: a goroutine that has
// said that it is done is still there for a moment, and finalizers take theirs.
func await(find func() []string, found *[]string) {
	for end := time.Now().Add(patience); ; {
		left := find()
		if len(left) == 0 || time.Now().After(end) {
			*found = append(*found, left...)
			return
		}
		time.Sleep(pause)
	}
}

func (before state) newGoroutines() (found []string) {
	for _, g := range goroutines() {
		if !before.goroutines[number(g)] {
			found = append(found, g)
		}
	}
	return found
}

func (before state) newFiles() (found []string) {
	for fd, name := range openFiles() {
		if before.files[fd] != name {
			found = append(found, "descriptor "+fd+": "+name)
		}
	}
	slices.Sort(found)
	return found
}

func (before state) newChildren() (found []string) {
	for _, c := range children() {
		if !slices.Contains(before.children, c) {
			found = append(found, "child process "+c)
		}
	}
	return found
}

// keptByGo are functions of goroutines that Go starts when they are first needed,
// and keeps.
var keptByGo = []string{"os/signal.loop(", "os/signal.signal_recv("}

// goroutines returns the stacks of all goroutines but those that Go keeps.
func goroutines() (all []string) {
	buf := make([]byte, 1<<20)
	n := runtime.Stack(buf, true)
	for n == len(buf) {
		buf = make([]byte, 2*n)
		n = runtime.Stack(buf, true)
	}
	for g := range strings.SplitSeq(strings.TrimSpace(string(buf[:n])), "\n\n") {
		if !slices.ContainsFunc(keptByGo, func(f string) bool { return strings.Contains(g, f) }) {
			all = append(all, g)
		}
	}
	return all
}

// number returns the beginning of a goroutine's stack: "goroutine N".
func number(stack string) string {
	head, _, _ := strings.Cut(stack, " [")
	return head
}

// liveMemory returns how many bytes live objects and stacks take.
func liveMemory() int64 {
	runtime.GC()
	runtime.GC() // the first has moved what pools hold aside, and run finalizers
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// largest returns where the most of the live memory was allocated, as far as Go's
// memory profile has samples of it.
func largest() string {
	const show = 5 // sites; what leaks is among the first, or isn't much
	records := make([]runtime.MemProfileRecord, 1000)
	n, ok := runtime.MemProfile(records, false)
	for !ok {
		records = make([]runtime.MemProfileRecord, n+1000)
		n, ok = runtime.MemProfile(records, false)
	}
	records = records[:n]
	slices.SortFunc(records, func(a, b runtime.MemProfileRecord) int { return int(b.InUseBytes() - a.InUseBytes()) })
	var b strings.Builder
	for _, r := range records[:min(n, show)] {
		fmt.Fprintf(&b, "%d bytes:", r.InUseBytes())
		frames := runtime.CallersFrames(r.Stack())
		for range 8 { // callers: enough to know the place
			f, more := frames.Next()
			fmt.Fprintf(&b, " %s:%d", f.Function, f.Line)
			if !more {
				break
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
