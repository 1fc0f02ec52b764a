package runq

// Coroutine switches.
//
// The tension: a task that waits needs a stack of its own that can be left and
// taken up again on any thread, without help from the Go runtime's scheduler and
// without reaching into the runtime. iter.Pull gives coroutines, but as a pair: a
// caller of next and a body that yields back to it. Going from one waiting task to
// another through the caller takes two switches.
//
// The choice rests on what a coroutine is in Go: a place in which exactly one
// goroutine is blocked. Whoever switches through it takes the place of the one who
// was there. next and yield are the same exchange seen from two sides, and neither
// asks which goroutine calls. So any stack can be reached with one switch, if one
// knows through which place: the place it is blocked in. That is stack.in, and it
// is all there is to know. The places are permuted among the stacks as the program
// runs; what never changes is that each place holds one stack.
//
// The race it avoids: a stack must not be resumed before it has finished leaving.
// The one who switches away can't publish itself for that reason; it leaves the
// publication (m.after) to the stack that it switches to. Invariant 4.

import "iter"

// coro is a place where exactly one stack is blocked: an iter.Pull pair.
type coro struct {
	next  func() (struct{}, bool)
	yield func(struct{}) bool
	// out tells which of the two is the next to call: they alternate. Only the
	// stack that is about to switch through the place touches it.
	out bool
	// native is the stack that was started here: its end resumes who is blocked here.
	native *stack
}

// stack is something that can be switched to: a carrier, or an M's own goroutine
// (its g0).
type stack struct {
	in *coro // where it is blocked; stale while it runs; read by who resumes it
	m  *m    // the M that runs it; written by who resumes it, before the switch
	// errand, when set, makes the stack switch on at once instead of going about
	// its business. Only bringHome uses it, who owns the stack.
	errand *stack
}

// switchTo blocks from and resumes to on m. It returns when somebody resumes from,
// possibly another M: the caller must use from.m from then on.
func (from *stack) switchTo(to *stack, m *m) {
	to.m = m
	from.swap(to)
	for from.errand != nil {
		next := from.errand
		from.errand = nil
		from.swap(next)
	}
	if from.m != nil { // nil: resumed by end, for good
		from.m.after()
	}
}

// swap exchanges the running stack with the blocked one.
func (from *stack) swap(to *stack) {
	c := to.in
	from.in = c
	if c.out {
		c.out = false
		c.yield(struct{}{})
	} else {
		c.out = true
		c.next()
	}
}

// start makes s a stack that runs body when it is first switched to.
func (c *coro) start(s *stack, body func()) {
	s.in = c
	c.native = s
	c.next, _ = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		body()
	})
}

// bringHome makes the native of the place in which guest is blocked come home, and
// returns it. The caller, k, owns guest, and all stacks for which mine returns
// true: they are free, and nobody else can get hold of them. If the native isn't
// among them, bringHome returns nil.
//
// A stack must be at home to be ended: a coroutine's end resumes whoever is blocked
// in the coroutine's own place, and that must be the one who wants it ended. k goes
// to the guest and sends it to the native, and the native back to k; so the places
// of the two are exchanged. Stacks of others aren't looked at, and needn't be
// stopped. Each of them is a guest in one place only, so there can't be more free
// stacks that nobody can bring home than there are stacks in use.
func (k *stack) bringHome(guest *stack, mine func(*stack) bool) *stack {
	s := guest.in.native
	switch {
	case s == guest:
		return s
	case !mine(s):
		return nil
	}
	guest.errand = s
	s.errand = k
	k.swap(guest)
	return s
}

// end resumes s, which is at home and whose body will return, for the last time.
func (k *stack) end(s *stack) {
	s.m = nil
	k.swap(s)
}
