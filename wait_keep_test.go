package runq

import (
	"runtime"
	"testing"
)

// When a wait is over, neither the task's carrier nor the thread keeps what it was for.
func TestWaitKeepsNothing(t *testing.T) {
	type thing [100]byte // not so small that it shares its memory with others
	s := newTest(t, Config{Procs: 1})
	gone := make(chan string, 4)
	watch := func(name string, p *thing) { runtime.AddCleanup(p, func(name string) { gone <- name }, name) }
	runTask(t, s, func(tk *Task) {
		func() { // so that nothing is left on the stack
			c := NewChan[*thing](0)
			inChan := new(thing)
			watch("what is in the channel", inChan)
			tk.Go(func(tk *Task) { c.Send(tk, inChan) })
			c.Recv(tk)
			type box struct {
				e Event
				b *thing
			}
			b := &box{b: new(thing)}
			watch("what the event is part of", b.b)
			tk.Go(func(tk *Task) { b.e.Set(tk) })
			b.e.Wait(tk)
		}()
	})
	for range 2 {
		awaitTrue(t, "what was waited for is collected", func() bool {
			runtime.GC()
			return len(gone) > 0
		})
		<-gone
	}
}
