package runq

// Loops with a result.
//
// The tension: what is added up in another order gives another sum, if the numbers are
// floating-point ones; but the order in which Ps come to the parts is never the same.
//
// The choice: how the range is cut, and which results are combined with which, follows
// from its length alone: into a fixed number of parts, which are combined as a balanced
// tree. The schedule decides only who does it. The parts are enough for many Ps, few
// enough for a fork each to cost nothing, and results are combined as soon as both are
// there, so that few of them wait at any time.

import "math"

// mostParts is into how many parts a range is cut: more than a machine has Ps, so that
// uneven parts even out, and so few that making and combining them costs microseconds.
const mostParts = 1024

// Map returns what fn returns for each element of s, in their order. When t's context
// ends before all is done, it returns nil and the context's cause. The rest is as for
// For.
func Map[E, R any](t *Task, s []E, fn func(t *Task, e E) R, opts ...LoopOption) ([]R, error) {
	if fn == nil {
		panic("runq: Map: the function is nil")
	}
	res := make([]R, len(s))
	err := For(t, len(s), func(t *Task, lo, hi int) {
		part, res := s[lo:hi], res[lo:hi]
		for i := range part {
			res[i] = fn(t, part[i])
		}
	}, opts...)
	if err != nil {
		return nil, err
	}
	return res, nil
}

// Reduce cuts the range 0 <= i < n into consecutive parts lo <= i < hi, calls leaf for
// each, and combines their results, neighbours with neighbours, the lower ones on the
// left: combine should be associative. How the range is cut and in which order results
// are combined depends on n alone, so that the result is always the same, to the last
// bit, whatever the number of Ps. For n below 1 it is leaf(t, 0, 0).
//
// The calls come from several tasks at the same time. When t's context ends before all
// is done, Reduce returns a zero R and the context's cause. The rest is as for For.
func Reduce[R any](t *Task, n int, leaf func(t *Task, lo, hi int) R, combine func(a, b R) R, opts ...LoopOption) (R, error) {
	if leaf == nil || combine == nil {
		panic("runq: Reduce: a function is nil")
	}
	if t == nil {
		var res R
		err := onDefault(func(t *Task) (err error) {
			res, err = Reduce(t, n, leaf, combine, opts...)
			return err
		})
		return res, err
	}
	t.enter("Reduce")
	c := cutInto(n, mostParts)
	results := make([]R, c.parts)
	r := &reduction{cut: c, loop: loop{total: c.n}}
	r.body = func(t *Task, lo, hi int) { results[lo] = leaf(t, c.start(lo), c.start(hi)) }
	r.combine = func(_ *Task, a, b int) {
		results[a] = combine(results[a], results[b])
		clear(results[b : b+1]) // it may be large
	}
	r.configure(t, opts)
	defer r.end()
	if err := r.run(t, func() { reduceTree(t, subtree{r, 0, c.parts}) }); err != nil {
		var none R
		return none, err
	}
	return results[0], nil
}

// Scan replaces each element of s by what combine makes of it and all before it:
// s[i] = s[0] + s[1] + ... + s[i], if combine adds. combine must be associative. How the
// elements are grouped depends on len(s) alone, so that the result is always the same,
// to the last bit, whatever the number of Ps. combine is called about twice for each
// element, by several tasks at the same time. It isn't told which: it mustn't wait.
//
// The end of a context doesn't stop it. When combine panics, some elements have been
// replaced. The rest is as for For.
func Scan[E any](t *Task, s []E, combine func(a, b E) E) {
	if combine == nil {
		panic("runq: Scan: the function is nil")
	}
	if t == nil {
		onDefault(func(t *Task) error { Scan(t, s, combine); return nil }) //nolint:errcheck // it is nil
		return
	}
	t.enter("Scan")
	// As many parts as elements in each: the fewest calls that aren't in a loop of parts.
	c := cutInto(len(s), min(int(math.Sqrt(float64(len(s)))), mostParts))
	before := make([]E, c.parts) // what comes before a part; at first, the part's own sum
	t.forParts(c.parts-1, func(p int) {
		part := s[c.start(p):c.start(p+1)]
		sum := part[0]
		for _, e := range part[1:] {
			sum = combine(sum, e)
		}
		before[p+1] = sum
	})
	for p := 2; p < c.parts; p++ {
		before[p] = combine(before[p-1], before[p])
	}
	t.forParts(c.parts, func(p int) {
		part := s[c.start(p):c.start(p+1)]
		for i := range part {
			switch {
			case i > 0:
				part[i] = combine(part[i-1], part[i])
			case p > 0:
				part[i] = combine(before[p], part[i])
			}
		}
	})
}

// forParts calls body for 0 <= p < parts. No context ends it.
func (t *Task) forParts(parts int, body func(p int)) {
	l := &loop{body: func(_ *Task, lo, hi int) {
		for p := lo; p < hi; p++ {
			body(p)
		}
	}}
	defer l.end()
	t.enclose(l, func() { runRange(t, loopRange{l, 0, parts}) })
}

// cut is a range 0 <= i < n that is cut into parts, which differ by one at most.
type cut struct {
	n, parts int
}

// cutInto cuts a range into at most so many parts, none of them empty; but one at least.
func cutInto(n, most int) cut {
	n = max(n, 0)
	return cut{n, max(1, min(n, most))}
}

// start returns where part p begins.
func (c cut) start(p int) int { return c.n/c.parts*p + min(c.n%c.parts, p) }

// reduction is a loop over parts whose results are combined.
type reduction struct {
	loop
	cut
	combine func(t *Task, a, b int) // the results of part a, and of what begins with b
}

func (r *reduction) end() {
	r.loop.end()
	r.combine = nil
}

// subtree is the parts lo <= p < hi of a reduction, for Fork.
type subtree struct {
	r      *reduction
	lo, hi int
}

// reduceTree leaves the combined result of the parts with the first of them.
func reduceTree(t *Task, s subtree) (none struct{}) {
	r := s.r
	if s.hi-s.lo == 1 {
		r.leaf(t, s.lo)
		return
	}
	mid := s.lo + (s.hi-s.lo)/2
	upper := Fork(t, reduceTree, subtree{r, mid, s.hi})
	reduceTree(t, subtree{r, s.lo, mid})
	upper.Join(t)
	if !r.stop.Load() {
		r.call(t, r.combine, s.lo, mid)
	}
	return
}

// leaf gets the result of part p, unless the loop is stopped.
func (r *reduction) leaf(t *Task, p int) {
	if r.stopped() {
		return
	}
	depth := t.forks()
	r.call(t, r.body, p, p+1)
	t.checkJoined(depth)
	if r.report != nil {
		r.did(r.start(p+1)-r.start(p), t.m.s.clock.Now())
	}
}
