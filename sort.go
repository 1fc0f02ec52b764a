package runq

// Sorting on top of Fork and Join.
//
// The tension: quicksort needs no memory, but its first step, half of the work that
// there is to share with a few Ps, is for one P alone, and so are the halves if they are
// uneven. Merge sort shares out everything, but moves elements once more.
//
// The choice: merge sort into a buffer and back, with merges that are cut in halves as
// the sort is. Where the language compares, a merge has no branch that depends on the
// result, since guessing wrong is what sorting spends its time on, and it goes on from
// both ends at once, so that it doesn't wait for one comparison before the next. Where a
// function compares, the calls are what takes the time. Parts that are in order already
// are copied.
//
// Which elements are compared depends on them alone. So the result is always the same,
// also where elements are equal and yet not the same.

import (
	"cmp"
	"slices"
)

const (
	// sortAlone is how many elements are sorted by the caller alone: it takes some tens
	// of microseconds, for which nobody should be woken, nor a buffer be made.
	sortAlone = 1024

	// sortLeaf is how many elements are left to package slices: merging is the faster
	// way to sort from here on, measured with integers.
	sortLeaf = 64

	// stableLeaf is the same for a stable sort: up to so many, package slices sorts by
	// insertion, which is what few elements are sorted fastest by.
	stableLeaf = 20

	// mergeLeaf is how many elements one call merges: some tens of
	// microseconds, beside which two searches and a fork are nothing.
	mergeLeaf = 16 << 10
)

// Sort sorts s in ascending order, NaNs first. It needs memory for another s. t is the
// calling task, or nil for an ordinary goroutine, which waits while tasks on Default()
// sort. The end of a context doesn't stop it.
func Sort[S ~[]E, E cmp.Ordered](t *Task, s S) {
	if len(s) <= sortAlone {
		slices.Sort(s)
		return
	}
	sortOn(t, &ordered[E]{places[E]{data: s}}, len(s), sortLeaf)
}

// SortFunc sorts s in the order that compare defines, as slices.SortFunc does: where
// that allows several results, because elements are equal, it is always the same one,
// whatever the number of Ps. compare is called by several tasks at the same time, and
// must not wait. When it panics, so does SortFunc, and which elements s has then is
// unspecified. The rest is as for Sort.
func SortFunc[S ~[]E, E any](t *Task, s S, compare func(a, b E) int) {
	if compare == nil {
		panic("runq: SortFunc: the function is nil")
	}
	if len(s) <= sortAlone {
		slices.SortFunc(s, compare)
		return
	}
	sortOn(t, &byFunc[E]{places[E]{data: s}, compare, slices.SortFunc[[]E, E]}, len(s), sortLeaf)
}

// SortStableFunc is SortFunc for those who want equal elements to stay in their order.
func SortStableFunc[S ~[]E, E any](t *Task, s S, compare func(a, b E) int) {
	if compare == nil {
		panic("runq: SortStableFunc: the function is nil")
	}
	if len(s) <= sortAlone {
		slices.SortStableFunc(s, compare)
		return
	}
	sortOn(t, &byFunc[E]{places[E]{data: s}, compare, slices.SortStableFunc[[]E, E]}, len(s), stableLeaf)
}

// sorter is what a sort does with elements of some type. They lie in two places of the
// same length, the caller's slice and a buffer; away says that it is the buffer.
type sorter interface {
	// begin makes the buffer. It returns false if there is nothing to be sorted any more.
	begin() bool
	// leaf sorts a part. It begins in the slice, and ends where away says.
	leaf(lo, hi int, away bool)
	// merge merges a pair of neighbours. Where both are equal, a's elements come first.
	merge(p pair)
	// end forgets the elements: frames of forks still point to the sorter.
	end()
	// cut returns indices that cut the pair into two which can be merged by themselves.
	cut(p pair) (a, b int)
}

