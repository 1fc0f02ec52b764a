package model

import (
	"fmt"
	"math/bits"
	"strings"
)

// decision is a place where there is something to choose.
type decision struct {
	free   uint64 // threads that may go on at no cost, or numbers to choose from
	costly uint64 // those that it costs a preemption to go on with
	timed  uint64 // those of both whose time-out it would be
	first  int    // what to do if nothing speaks for another choice
	thread int    // who is about to do op at loc
	op     Op
	loc    int32
}

// choice is a choice that wasn't the first one.
type choice struct{ at, what int }

// forced tells whether the thread can't go on, or mustn't.
func (d *decision) forced() bool { return d.op == OpChoose || d.free>>d.thread&1 == 0 }

func (d *decision) all() uint64 { return d.free | d.costly }

// point is the choice point before an operation of the current thread. While the
// threads of a failed execution are unwound, nothing takes place any more.
func (x *Execution) point(kind any, op Op, l *Loc) *Row {
	if x.unwinds {
		if op != OpUnlock {
			panic(unwind{})
		}
		return nil
	}
	t := x.cur
	t.op, t.loc = op, -1
	if l != nil {
		if l.run != x.run {
			x.number(l, kind)
		}
		t.loc = l.id
	}
	x.steps++
	if x.steps > x.cfg.Steps {
		x.fail(&Failure{Kind: "livelock", Message: fmt.Sprintf("no end after %d operations (Config.Steps)\n%s", x.cfg.Steps, x.state())})
		x.cur = nil
		t.pause()
	}
	if op.reads() {
		if t.idle++; t.idle >= spinReads {
			x.step(t)
		}
	} else {
		t.idle = 0
	}
	to := x.choose(t)
	if to != t {
		if t.event != nil && x.rec != nil && !t.ready() {
			x.rec.add(x, t, op, l).Text = "waits"
		}
		x.cur = to
		t.pause()
	}
	if l != nil {
		u := &x.locs[l.id]
		u.by |= 1 << t.id
		u.written = u.written || !op.reads()
	}
	if x.rec != nil {
		return x.rec.add(x, t, op, l)
	}
	return nil
}

// number gives a location its number.
func (x *Execution) number(l *Loc, kind any) {
	l.run, l.id = x.run, int32(len(x.locs))
	x.locs = append(x.locs, usage{})
	if x.rec != nil {
		x.rec.named(l.id, kind)
	}
}

// note records something that is no operation on a location.
func (x *Execution) note(op Op) {
	if x.rec != nil {
		x.rec.add(x, x.cur, op, nil)
	}
}

// Yield lets others go on.
func (x *Execution) Yield() {
	if x.unwinds {
		panic(unwind{})
	}
	t := x.cur
	if t.yields++; t.yields >= x.cfg.Spins {
		x.step(t)
	}
	x.point("", OpYield, nil)
}

// step makes t stand behind all who could go on.
func (x *Execution) step(t *thread) {
	t.yields, t.idle = 0, 0
	able, timed := x.able()
	if able &^= 1 << t.id; able == 0 {
		able = timed
	}
	t.behind = able &^ (1 << t.id)
	x.behind = true
}

// able returns the threads that can go on, and those that could only because their
// time is over.
func (x *Execution) able() (able, timed uint64) {
	for i, t := range x.threads {
		switch {
		case t.ended:
		case t.ready():
			able |= 1 << i
		case t.timed:
			timed |= 1 << i
		}
	}
	return able, timed
}

func (t *thread) ready() bool { return t.event == nil || !t.event.Shut || t.also != nil && t.also() }

// choose decides who goes on, given what t is about to do. It returns nil when the
// execution is over.
func (x *Execution) choose(t *thread) *thread {
	able, timed := x.able()
	front := able
	if x.behind {
		front = x.front(able, able|timed)
	}
	d := &x.place
	*d = decision{free: front, timed: timed, thread: t.id, op: t.op, loc: t.loc}
	self := uint64(1) << t.id
	switch {
	case front&self != 0:
		d.free, d.costly, d.first = self, front&^self|timed, t.id
	case front != 0:
		d.costly = timed
		d.first = bits.TrailingZeros64(front)
	case timed != 0:
		d.free = timed
		d.first = bits.TrailingZeros64(timed)
	case x.live == 0:
		return nil
	default:
		x.fail(&Failure{Kind: "deadlock", Message: "nobody can go on\n" + x.state()})
		return nil
	}
	to := x.threads[x.decide(d)]
	if to != t {
		t.yields, t.idle = 0, 0
	}
	if x.behind {
		x.behind = false
		to.behind = 0
		for _, o := range x.threads {
			o.behind &^= 1 << to.id
			x.behind = x.behind || o.behind != 0
		}
	}
	return to
}

// front returns those of able that don't stand behind one of present.
func (x *Execution) front(able, present uint64) uint64 {
	front := able
	for i, t := range x.threads {
		if t.behind&present != 0 {
			front &^= 1 << i
		}
	}
	if front == 0 && present == able {
		return able
	}
	return front
}

// decide chooses one of what d offers.
func (x *Execution) decide(d *decision) int {
	all := d.all()
	if all&(all-1) == 0 {
		return d.first
	}
	what := x.strategy.pick(x, d)
	if what != d.first {
		x.trail = append(x.trail, choice{x.choices, what})
	}
	x.choices++
	return what
}

// Choose returns a number below n, which is at most 64; every one is tried.
func (x *Execution) Choose(n int) int {
	if n < 1 || n > maxThreads {
		x.Failf("Choose(%d): the number must be between 1 and %d", n, maxThreads)
	}
	x.steps++
	x.place = decision{free: 1<<n - 1, op: OpChoose, thread: x.cur.id, loc: -1}
	what := x.decide(&x.place)
	if x.rec != nil {
		x.rec.add(x, x.cur, OpChoose, nil).Text = fmt.Sprintf("%d of %d", what, n)
	}
	return what
}

// Choose returns a number below n in the execution that is under way; 0 if none is.
func Choose(n int) int {
	if x := Current(); x != nil {
		return x.Choose(n)
	}
	return 0
}

// state says of each thread what it is about to do.
func (x *Execution) state() string {
	var b strings.Builder
	for _, t := range x.threads {
		what := "has ended"
		if !t.ended {
			what = "is about to " + t.op.String()
			if t.event != nil && !t.ready() {
				what = "waits: " + t.op.String()
			}
			if t.loc >= 0 {
				what += " " + x.nameOf(t.loc)
			}
		}
		fmt.Fprintf(&b, "\t%s %s\n", t.name, what)
	}
	return strings.TrimRight(b.String(), "\n")
}
