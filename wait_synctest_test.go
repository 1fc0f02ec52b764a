package runq

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What docs/synctest.md says of a bubble.

// A scheduler that is made in a bubble lives by its time: tasks sleep, and wait with a
// limit, for an hour at once, and goroutines of the bubble wait for tasks.
func TestSchedulerInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Procs: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		began := time.Now()
		c := NewChan[int](0)
		s.Go(func(tk *Task) {
			tk.Sleep(time.Hour)
			if i, err := Select(tk, c.RecvCase(nil, nil), After(time.Hour)); i != 1 || err != nil {
				t.Errorf("Select = %d, %v", i, err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour) // Go's timers, too
			defer cancel()
			if i, err := Select(tk, c.RecvCase(nil, nil), Done(ctx)); i != 1 || err != nil {
				t.Errorf("Select = %d, %v", i, err)
			}
			if err := c.Send(tk, 7); err != nil {
				t.Error(err)
			}
		})
		if v, err := c.Recv(nil); v != 7 || err != nil {
			t.Errorf("received %d, %v", v, err)
		}
		if d := time.Since(began); d < 3*time.Hour {
			t.Errorf("three hours have taken %v of the bubble's time", d)
		}
	})
}

// synctest.Wait returns when every task of the bubble's schedulers waits.
func TestBubbleIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Procs: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		const tasks = 10
		var begun, ended int // guarded by mu
		var mu Mutex
		var e Event
		for range tasks {
			s.Go(func(tk *Task) {
				mu.Lock(tk)
				begun++
				mu.Unlock(tk)
				e.Wait(tk)
				mu.Lock(tk)
				ended++
				mu.Unlock(tk)
			})
		}
		synctest.Wait()
		if begun != tasks || ended != 0 {
			t.Errorf("when all wait, %d of %d have begun and %d ended", begun, tasks, ended)
		}
		e.Set(nil)
		synctest.Wait()
		if ended != tasks {
			t.Errorf("%d of %d have ended", ended, tasks)
		}
	})
}

// A goroutine of a bubble that waits, for any object, is one that synctest.Wait waits
// for, and while all wait the bubble's time goes on.
func TestWaitsAreDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m, guard Mutex
		var rw RWMutex
		var wg WaitGroup
		var e Event
		sem, cond, c := NewSemaphore(1), NewCond(&guard), NewChan[int](0)
		m.Lock(nil)
		rw.Lock(nil)
		wg.Add(1)
		sem.TryAcquire(1)
		waits := []func(){
			func() { m.Lock(nil); m.Unlock(nil) },
			func() { rw.RLock(nil); rw.RUnlock(nil) },
			func() { wg.Wait(nil) },
			func() { e.Wait(nil) },
			func() { sem.Acquire(nil, 1) },
			func() { guard.Lock(nil); cond.Wait(nil); guard.Unlock(nil) },
			func() { c.Recv(nil) },
			func() { Select(nil, c.RecvCase(nil, nil), After(2*time.Hour)) },
		}
		ended := make(chan int, len(waits))
		for i, wait := range waits {
			go func() {
				wait()
				ended <- i
			}()
		}
		synctest.Wait()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(ended); n != 0 {
			t.Errorf("%d waits have ended that nobody has ended", n)
		}
		m.Unlock(nil)
		rw.Unlock(nil)
		wg.Done(nil)
		e.Set(nil)
		sem.Release(nil, 1)
		cond.Signal(nil)
		c.Send(nil, 1)
		synctest.Wait()
		time.Sleep(time.Hour) // the one Select or Recv that got nothing
		if len(ended) < len(waits) {
			c.TrySend(2)
		}
		synctest.Wait()
		if n := len(ended); n != len(waits) {
			t.Errorf("%d of %d waits have ended", n, len(waits))
		}
	})
}

// From a bubble, who waits outside may be woken: goroutines always.
func TestBubbleWakesOutside(t *testing.T) {
	c := NewChan[int](0)
	got := async(func() int { v, _ := c.Recv(nil); return v })
	awaitTrue(t, "the receiver waits", func() bool { return c.recvWaiters() == 1 })
	synctest.Test(t, func(*testing.T) {
		if err := c.Send(nil, 7); err != nil {
			t.Error(err)
		}
	})
	if v := awaitClosed(t, "it has received", got); v != 7 {
		t.Errorf("received %d", v)
	}
}

// What Go forbids at a bubble's border ends the process: waking who waits inside from
// outside, and setting a scheduler to work that was made elsewhere.
func TestBubbleBorder(t *testing.T) {
	across := map[string]func(t *testing.T){
		"wake": func(t *testing.T) {
			c := NewChan[int](0)
			go func() {
				awaitTrue(t, "the receiver waits", func() bool { return c.recvWaiters() == 1 })
				c.Send(nil, 1)
			}()
			synctest.Test(t, func(*testing.T) {
				go func() {
					for { // if all waited, that would be a deadlock to synctest
						runtime.Gosched()
					}
				}()
				c.Recv(nil)
			})
		},
		"scheduler": func(t *testing.T) {
			s := openScheduler(t, Config{Procs: 2})
			synctest.Test(t, func(*testing.T) {
				s.Run(context.Background(), func(*Task) error { return nil })
			})
		},
	}
	const prefix = "bubble-"
	if child, ok := strings.CutPrefix(os.Getenv(childVariable), prefix); ok {
		across[child](t)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Skip("the test's own program can't be found: ", err)
	}
	for child := range across {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		cmd := exec.CommandContext(ctx, self, "-test.run=^TestBubbleBorder$")
		cmd.Env = append(os.Environ(), childVariable+"="+prefix+child)
		out, err := cmd.CombinedOutput()
		cancel()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), "synctest") {
			t.Errorf("%s: the process ended with %v, want exit status 2 and a word about synctest:\n%s", child, err, out)
		}
	}
}
