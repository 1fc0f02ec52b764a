package runq

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/runq-go/runq/internal/osthread"
)

// Config says how a Scheduler works. The zero Config is a good one.
type Config struct {
	// Procs is the number of Ps: how many tasks run at once. 0 means
	// runtime.GOMAXPROCS at the time of New; the most is 1024.
	Procs int

	// Slice is how long a task may run while others wait before it is asked to
	// yield. 0 means 10ms, the slice of Go's scheduler; the least is 100µs.
	Slice time.Duration

	// MaxOverruns bounds the tasks that run on without a P, because they ran past
	// their slice without checking: beyond it, such a task keeps its P. Tasks that
	// wait in ordinary Go meanwhile aren't counted, as far as that can be known. For a
	// class that is far behind there may be as many again. 0 means Procs, negative means
	// none.
	MaxOverruns int

	// MaxBlocked bounds the tasks that are in a blocking call without a P, each of
	// which may hold a thread: beyond it, such a task keeps its P. 0 means 5000, half
	// of the threads at which Go ends the process.
	MaxBlocked int

	// OnPanic is called with the panic of a detached task, on the task's goroutine.
	// It must neither panic nor call runtime.Goexit, as testing.T.FailNow does: that
	// crashes the process. nil means that the process crashes, as it does when a goroutine panics.
	OnPanic func(*PanicError)

	// OnDeadlock is called with a deadlock before the waits concerned are ended; see
	// DeadlockError. It must not wait for the scheduler to close. nil means that it is
	// printed to standard error.
	OnDeadlock func(*DeadlockError)

	// BackgroundNice is the nice value of the threads of background classes: how little
	// they get of a processor that somebody else wants. 0 means 19, the least; else it is
	// 1 to 19. Each step down is about a quarter more. With 19 the threads, except those
	// of classes with a Floor, also have the kernel's policy for such work, SCHED_IDLE, if
	// nothing forbids it: they give up a processor at once
	// (since Linux 6.12 to threads of their own control group only). And, at checkpoints, those
	// sleep that have to wait for a processor for longer than they run.
	BackgroundNice int

	// NoHeadroom leaves GOMAXPROCS alone. Otherwise it is raised by Procs when the first
	// background work comes (of classes with a Floor and of those without: twice), or by as many as a class with CPUs has, so that their
	// threads don't take Go's Ps from the program's goroutines, and set back by Close.
	NoHeadroom bool

	// ControlGroup puts background threads into a control group (Linux) of their own, below the
	// process's, so that the kernel keeps them to what a quota leaves for them even if their
	// tasks never come to a checkpoint. (For a LatencyTarget it takes checkpoints all the same.) It takes the right to make such a group,
	// which normally is root's; without it everything goes on as it would without
	// ControlGroup, and Stats and the Logger say why. Threads of classes with a Floor
	// aren't put there, as the group has the lowest priority there is; for the same reason it
	// takes a BackgroundNice of 19. While it has a limit, version 1 of control groups refuses to lower that of the
	// process's group below it. With version 2 the program can't put processes into groups
	// below its own meanwhile. Close removes the group.
	ControlGroup bool

	// LatencyTarget, if not 0, is how long a task of the class "interactive", or a goroutine,
	// may wait for its turn in 99 of 100 cases: when that is missed, background work gets
	// less of the processors, until it is met. It is measured by the tasks themselves and
	// by a goroutine that is woken through the network poller 250 times a second. The
	// least is 100µs.
	LatencyTarget time.Duration

	// Logger is told what the scheduler does to the process: when it changes
	// GOMAXPROCS, and when something isn't to be had on this system. nil means
	// slog.Default().
	Logger *slog.Logger

	// Trace records events in a ring for each P; see ReadEvents.
	Trace bool

	// TraceBuffer is the size of each ring in bytes. 0 means 4 MiB.
	TraceBuffer int

	// SchedTrace, if not 0, prints a line about the state of the scheduler every so
	// often, as GODEBUG=schedtrace does; the least is 1ms. SchedDetail prints every
	// P, M and task too. The output goes to SchedTraceOutput, nil means standard
	// error.
	SchedTrace       time.Duration
	SchedDetail      bool
	SchedTraceOutput io.Writer

	// Times lets Stats have the times of tasks even as long as there is but one class:
	// how long they wait, run and take. It costs some 50 to 100 ns a task.
	Times bool

	// ProfileLabels gives tasks labels in profiles: runq_class, and runq_task for those that
	// have called SetLabel. A CPU profile can then be split by class. Goroutines that a task
	// starts inherit them. It costs some 20 ns a task.
	ProfileLabels bool

	// StealOrder decides which P is stolen from. nil means RandomOrder.
	StealOrder StealOrder
}

