package runq

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"
)

// TestParseStacks reads tracebacks as Go prints them.
func TestParseStacks(t *testing.T) {
	dump := `goroutine 7 [chan receive, 2 minutes]:
main.work(...)
	/x/main.go:7
github.com/runq-go/runq.(*Task).call(0xc000123400)
	/x/g.go:1 +0x1

goroutine 8 [running]:
github.com/runq-go/runq.(*Task).call(0xc000123500?)
	/x/g.go:1 +0x1

goroutine 9 [runnable, locked to thread]:
github.com/runq-go/runq.(*Task).call(0xc000123600, 0x1)
	/x/g.go:1 +0x1

goroutine 10 [select]:
main.main()
	/x/main.go:1 +0x1
`
	got := parseStacks([]byte(dump))
	if len(got) != 3 {
		t.Errorf("%d tasks found, want 3: %v", len(got), got)
	}
	for addr, want := range map[uintptr]struct {
		state string
		runs  bool
	}{0xc000123400: {"chan receive", false}, 0xc000123500: {"running", true}, 0xc000123600: {"runnable", true}} {
		st := got[addr]
		if st.state != want.state || st.runs() != want.runs {
			t.Errorf("task %#x: state %q, runs %v, want %q, %v", addr, st.state, st.runs(), want.state, want.runs)
		}
	}
	if !strings.HasPrefix(got[0xc000123400].stack, "main.work(") {
		t.Errorf("the stack is %q", got[0xc000123400].stack)
	}
	for _, bad := range []string{"", "\n\n", "goroutine", "runq.(*Task).call(0x", "runq.(*Task).call(0x)", "runq.(*Task).call(0xfffffffffffffffff)"} {
		if len(parseStacks([]byte(bad))) != 0 {
			t.Errorf("a task was found in %q", bad)
		}
	}
}

// TestTaskStacks checks on tasks that really wait and compute that Go still prints
// what is looked for: their addresses and states.
func TestTaskStacks(t *testing.T) {
	s := newTest(t, Config{Procs: 3, Slice: calm})
	var tasks [3]atomic.Pointer[Task]
	var release atomic.Bool
	c := make(chan int)
	s.Go(func(tk *Task) { tasks[0].Store(tk); <-c })
	s.Go(func(tk *Task) { tk.Yield(); tasks[1].Store(tk); computeUntil(&release) })
	s.Go(func(tk *Task) { tk.LockThread(); tasks[2].Store(tk); <-c })
	defer func() { release.Store(true); close(c) }()
	for i := range tasks {
		awaitTrue(t, "the tasks run", func() bool { return tasks[i].Load() != nil })
	}
	awaitTrue(t, "their stacks say what they do", func() bool {
		stacks := taskStacks()
		state := func(i int) taskStack { return stacks[tasks[i].Load().address()] }
		return state(0).state == "chan receive" && state(1).runs() && state(2).state == "chan receive"
	})
	if tk := tasks[0].Load(); tk.address() != uintptr(unsafe.Pointer(tk)) {
		t.Error("address isn't the task's")
	}
}

//go:noinline
func waitHere(c chan int) { <-c }

// TestStuckCalls checks that a snapshot lists the tasks that hold a thread without a
// P, with what they are, what they do and where.
func TestStuckCalls(t *testing.T) {
	s := newTest(t, Config{Procs: 2, Slice: calm})
	c := make(chan int)
	var began atomic.Int64
	s.Go(func(tk *Task) {
		tk.SetLabel("caller")
		began.Add(1)
		tk.Block(func() { waitHere(c) })
	})
	s.Go(func(tk *Task) {
		tk.SetLabel("waiter")
		began.Add(1)
		waitHere(c)
	})
	awaitTrue(t, "both run", func() bool { return began.Load() == 2 })
	awaitTrue(t, "the call has lost its P, and the other one too", func() bool {
		s.lock.Lock()
		blocked := s.blocked
		s.lock.Unlock()
		if blocked == 1 && s.overruns.Load() == 0 {
			unseatAll(s)
		}
		return blocked == 1 && s.overruns.Load() == 1
	})
	var snap Snapshot
	awaitTrue(t, "both wait", func() bool {
		snap = s.Snapshot()
		return len(snap.Stuck) == 2 && snap.Stuck[0].State == "chan receive" && snap.Stuck[1].State == "chan receive"
	})
	what := make(map[string]string)
	for _, call := range snap.Stuck {
		what[call.Label] = call.What
		if !strings.Contains(call.Stack, "waitHere") || !strings.Contains(call.Func, "TestStuckCalls") {
			t.Errorf("task %d, function %s: the stack doesn't say where it waits:\n%s", call.Task, call.Func, call.Stack)
		}
	}
	if what["caller"] != "blocking call" || what["waiter"] != "overrun" {
		t.Errorf("the stuck calls are %v", what)
	}
	for _, call := range s.SnapshotCheap().Stuck {
		if call.Stack != "" {
			t.Error("a cheap snapshot has stacks")
		}
	}
	close(c)
	awaitTrue(t, "nobody is stuck", func() bool { return len(s.Snapshot().Stuck) == 0 })
}

// TestCountHogs counts overrun tasks that compute, among others that wait.
func TestCountHogs(t *testing.T) {
	const hogs, waiting = 2, 3
	s := newTest(t, Config{Procs: hogs + waiting, Slice: calm})
	c := make(chan int)
	var began atomic.Int64
	var release atomic.Bool
	for i := range hogs + waiting {
		s.Go(func(*Task) {
			began.Add(1)
			if i < hogs {
				computeUntil(&release)
			} else {
				<-c
			}
		})
	}
	awaitTrue(t, "all run", func() bool { return began.Load() == hogs+waiting })
	awaitTrue(t, "all run over", func() bool { unseatAll(s); return s.overruns.Load() == hogs+waiting })
	awaitTrue(t, "the hogs are told from the others", func() bool {
		s.lock.Lock()
		defer s.lock.Unlock()
		return s.countHogs(taskStacks()) == hogs
	})
	if n := goroutinesRunning(); n < 1 || n > runtime.NumGoroutine() {
		t.Errorf("%d of %d goroutines are said to run", n, runtime.NumGoroutine())
	}
	release.Store(true)
	close(c)
}