// pair is two sorted parts to be merged, which lie at a0 <= i < a1 and b0 <= i < b1. The
// result begins at out, in the other place.
type pair struct {
	a0, a1, b0, b1, out int
	away                bool // where the result goes to
}

// sortPart is a part to be sorted, for Fork.
type sortPart struct {
	w      sorter
	leaf   int
	lo, hi int
	away   bool
}

// mergePart is a pair to be merged, for Fork.
type mergePart struct {
	w sorter
	p pair
}

// sortOn sorts n elements.
func sortOn(t *Task, w sorter, n, leaf int) {
	if t == nil {
		onDefault(func(t *Task) error { sortOn(t, w, n, leaf); return nil }) //nolint:errcheck // it is nil
		return
	}
	t.enter("Sort")
	defer w.end()
	t.enclose(nil, func() {
		if w.begin() {
			sortTree(t, sortPart{w, leaf, 0, n, false})
		}
	})
}

// sortTree sorts a part: its halves into the other place, and back by merging.
func sortTree(t *Task, s sortPart) (none struct{}) {
	if s.hi-s.lo <= s.leaf {
		s.w.leaf(s.lo, s.hi, s.away)
		return
	}
	mid := s.lo + (s.hi-s.lo)/2
	upper := Fork(t, sortTree, sortPart{s.w, s.leaf, mid, s.hi, !s.away})
	sortTree(t, sortPart{s.w, s.leaf, s.lo, mid, !s.away})
	upper.Join(t)
	return mergeTree(t, mergePart{s.w, pair{s.lo, mid, mid, s.hi, s.lo, s.away}})
}

// mergeTree merges a pair.
func mergeTree(t *Task, m mergePart) (none struct{}) {
	p := m.p
	if p.a1-p.a0+p.b1-p.b0 <= mergeLeaf {
		m.w.merge(p)
		return
	}
	a, b := m.w.cut(p)
	upper := Fork(t, mergeTree, mergePart{m.w, pair{a, p.a1, b, p.b1, p.out + a - p.a0 + b - p.b0, p.away}})
	mergeTree(t, mergePart{m.w, pair{p.a0, a, p.b0, b, p.out, p.away}})
	return upper.Join(t)
}

// places are the two places where the elements lie.
type places[E any] struct {
	data, buf []E
}

// at returns the elements in the place that away says.
func (x *places[E]) at(away bool) []E {
	if away {
		return x.buf
	}
	return x.data
}

// sides returns what a pair is merged to, and from: two parts of one slice.
func (x *places[E]) sides(p pair) (from, out []E, a0, b0, a1, b1 int) {
	out = x.at(p.away)[p.out:][:p.a1-p.a0+p.b1-p.b0]
	return x.at(!p.away), out, p.a0, p.b0, p.a1, p.b1
}

// one is 1 if b is true. The compiler makes no branch of it.
func one(b bool) int {
	n := 0
	if b {
		n = 1
	}
	return n
}

func (x *places[E]) end() { *x = places[E]{} }

// ended takes a sorted part of the slice to where it is to be.
func (x *places[E]) ended(lo, hi int, away bool) {
	if away {
		copy(x.buf[lo:hi], x.data[lo:hi])
	}
}

// ordered sorts what the language can compare.
type ordered[E cmp.Ordered] struct{ places[E] }

func (x *ordered[E]) begin() bool {
	i := 1
	for i < len(x.data) && !cmp.Less(x.data[i], x.data[i-1]) {
		i++
	}
	if i == len(x.data) {
		return false
	}
	if i == 1 {
		for i < len(x.data) && cmp.Less(x.data[i], x.data[i-1]) {
			i++
		}
		if i == len(x.data) {
			slices.Reverse(x.data)
			return false
		}
	}
	x.buf = make([]E, len(x.data))
	return true
}

func (x *ordered[E]) leaf(lo, hi int, away bool) {
	slices.Sort(x.data[lo:hi])
	x.ended(lo, hi, away)
}