const (
	defaultSlice       = 10 * time.Millisecond
	minSlice           = 100 * time.Microsecond // a few beats of sysmon
	defaultMaxBlocked  = 5000
	defaultTraceBuffer = 4 << 20
	minTraceBuffer     = 64 << 10               // a few thousand events
	minLatencyTarget   = 100 * time.Microsecond // waking a goroutine takes tens
	minSchedTrace      = time.Millisecond
)

// resolve checks the values and fills in the defaults.
func (c Config) resolve() (Config, error) {
	switch {
	case c.Procs < 0 || c.Procs > maxProcs:
		return c, badConfig("Procs", c.Procs, "0 for GOMAXPROCS, or 1 to %d", maxProcs)
	case c.Slice < 0 || c.Slice > 0 && c.Slice < minSlice:
		return c, badConfig("Slice", c.Slice, "0 for %v, or at least %v", defaultSlice, minSlice)
	case c.MaxBlocked < 0:
		return c, badConfig("MaxBlocked", c.MaxBlocked, "0 for %d, or a positive number", defaultMaxBlocked)
	case c.BackgroundNice < 0 || c.BackgroundNice > osthread.MaxNice:
		return c, badConfig("BackgroundNice", c.BackgroundNice, "0 for %d, or 1 to %d", osthread.MaxNice, osthread.MaxNice)
	case c.ControlGroup && c.BackgroundNice > 0 && c.BackgroundNice < osthread.MaxNice:
		return c, badConfig("ControlGroup", true, "false with a BackgroundNice of %d: the group has the lowest priority, as threads with %d have",
			c.BackgroundNice, osthread.MaxNice)
	case c.LatencyTarget < 0 || c.LatencyTarget > 0 && c.LatencyTarget < minLatencyTarget:
		return c, badConfig("LatencyTarget", c.LatencyTarget, "0 for none, or at least %v", minLatencyTarget)
	case c.TraceBuffer < 0 || c.TraceBuffer > 0 && c.TraceBuffer < minTraceBuffer:
		return c, badConfig("TraceBuffer", c.TraceBuffer, "0 for %d, or at least %d bytes", defaultTraceBuffer, minTraceBuffer)
	case c.SchedTrace < 0 || c.SchedTrace > 0 && c.SchedTrace < minSchedTrace:
		return c, badConfig("SchedTrace", c.SchedTrace, "0 for none, or at least %v", minSchedTrace)
	}
	setDefault(&c.Procs, min(runtime.GOMAXPROCS(0), maxProcs))
	setDefault(&c.Slice, defaultSlice)
	setDefault(&c.MaxOverruns, c.Procs)
	setDefault(&c.MaxBlocked, defaultMaxBlocked)
	setDefault(&c.BackgroundNice, osthread.MaxNice)
	setDefault(&c.TraceBuffer, defaultTraceBuffer)
	if c.StealOrder == nil {
		c.StealOrder = RandomOrder{}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.SchedTraceOutput == nil {
		c.SchedTraceOutput = os.Stderr
	}
	c.MaxOverruns = max(c.MaxOverruns, 0)
	return c, nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func badConfig(field string, value any, want string, args ...any) error {
	return fmt.Errorf("runq: Config.%s is %v: it must be %s", field, value, fmt.Sprintf(want, args...))
}
