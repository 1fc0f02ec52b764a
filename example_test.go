package runq_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/runq-go/runq"
	"github.com/runq-go/runq/event"
)

func ExampleNew() {
	s, err := runq.New(runq.Config{Procs: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	fmt.Println(s.Procs(), "Ps")

	_, err = runq.New(runq.Config{Slice: time.Nanosecond})
	fmt.Println(err)
	// Output:
	// 2 Ps
	// runq: Config.Slice is 1ns: it must be 0 for 10ms, or at least 100µs
}

func ExampleDefault() {
	err := runq.Default().Run(context.Background(), func(t *runq.Task) error {
		fmt.Println("on the scheduler that everybody shares")
		return nil
	})
	fmt.Println(err)
	// Output:
	// on the scheduler that everybody shares
	// <nil>
}

func ExampleScheduler_Go() {
	s, _ := runq.New(runq.Config{Procs: 1})
	s.Go(func(t *runq.Task) {
		fmt.Println("a task")
		t.Go(func(t *runq.Task) { fmt.Println("a task of a task") })
	})
	s.Close() // waits for both
	// Output:
	// a task
	// a task of a task
}

func ExampleScheduler_Run() {
	s, _ := runq.New(runq.Config{})
	defer s.Close()
	err := s.Run(context.Background(), func(t *runq.Task) error {
		t.Sleep(time.Millisecond)
		return errors.New("not today")
	})
	fmt.Println(err)
	// Output: not today
}

// A panic reaches whoever waits for the task.
func ExamplePanicError() {
	s, _ := runq.New(runq.Config{})
	defer s.Close()
	err := s.Run(context.Background(), func(t *runq.Task) error {
		var list []int
		for i := range 3 {
			list[i] = i
		}
		return nil
	})
	var p *runq.PanicError
	if errors.As(err, &p) {
		fmt.Println(p.Value)
	}
	// Output: runtime error: index out of range [0] with length 0
}

func ExampleGroup() {
	s, _ := runq.New(runq.Config{})
	defer s.Close()
	g, _ := runq.NewGroup(context.Background(), s)
	squares := make([]int, 5)
	for i := range squares {
		g.Go(func(t *runq.Task) error {
			squares[i] = i * i
			return nil
		})
	}
	if err := g.Wait(nil); err != nil {
		fmt.Println(err)
	}
	fmt.Println(squares)
	// Output: [0 1 4 9 16]
}

// A task that waits holds no thread, so waits may be nested, and limited, to any
// depth.
func ExampleGroup_Wait() {
	s, _ := runq.New(runq.Config{Procs: 1})
	defer s.Close()
	var count func(t *runq.Task, depth int) (int64, error)
	count = func(t *runq.Task, depth int) (int64, error) {
		if depth == 0 {
			return 1, nil
		}
		var n atomic.Int64
		g, _ := runq.NewGroup(t.Context(), t.Scheduler())
		g.SetLimit(1)
		for range 2 {
			g.Go(func(t *runq.Task) error {
				below, err := count(t, depth-1)
				n.Add(below)
				return err
			})
		}
		err := g.Wait(t)
		return n.Load(), err
	}
	s.Run(context.Background(), func(t *runq.Task) error {
		n, err := count(t, 8)
		fmt.Println(n, "leaves")
		return err
	})
	// Output: 256 leaves
}

func ExampleGroup_TryGo() {
	g, _ := runq.NewGroup(context.Background(), nil)
	g.SetLimit(1)
	release := make(chan struct{})
	wait := func(t *runq.Task) error {
		t.Block(func() { <-release })
		return nil
	}
	fmt.Println(g.TryGo(wait), g.TryGo(wait))
	close(release)
	g.Wait(nil)
	// Output: true false
}

// What may block the thread belongs into Block: the others run on meanwhile.
func ExampleTask_Block() {
	s, _ := runq.New(runq.Config{Procs: 1})
	lines := make(chan string)
	s.Go(func(t *runq.Task) {
		t.Go(func(t *runq.Task) {
			t.Block(func() { lines <- "written by another task on the same P" })
		})
		var line string
		t.Block(func() { line = <-lines })
		fmt.Println(line)
	})
	s.Close()
	// Output: written by another task on the same P
}

// Long loops should check now and then whether others want to run.
func ExampleTask_Checkpoint() {
	s, _ := runq.New(runq.Config{})
	defer s.Close()
	s.Run(context.Background(), func(t *runq.Task) error {
		sum := 0
		for i := range 1_000_000 {
			sum += i
			t.Checkpoint()
		}
		fmt.Println(sum)
		return nil
	})
	// Output: 499999500000
}

func ExampleTask_Yield() {
	s, _ := runq.New(runq.Config{Procs: 1})
	s.Go(func(t *runq.Task) {
		t.Go(func(t *runq.Task) { fmt.Println("the other goes first") })
		t.Yield()
		fmt.Println("then the one that yielded")
	})
	s.Close()
	// Output:
	// the other goes first
	// then the one that yielded
}

// A sleep ends early when the task's context does.
func ExampleTask_Sleep() {
	s, _ := runq.New(runq.Config{})
	defer s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	err := s.Run(ctx, func(t *runq.Task) error {
		t.Sleep(time.Hour)
		return t.Context().Err()
	})
	fmt.Println(err)
	// Output: context deadline exceeded
}

func ExampleTask_LockThread() {
	s, _ := runq.New(runq.Config{})
	defer s.Close()
	s.Run(context.Background(), func(t *runq.Task) error {
		t.LockThread()
		defer t.UnlockThread()
		// Calls that must all come from one thread, with waits between them.
		t.Yield()
		fmt.Println("still there")
		return nil
	})
	// Output: still there
}

func ExampleScheduler_Shutdown() {
	s, _ := runq.New(runq.Config{})
	release := make(chan struct{})
	s.Go(func(t *runq.Task) { t.Block(func() { <-release }) })

	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	fmt.Println(s.Shutdown(ctx))

	close(release)
	fmt.Println(s.Close())
	// Output:
	// context deadline exceeded
	// <nil>
}

func ExampleScheduler_SetProcs() {
	s, _ := runq.New(runq.Config{Procs: 4})
	defer s.Close()
	fmt.Println(s.SetProcs(2), s.Procs())
	fmt.Println(s.SetProcs(0))
	// Output:
	// <nil> 2
	// runq: SetProcs(0): the number of Ps must be between 1 and 1024
}

// A snapshot shows what every task does, and where the stuck ones are.
func ExampleScheduler_Snapshot() {
	s, _ := runq.New(runq.Config{Procs: 1})
	release, inside := make(chan struct{}), make(chan struct{})
	s.Go(func(t *runq.Task) {
		t.SetLabel("waits for the world")
		t.Block(func() { close(inside); <-release })
	})
	<-inside
	snap := s.Snapshot()
	for _, t := range snap.Tasks {
		fmt.Printf("%q is %v\n", t.Label, t.State)
	}
	for _, c := range snap.Stuck {
		fmt.Printf("%q is in a %s: %s\n", c.Label, c.What, c.State)
	}
	close(release)
	s.Close()
	// Output:
	// "waits for the world" is blocked
	// "waits for the world" is in a blocking call: chan receive
}

func ExampleScheduler_Stats() {
	s, _ := runq.New(runq.Config{Procs: 1})
	s.Go(func(t *runq.Task) {
		for range 9 {
			t.Go(func(t *runq.Task) {})
		}
	})
	s.Close()
	st := s.Stats()
	fmt.Println(st.Spawned, "spawned,", st.Finished, "finished,", st.Live, "live")
	// Output: 10 spawned, 10 finished, 0 live
}

func ExampleScheduler_ReadEvents() {
	s, _ := runq.New(runq.Config{Procs: 1, Trace: true})
	var id event.TaskID
	s.Go(func(t *runq.Task) {
		id = event.TaskID(t.ID())
		t.Sleep(time.Microsecond)
	})
	s.Close()
	events, lost := s.ReadEvents()
	for _, e := range events {
		if e.Task == id {
			fmt.Println(e.Kind, e.Reason)
		}
	}
	fmt.Println(lost, "lost")
	// Output:
	// TaskCreated None
	// TaskStarted None
	// TaskParked WaitSleep
	// TaskReadied WakeTimer
	// TaskResumed None
	// TaskFinished EndReturn
	// 0 lost
}
