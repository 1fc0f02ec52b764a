package runq

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runq-go/runq/event"
)

// A consistent snapshot adds up, whatever goes on.
func TestSnapshotAddsUp(t *testing.T) {
	for _, procs := range []int{1, 2, 4} {
		s := openScheduler(t, Config{Procs: procs})
		stop := keepBusy(s)
		good := 0
		awaitTrue(t, "snapshots without overrun tasks", func() bool {
			snap := s.Snapshot()
			if !snap.Consistent {
				t.Fatal("a Snapshot says that it isn't consistent")
			}
			// Overrun tasks go on while the world is stopped, and count what they do.
			if snap.Stats.Overrun == 0 {
				checkSnapshot(t, &snap)
				good++
			}
			return good == 50
		})
		close(stop)
		closeInTime(t, s)
	}
}

// keepBusy keeps all Ps of s at work, in all ways that don't need an ordinary
// goroutine, until stop is closed.
func keepBusy(s *Scheduler) (stop chan struct{}) {
	stop = make(chan struct{})
	var busy func(tk *Task)
	busy = func(tk *Task) {
		g, _ := NewGroup(nil, s)
		g.SetLimit(2)
		for i := range 5 {
			g.Go(func(tk *Task) error {
				tk.Sleep(time.Duration(i) * time.Microsecond)
				tk.Checkpoint()
				return nil
			})
		}
		for range 20 {
			tk.Go(func(tk *Task) { tk.Yield() })
		}
		g.Wait(tk)
		select {
		case <-stop:
		default:
			tk.Go(busy)
		}
	}
	for range 4 {
		s.Go(busy)
	}
	return stop
}

func checkSnapshot(t *testing.T, snap *Snapshot) {
	t.Helper()
	st := &snap.Stats
	if st.Spawned != st.Finished+st.Live {
		t.Errorf("spawned %d isn't finished %d + live %d", st.Spawned, st.Finished, st.Live)
	}
	if len(snap.Tasks) != int(st.Live) {
		t.Errorf("%d tasks, %d live\n%v", len(snap.Tasks), st.Live, snap)
	}
	if len(snap.Threads) != st.Threads || len(snap.Procs) != st.Procs+st.Overrun {
		t.Errorf("%d threads of %d, %d Ps of %d", len(snap.Threads), st.Threads, len(snap.Procs), st.Procs)
	}
	states := make(map[event.TaskState]int)
	for i, task := range snap.Tasks {
		states[task.State]++
		fresh := task.ID == 0 && task.State == event.TaskRunnable // it gets an id when it begins
		if task.Func == "" || !fresh && (task.ID == 0 || i > 0 && task.ID <= snap.Tasks[i-1].ID) {
			t.Errorf("task %d: %+v", i, task)
		}
	}
	queued := snap.Global
	for _, p := range snap.Procs {
		queued += p.Queue
		if p.State != "stopped" || p.Thread != -1 {
			t.Errorf("a P isn't stopped: %+v", p)
		}
	}
	if states[event.TaskRunnable] != queued {
		t.Errorf("%d runnable tasks, %d queued\n%v", states[event.TaskRunnable], queued, snap)
	}
	if states[event.TaskWaiting] != int(st.Parks-st.Wakes) {
		t.Errorf("%d tasks wait; %d parks - %d wakes is %d", states[event.TaskWaiting], st.Parks, st.Wakes, st.Parks-st.Wakes)
	}
	if states[event.TaskRunning] != 0 {
		t.Errorf("%d tasks run while the world is stopped\n%v", states[event.TaskRunning], snap)
	}
}

func TestSnapshotCheapUnderLoad(t *testing.T) {
	s := openScheduler(t, Config{Procs: 4})
	stop := keepBusy(s)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range 200 {
				snap := s.SnapshotCheap()
				if snap.Consistent {
					t.Error("a cheap snapshot says that it is consistent")
				}
				if snap.Stats.Procs != 4 || len(snap.Procs) < 4 {
					t.Errorf("%d Ps, %d listed, want 4", snap.Stats.Procs, len(snap.Procs))
				}
				_ = snap.String()
			}
		})
	}
	wg.Wait()
	close(stop)
}