func (x *ordered[E]) cut(p pair) (int, int) {
	from := x.at(!p.away)
	a, b := from[p.a0:p.a1], from[p.b0:p.b1]
	if len(a) >= len(b) {
		i := len(a) / 2
		j, _ := slices.BinarySearch(b, a[i])
		return p.a0 + i, p.b0 + j
	}
	j := len(b) / 2
	i := search(len(a), func(i int) bool { return cmp.Less(b[j], a[i]) })
	return p.a0 + i, p.b0 + j
}

func (x *ordered[E]) merge(p pair) {
	from, out, i, j, k, l := x.sides(p)
	if j == l || i == k || !cmp.Less(from[j], from[k-1]) {
		copy(out[copy(out, from[i:k]):], from[j:l])
		return
	}
	lo, hi := 0, len(out) // what is still to be written
	for {
		// Neither end comes to the end of its part in so many steps.
		n := min(k-i, l-j) / 2
		if n == 0 {
			break
		}
		for range n {
			b := one(cmp.Less(from[j], from[i]))
			out[lo] = from[i+(j-i)&-b]
			i += 1 - b
			j += b
			lo++

			a := one(cmp.Less(from[l-1], from[k-1]))
			hi--
			out[hi] = from[l-1+(k-l)&-a]
			k -= a
			l -= 1 - a
		}
	}
	for ; i < k && j < l; lo++ {
		b := one(cmp.Less(from[j], from[i]))
		out[lo] = from[i+(j-i)&-b]
		i += 1 - b
		j += b
	}
	copy(out[lo+copy(out[lo:], from[i:k]):], from[j:l])
}

// byFunc sorts what a function can compare.
type byFunc[E any] struct {
	places[E]
	compare func(a, b E) int
	sort    func(s []E, compare func(a, b E) int)
}

func (x *byFunc[E]) end() { *x = byFunc[E]{} }

func (x *byFunc[E]) begin() bool {
	i := 1
	for i < len(x.data) && x.compare(x.data[i], x.data[i-1]) >= 0 {
		i++
	}
	if i == len(x.data) {
		return false
	}
	if i == 1 {
		for i < len(x.data) && x.compare(x.data[i], x.data[i-1]) < 0 {
			i++
		}
		if i == len(x.data) {
			slices.Reverse(x.data)
			return false
		}
	}
	x.buf = make([]E, len(x.data))
	return true
}

func (x *byFunc[E]) leaf(lo, hi int, away bool) {
	x.sort(x.data[lo:hi], x.compare)
	x.ended(lo, hi, away)
}

func (x *byFunc[E]) cut(p pair) (int, int) {
	from := x.at(!p.away)
	a, b := from[p.a0:p.a1], from[p.b0:p.b1]
	if len(a) >= len(b) {
		i := len(a) / 2
		j := search(len(b), func(j int) bool { return x.compare(b[j], a[i]) >= 0 })
		return p.a0 + i, p.b0 + j
	}
	j := len(b) / 2
	i := search(len(a), func(i int) bool { return x.compare(b[j], a[i]) < 0 })
	return p.a0 + i, p.b0 + j
}

func (x *byFunc[E]) merge(p pair) {
	from, out, i, j, k, l := x.sides(p)
	if j == l || i == k || x.compare(from[j], from[k-1]) >= 0 {
		copy(out[copy(out, from[i:k]):], from[j:l])
		return
	}
	lo := 0
	for ; i < k && j < l; lo++ {
		if x.compare(from[j], from[i]) < 0 {
			out[lo] = from[j]
			j++
		} else {
			out[lo] = from[i]
			i++
		}
	}
	copy(out[lo+copy(out[lo:], from[i:k]):], from[j:l])
}

// search returns the first i < n for which f is true, n if there is none; once true, it
// stays so.
func search(n int, f func(i int) bool) int {
	lo := 0
	for hi := n; lo < hi; {
		mid := int(uint(lo+hi) / 2)
		if f(mid) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}
