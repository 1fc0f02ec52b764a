package model_test

import "github.com/runq-go/runq/internal/model"

// The toys are shared objects that know of the checker only, and are good for
// nothing without it.

// word is a shared number.
type word struct {
	loc model.Loc
	v   int
}

func (w *word) Location() *model.Loc { return &w.loc }

func (w *word) load() int {
	row := w.loc.At("word", model.OpLoad)
	if row != nil {
		row.Values(w.v, w.v)
	}
	return w.v
}

func (w *word) store(v int) {
	row := w.loc.At("word", model.OpStore)
	if row != nil {
		row.Values(w.v, v)
	}
	w.v = v
}

func (w *word) cas(old, v int) bool {
	w.loc.At("word", model.OpCAS)
	if w.v != old {
		return false
	}
	w.v = v
	return true
}

// lock is a mutex.
type lock struct{ e model.Event }

func (l *lock) lock() {
	l.e.Await("lock", model.OpLock, false, nil)
	l.e.Shut = true
}

func (l *lock) unlock() {
	l.e.At("lock", model.OpUnlock)
	l.e.Shut = false
}

// note is something to sleep on.
type note struct{ e model.Event }

func newNote() *note { return &note{model.Event{Shut: true}} }

func (n *note) wake() {
	n.e.At("note", model.OpWake)
	n.e.Shut = false
}

func (n *note) sleep(timed bool) bool {
	woken := n.e.Await("note", model.OpSleep, timed, nil)
	n.e.Shut = true
	return woken
}

// toy is a protocol, or a broken one, as a checked execution.
type toy struct {
	name string
	kind string // of the failure; "": it is correct
	cfg  model.Config
	f    func(*model.Execution)
}

var toys = []toy{
	{"counter with a lock", "", model.Config{Preemptions: 3}, func(x *model.Execution) { counter(x, true) }},
	{"counter without a lock", "failure", model.Config{Preemptions: 1}, func(x *model.Execution) { counter(x, false) }},
	{"Dekker", "", model.Config{Preemptions: 3}, func(x *model.Execution) { dekker(x, false) }},
	{"Dekker, lines swapped", "failure", model.Config{Preemptions: 1}, func(x *model.Execution) { dekker(x, true) }},
	{"wake-up", "", model.Config{Preemptions: 3}, func(x *model.Execution) { wakeUp(x, true) }},
	{"wake-up without a second look", "deadlock", model.Config{Preemptions: 2}, func(x *model.Execution) { wakeUp(x, false) }},
	{"stack", "", model.Config{Preemptions: 2}, func(x *model.Execution) { stack(x, true) }},
	{"stack without counts: ABA", "failure", model.Config{Preemptions: 2}, func(x *model.Execution) { stack(x, false) }},
	{"two locks in one order", "", model.Config{Preemptions: 2}, func(x *model.Execution) { twoLocks(x, false) }},
	{"two locks in two orders", "deadlock", model.Config{Preemptions: 1}, func(x *model.Execution) { twoLocks(x, true) }},
	{"spin lock", "", model.Config{Preemptions: 2}, func(x *model.Execution) { spinLock(x, true, true) }},
	{"spin lock without yields", "", model.Config{Preemptions: 2}, func(x *model.Execution) { spinLock(x, true, false) }},
	{"spin lock that is kept", "livelock", model.Config{}, func(x *model.Execution) { spinLock(x, false, true) }},
	{"panic", "panic", model.Config{}, func(x *model.Execution) {
		x.Go("a", func() { panic("ouch") })
		x.Join()
	}},
	{"a thread is left behind", "deadlock", model.Config{}, func(x *model.Execution) {
		n := newNote()
		x.Go("a", func() { n.sleep(false) })
	}},
	{"a timeout comes when all wait", "", model.Config{}, func(x *model.Execution) {
		if newNote().sleep(true) {
			x.Failf("woken by nobody")
		}
	}},
	{"a timeout may come early", "failure", model.Config{Preemptions: 1}, func(x *model.Execution) {
		n := newNote()
		x.Go("a", func() { n.wake() })
		if !n.sleep(true) {
			x.Failf("not woken")
		}
		x.Join()
	}},
}

