package runq

// Promoting forks: when others may have the oldest private fork of a task.
//
// The tension: a promotion costs a microsecond, and, if an M has to be woken for it, some
// tens of them on both sides. Most forks are worth nanoseconds. But the few that are worth
// much are what parallel work is made of, and a P that waits for one is a P lost.
//
// The choice: what is promoted is the oldest fork, and its age says what it is worth. One
// that has been there for some time has been waiting for all that time, and half of a tree
// takes as long as the other half. For an M that searches and begs, some microseconds of
// age are enough; for a P that sleeps it takes more than the waking costs.
//
// Of a younger one nothing is known. It is promoted on trial, and a promotion that wasn't
// worth it, because the fork was joined or done before a thief could have come, makes the
// next trial wait for twice as long.
//
// A task's first fork is promoted at once if there are several Ps: it may be the only
// one, of a task that then computes for long. From then on it takes time for promoting
// to be worth it, ten microseconds at least: a tree of a thousand nodes is done before
// that.

import (
	"context"
	"math"
)

const (
	// promoteWorth is how long a promoted fork must run elsewhere to have been worth it:
	// longer than it takes to wake an M on a processor that sleeps.
	promoteWorth = 50e3 // ns

	// searcherWorth is the same when an M is searching: several times what it takes to
	// promote the fork, and to begin it there.
	searcherWorth = 10e3 // ns

	// never stands for longer than anything takes.
	never = math.MaxInt64

	// promotePause is the longest pause between two promotions of a task whose forks
	// aren't worth it, small trees one after the other: 1 % of the time goes into them
	// then.
	promotePause = 100 * lookEvery

	// forksSeen is how many forks are watched from one look to the next: more than there
	// are promotions in between.
	forksSeen = 4
)

// worthSharing returns how long work must take to be worth giving to a P that has nothing
// to do, never if there is no such P. An M that searches takes it within a microsecond or
// two; else one has to be woken.
func (d *domain) worthSharing() int64 {
	switch {
	case d.idle.Searching() > 0:
		return searcherWorth
	case d.idle.IdlePs() > 0:
		return promoteWorth
	}
	return never
}

// tryPromote promotes the task's oldest private fork, at the time now, if there is one and it
// is worth it as far as can be told: by its age, or on trial.
func (t *Task) tryPromote(m *m, now int64) {
	if !t.hasPrivate() {
		return
	}
	m.p.forked = now
	st := t.c.forks
	worth := m.d.worthSharing()
	switch {
	case worth == never:
	case st.aged() && now-st.seenAt >= worth:
		t.promoteOldest(m)
	case now >= st.next:
		st.next = now + st.pause
		t.promoteOldest(m)
	}
	if !st.aged() {
		st.seenAt = now
		st.see(t.forks())
	}
}

// hasPrivate tells whether the task has a fork that could be promoted.
func (t *Task) hasPrivate() bool {
	st := t.c.forks
	return st != nil && st.promoted < t.forks()
}

// aged tells whether the oldest private fork was there when the forks were last seen. A
// frame's number changes with each fork that is put there.
func (st *forkStack) aged() bool {
	i := st.promoted - st.seenFrom
	return i >= 0 && i < forksSeen && st.seen[i] != 0 && int(st.promoted) < len(st.frames) &&
		st.frames[st.promoted].head().number == st.seen[i]
}

// see notes the oldest private forks of n.
func (st *forkStack) see(n int32) {
	st.seenFrom = st.promoted
	for i := range st.seen {
		st.seen[i] = 0
		if at := st.promoted + int32(i); at < n {
			st.seen[i] = st.frames[at].head().number
		}
	}
}

// judge takes note of whether a promotion was worth it.
func (st *forkStack) judge(worth bool) {
	if worth {
		st.next, st.pause = 0, lookEvery
	} else {
		st.pause = min(2*st.pause, promotePause)
	}
}

// promoteOldest lets others have the task's oldest fork that is still private.
func (t *Task) promoteOldest(m *m) {
	st := t.c.forks
	if st.promoted >= t.forks() {
		return
	}
	f := st.frames[st.promoted]
	tk := f.promote()
	tk.ctx, tk.cancel = context.WithCancelCause(t.forkContext())
	tk.child = t.e.env.child
	tk.least = min(m.d.worthSharing(), promoteWorth)
	st.promoted++
	f.head().ticket = tk
	if st.under != nil {
		st.under.adopt(tk) // from here on others may run it
	}
	m.p.c.forksPromoted++
	e := owned(tk.run, &env{s: m.s, class: tk.child.class, due: tk.child.due, ctx: tk.ctx, owner: tk, child: tk.child})
	e.parent = t.id
	m.spawn(&e)
}
