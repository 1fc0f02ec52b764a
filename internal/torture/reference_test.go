package torture

import (
	"fmt"
	"slices"
)

// The reference executor. It says what a program must come to, whatever the
// schedule: how often each op is carried out; the total of all tasks' values; and
// how each group can end. It does so by going through the tree once, with the
// number of tasks that come to each place.
//
// A task's value is folded from its ops and from the values of the groups it has
// waited for. Folding depends on the order; so a value is right only if all that a
// task keeps on its stack has survived its waits. The value of a task that nobody
// waits for goes into the total, as many times as there are such tasks.

// outcomes are the ways in which something can end, as text. Without any, it ends
// well. When there are some, it surely ends in one of them.
type outcomes []string

// result is what a program comes to.
type result struct {
	counts []int64 // by id: how often an op was carried out, or begun if it is a task
	total  uint64
	ends   map[int]outcomes // by the id of a group or Run: how it can end
	tasks  int64
	knots  int64
}

// reference goes through the program. refused says, by id, how many of the tasks
// that an op was to submit were refused, because the scheduler was being closed:
// everything else was accepted and must run.
type reference struct {
	result
	refused func(o *op) int64
}

// expect returns what the program must come to.
func expect(root *op, ops int, refused func(o *op) int64) *result {
	r := &reference{refused: refused, result: result{counts: make([]int64, ops), ends: make(map[int]outcomes)}}
	for _, o := range root.kids {
		r.top(o)
	}
	return &r.result
}

// mix makes values of which a sum tells whether one is missing or counted twice.
func mix(v uint64) uint64 {
	v ^= v >> 31
	v *= 0x9e3779b97f4a7c15
	return v ^ v>>29
}

// fold adds what comes next to a task's value.
func fold(v, next uint64) uint64 { return mix(v*3 + next + 1) }

func (r *reference) top(o *op) {
	switch o.kind {
	case kRun:
		r.ends[o.id] = r.submitted(o, 1)
	case kGo:
		r.submitted(o, 1)
	case kStorm:
		n := int64(o.n)*stormTasks - r.refused(o)
		r.counts[o.id] = n
		r.tasks += n
	case kKnot:
		n := 1 - r.refused(o)
		r.counts[o.id] = n * int64(1+o.n)
		r.tasks += n * int64(1+o.n)
		r.knots += n
	case kOutside:
		value, ends := r.group(o, 1)
		r.total += value
		r.ends[o.id] = ends
	}
}

// submitted is op o, which submits a task from outside, carried out mult times.
func (r *reference) submitted(o *op, mult int64) outcomes {
	mult -= r.refused(o)
	value, ends := r.task(o, mult)
	r.total += value * uint64(mult)
	return ends
}

// task is mult tasks with the kids of o as body. It returns the value of each.
func (r *reference) task(o *op, mult int64) (value uint64, ends outcomes) {
	r.counts[o.id] += mult
	r.tasks += mult
	return r.body(o.kids, mix(uint64(o.id)), mult)
}

// body goes on with a task's value v.
func (r *reference) body(ops []*op, v uint64, mult int64) (uint64, outcomes) {
	for _, o := range ops {
		if !o.kind.tasks() {
			r.counts[o.id] += mult
		}
		v = fold(v, uint64(o.id))
		var ends outcomes
		v, ends = r.step(o, v, mult)
		if len(ends) != 0 {
			return v, ends
		}
	}
	return v, nil
}

func (r *reference) step(o *op, v uint64, mult int64) (uint64, outcomes) {
	switch o.kind {
	case kSpawn:
		value, _ := r.task(o, mult)
		r.total += value * uint64(mult)
	case kRunInside, kGoInside:
		ends := r.submitted(o, mult)
		r.ends[o.id] = ends
	case kGroup:
		value, ends := r.group(o, mult)
		r.ends[o.id] = ends
		v = fold(v, value)
		if o.fl&flagPropagate != 0 {
			return v, ends
		}
	case kBurst:
		value, ends := r.task(o, mult*int64(o.n))
		r.ends[o.id] = ends
		if o.how == burstDetached {
			r.total += value * uint64(mult*int64(o.n))
		} else {
			v = fold(v, value*uint64(o.n))
		}
	case kLock, kDeep:
		return r.body(o.kids, v, mult)
	case kQuick:
		r.tasks += mult * int64(o.n*quickTasks(o))
		v = fold(v, uint64(o.n*quickTasks(o)))
	case kPair:
		r.tasks += mult
		r.total += mix(uint64(o.id)) * uint64(mult)
		v = fold(v, uint64(o.n*(o.n+1)/2))
	case kEnd:
		return v, endOutcome(o)
	}
	return v, nil
}

// Variants of kBurst.
const (
	burstDetached = iota
	burstGrouped
	burstLimited
)

// group is a group: the sum of its children's values, and how it can end.
func (r *reference) group(o *op, mult int64) (value uint64, ends outcomes) {
	var all, panics outcomes
	for _, k := range o.kids {
		m := mult - r.refused(k) // mult is 1 where that isn't 0
		v, ends := r.task(k, m)
		if m == 0 {
			all = append(all, outcomeClosed)
			continue
		}
		value += v
		all = append(all, ends...)
		if len(ends) != 0 && isPanic(ends[0]) { // then all of them are
			panics = append(panics, ends...)
		}
	}
	if len(panics) != 0 {
		return value, sorted(panics) // a panic goes before all errors
	}
	return value, sorted(all)
}

func sorted(o outcomes) outcomes {
	slices.Sort(o)
	return slices.Compact(o)
}

const (
	outcomeClosed    = "closed"
	outcomeGoexit    = "Goexit"
	outcomeCancelled = "cancelled"
)

// endOutcome is how a task ends with a kEnd.
func endOutcome(o *op) outcomes {
	switch o.how {
	case endError:
		return outcomes{fmt.Sprint("error ", o.id)}
	case endPanic, endPanicInBlock, endPanicDeferred:
		return outcomes{fmt.Sprint("panic ", o.id)}
	default:
		return outcomes{outcomeGoexit}
	}
}

func isPanic(outcome string) bool { return len(outcome) > 5 && outcome[:5] == "panic" }
