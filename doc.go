// Package runq is a work-stealing scheduler for tasks, made like the one in Go's
// runtime, that its users own: they make one, say how it works, look into it, and
// close it.
//
//	s, err := runq.New(runq.Config{})
//	...
//	defer s.Close()
//	err = s.Run(ctx, func(t *runq.Task) error {
//		g, _ := runq.NewGroup(t.Context(), t.Scheduler())
//		for _, part := range parts {
//			g.Go(func(t *runq.Task) error { return crunch(t, part) })
//		}
//		return g.Wait(t)
//	})
//
// # Words
//
// A task is a function that a [Scheduler] runs; inside it is called a G. An M is
// a thread of execution: a goroutine that runs one task after the other. A P is the
// right to run tasks, with a queue of those that are next. There are
// [Config].Procs Ps, and an M needs one to run tasks; so as many tasks run at once.
// An M whose P has nothing to do steals half of another P's queue.
//
// Tasks are cheap because one that never waits is only called: it has no goroutine
// and no stack of its own. One that waits keeps the coroutine it was running on, and
// its M goes on with others.
//
// # The *Task argument
//
// Every task is given a [*Task]: its handle to the scheduler. It is valid in that
// task's function only, and until that has returned; using it elsewhere panics with
// a message that says so, where it is noticed. What may wait takes the *Task of who
// waits. There, nil means that an ordinary goroutine waits, as goroutines do.
//
// # Waiting
//
// A task that waits by a call of this package ([Task.Sleep], [Group.Wait]) holds
// neither P nor thread. A task may also wait as any Go code does, for a channel, a
// lock, a file or C. The scheduler doesn't know of such waits. When one keeps a P
// from others, the P is taken away after a while; inside [Task.Block] it is given to
// others as soon as sysmon, who looks every so often, sees that they need it.
//
// # Long computations
//
// A task that runs for longer than [Config].Slice while others wait is asked to
// yield, and does so at its next [Task.Checkpoint] or wait. A task that does neither
// loses its P: it runs on, an overrun, beside the Ps' own tasks, and waits for a P at
// its next call into this package. [Config].MaxOverruns bounds how many do.
//
// # Failure
//
// A panic of a task in a [Group] or [Scheduler.Run] reaches who waits for it, as a
// [*PanicError] with the stack of where it happened. A panic of a task that nobody
// waits for goes to [Config].OnPanic, and without that crashes the process, as it
// does for goroutines. Tasks that wait for each other for ever are found; their
// waits end with a [*DeadlockError].
//
// # Looking in
//
// [Scheduler.Stats] counts, [Scheduler.Snapshot] shows every task, M and P, and which
// tasks are stuck where; [Config].SchedTrace prints a line at intervals, like
// GODEBUG=schedtrace. With [Config].Trace every transition is recorded, and
// [Scheduler.ReadEvents] returns them in the model of package event.
//
// # Limits
//
// A task must not call [runtime.LockOSThread], but [Task.LockThread]: the runtime
// crashes a process in which a locked task is switched. Tasks share goroutines one
// after the other: what is tied to a goroutine, such as profiler labels, a task must
// undo before it ends.
//
// The design is in docs/architecture.md.
package runq