// A snapshot shows a task as what it is.
func TestSnapshotOfATask(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	hold, _ := NewGroup(nil, s)
	release := make(chan struct{})
	hold.Go(func(tk *Task) error { tk.Block(func() { <-release }); return nil })
	ids := make(chan uint64, 2)
	s.Go(func(tk *Task) {
		ids <- tk.ID()
		tk.Go(func(child *Task) {
			child.SetLabel("the child")
			ids <- child.ID()
			hold.Wait(child)
		})
	})
	parent, child := awaitClosed(t, "the parent", ids), awaitClosed(t, "the child", ids)
	awaitTrue(t, "the child waits", func() bool {
		for _, task := range s.Snapshot().Tasks {
			if task.ID != child || task.State != event.TaskWaiting {
				continue
			}
			if task.Parent != parent || task.Label != "the child" || task.Reason != event.ReasonWaitGroup ||
				task.Locked || !strings.Contains(task.Func, "TestSnapshotOfATask") {
				t.Errorf("the child is shown as %+v", task)
			}
			return true
		}
		return false
	})
	close(release)
}

//go:noinline
func blocksHere(release <-chan struct{}) { <-release }

//go:noinline
func spinsHere(stop *atomic.Bool) {
	for !stop.Load() {
	}
}

// stuckTask returns the entry of the task with the label, once it is listed.
func stuckTask(t *testing.T, s *Scheduler, label string) (found StuckCall) {
	t.Helper()
	awaitTrue(t, "a stuck call with a stack: "+label, func() bool {
		for _, c := range s.Snapshot().Stuck {
			if c.Label == label && c.Stack != "" {
				found = c
				return true
			}
		}
		return false
	})
	return found
}

func TestSnapshotOfABlockedTask(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	release := make(chan struct{})
	s.Go(func(tk *Task) {
		tk.SetLabel("blocked")
		tk.Block(func() { blocksHere(release) })
	})
	c := stuckTask(t, s, "blocked")
	if c.What != "blocking call" || c.State != "chan receive" || c.Task == 0 || c.For < 0 {
		t.Errorf("the call is shown as %+v", c)
	}
	for _, w := range []string{"blocksHere", "TestSnapshotOfABlockedTask"} {
		if !strings.Contains(c.Stack, w) {
			t.Errorf("%s isn't in the stack:\n%s", w, c.Stack)
		}
	}
	close(release)
	awaitTrue(t, "nothing is stuck any more", func() bool { return len(s.Snapshot().Stuck) == 0 })
}

func TestSnapshotOfAnOverrunTask(t *testing.T) {
	s := openScheduler(t, Config{Procs: 1})
	var stop atomic.Bool
	s.Go(func(tk *Task) {
		tk.SetLabel("hog")
		spinsHere(&stop)
	})
	c := stuckTask(t, s, "hog")
	if c.What != "overrun" || c.State != "running" && c.State != "runnable" {
		t.Errorf("the task is shown as %+v", c)
	}
	for _, w := range []string{"spinsHere", "TestSnapshotOfAnOverrunTask"} {
		if !strings.Contains(c.Stack, w) {
			t.Errorf("%s isn't in the stack:\n%s", w, c.Stack)
		}
	}
	stop.Store(true)
	awaitTrue(t, "nothing is stuck any more", func() bool { return len(s.Snapshot().Stuck) == 0 })
}

// A task may look at its own scheduler.
func TestSnapshotByATask(t *testing.T) {
	for _, procs := range []int{1, 3} {
		s := openScheduler(t, Config{Procs: procs})
		runIn(t, s, func(tk *Task) {
			tk.SetLabel("looks")
			for range 5 {
				snap := s.Snapshot()
				if len(snap.Tasks) != 1 || snap.Tasks[0].Label != "looks" || snap.Tasks[0].State != event.TaskRunning {
					t.Errorf("the task sees %+v", snap.Tasks)
				}
				tk.Yield()
			}
		})
	}
}