func counter(x *model.Execution, locked bool) {
	var n word
	var l lock
	for _, name := range []string{"a", "b"} {
		x.Go(name, func() {
			if locked {
				l.lock()
				defer l.unlock()
			}
			n.store(n.load() + 1)
		})
	}
	x.Join()
	if v := n.load(); v != 2 {
		x.Failf("the counter is %d", v)
	}
}

// dekker: each says that it wants to go in and looks whether the other does; at most
// one goes in.
func dekker(x *model.Execution, swapped bool) {
	var want [2]word
	var inside int
	for i, name := range []string{"a", "b"} {
		x.Go(name, func() {
			var other int
			if swapped {
				other = want[1-i].load()
				want[i].store(1)
			} else {
				want[i].store(1)
				other = want[1-i].load()
			}
			if other == 0 {
				inside++
			}
		})
	}
	x.Join()
	if inside == 2 {
		x.Failf("both are inside")
	}
}

// wakeUp: the sleeper says that it sleeps, and must look for work once more.
func wakeUp(x *model.Execution, again bool) {
	var work, sleeping word
	n := newNote()
	x.Go("sleeper", func() {
		for work.load() == 0 {
			sleeping.store(1)
			if again && work.load() != 0 {
				return
			}
			n.sleep(false)
		}
	})
	x.Go("submitter", func() {
		work.store(1)
		if sleeping.load() == 1 {
			n.wake()
		}
	})
	x.Join()
}

// stack has two nodes, 1 and 2, in a linked list. One thread pops; the other pops
// both and pushes the first again. Without a count beside the head, the first
// thread's compare-and-swap succeeds although the list has changed.
func stack(x *model.Execution, counted bool) {
	const node = 10 // head is count*node + index
	var head word
	next := [3]word{1: {v: 2}}
	head.v = 1
	taken := [3]int{}
	pop := func() int {
		for {
			h := head.load()
			i := h % node
			if i == 0 {
				return 0
			}
			to := next[i].load()
			if counted {
				to += (h/node + 1) * node
			}
			if head.cas(h, to) {
				return i
			}
		}
	}
	push := func(i int) {
		for {
			h := head.load()
			next[i].store(h % node)
			to := i
			if counted {
				to += (h/node + 1) * node
			}
			if head.cas(h, to) {
				return
			}
		}
	}
	x.Go("a", func() { taken[pop()]++ })
	x.Go("b", func() {
		first := pop()
		taken[pop()]++
		if first != 0 {
			push(first)
		}
	})
	x.Join()
	for i := pop(); i != 0; i = pop() {
		taken[i]++
	}
	if taken[1] != 1 || taken[2] != 1 {
		x.Failf("the nodes were taken %v times", taken[1:])
	}
}

func twoLocks(x *model.Execution, crossed bool) {
	var a, b lock
	both := func(a, b *lock) {
		a.lock()
		b.lock()
		b.unlock()
		a.unlock()
	}
	x.Go("a", func() { both(&a, &b) })
	x.Go("b", func() {
		if crossed {
			both(&b, &a)
			return
		}
		both(&a, &b)
	})
	x.Join()
}

func spinLock(x *model.Execution, release, yield bool) {
	var l, inside word
	for _, name := range []string{"a", "b", "c"} {
		x.Go(name, func() {
			for !l.cas(0, 1) {
				for l.load() != 0 {
					if yield {
						x.Yield()
					}
				}
			}
			if inside.load() != 0 {
				x.Failf("somebody is inside")
			}
			inside.store(1)
			inside.store(0)
			if release {
				l.store(0)
			}
		})
	}
	x.Join()
}
