package torture

import (
	"math/rand/v2"
	"time"
)

// generate makes the program of a seed.
func generate(seed uint64) *op {
	g := &generator{r: rand.New(rand.NewPCG(seed, 1)), left: 20}
	for range g.r.IntN(8) { // few programs are large
		g.left *= 2
		if g.r.IntN(2) == 0 {
			break
		}
	}
	g.leafCase, g.innerCase = -1, -1
	if g.one(2) {
		g.leafCase, g.innerCase = g.r.IntN(leafCases), g.r.IntN(innerCases)
	}
	root := &op{}
	for range 1 + g.r.IntN(3) {
		root.kids = append(root.kids, g.start())
	}
	for g.left > 0 {
		root.kids = append(root.kids, g.start())
	}
	root.kids = append(root.kids, g.beside()...)
	next := 0
	root.walk(func(o *op) { o.id = next; next++ })
	return root
}

// generator makes programs. What is rare is so because it takes long, or ends what
// the rest could do.
type generator struct {
	r     *rand.Rand
	left  int // ops still to be made, about
	large int // bursts of burstMost so far
	quick int // tasks of quick groups so far
	hogs  time.Duration

	// Half of the programs have favourites: a race may need many of one kind at once,
	// and those of all others in between would spoil it. -1: none.
	leafCase, innerCase int
}

const (
	// maxDepth bounds how deep ops are nested, so that programs are broad too.
	maxDepth = 12

	// burstMost is what is spawned at once: many times a P's ring, which holds 256.
	burstMost = 10_000

	// quickMost is how many tasks all quick groups of a program may have, and hogsMost
	// how long all hogs may compute: a program takes seconds at most under the race
	// detector on a busy machine, so that what takes much longer hangs.
	quickMost = 10_000
	hogsMost  = 50 * time.Millisecond

	// largeMost is how many bursts of that size a program has at most: two can meet,
	// and more would only take longer.
	largeMost = 2
)

// one tells, once in n calls.
func (g *generator) one(n int) bool { return g.r.IntN(n) == 0 }

// The cases of leaf and inner; frequent ones have several.
const (
	leafCases  = 17
	innerCases = 20
)

// choose returns a number below n, often the favourite if that isn't negative.
func (g *generator) choose(n, favourite int) int {
	if favourite >= 0 && g.one(2) {
		return favourite
	}
	return g.r.IntN(n)
}

// upTo returns a time of at most d, mostly a short one.
func (g *generator) upTo(d time.Duration) time.Duration {
	return time.Duration(1+g.r.Int64N(int64(d))) >> g.r.IntN(6)
}

// start returns a kid of the root that starts tasks.
func (g *generator) start() *op {
	g.left--
	switch o := new(op); g.r.IntN(4) {
	case 0:
		o.kind = kGo
		o.kids = g.body(scope{}, 1)
		return o
	case 1:
		g.group(o, kOutside, scope{}, 1)
		return o
	default:
		o.kind = kRun
		if g.one(8) {
			o.how = 1 + g.r.IntN(2)
		}
		o.kids = g.body(scope{}, 1)
		return o
	}
}

// beside returns what goes on beside the tasks.
func (g *generator) beside() (ops []*op) {
	for how := range 4 {
		if g.one(4) {
			ops = append(ops, &op{kind: kLook, how: how, d: g.upTo(time.Millisecond)})
		}
	}
	if g.one(3) {
		ops = append(ops, &op{kind: kResize, n: g.r.IntN(1 << 20), d: g.upTo(time.Millisecond)})
	}
	if g.one(4) {
		ops = append(ops, &op{kind: kStorm, n: 1 + g.r.IntN(40), d: g.upTo(200 * time.Microsecond)})
	}
	if g.one(4) {
		ops = append(ops, &op{kind: kKnot, n: 2 + g.r.IntN(4)})
	}
	if g.one(3) {
		ops = append(ops, &op{kind: kClose, how: g.r.IntN(3), d: g.upTo(5 * time.Millisecond)})
	}
	return ops
}

// body returns what a task does.
func (g *generator) body(sc scope, depth int) (ops []*op) {
	for range 1 + g.r.IntN(5) {
		if g.left <= 0 {
			break
		}
		ops = append(ops, g.op(sc, depth))
	}
	if g.one(8) {
		ops = append(ops, &op{kind: kEnd, how: g.r.IntN(numEnds)})
	}
	return ops
}

// op returns something that a task does.
func (g *generator) op(sc scope, depth int) *op {
	g.left--
	if depth < maxDepth && g.one(2) {
		return g.inner(sc, depth+1)
	}
	return g.leaf(sc)
}

// inner returns an op that has kids.
func (g *generator) inner(sc scope, depth int) *op {
	o := new(op)
	switch g.choose(innerCases, g.innerCase) {
	case 0, 1, 2, 3, 4:
		o.kind = kSpawn
	case 5, 6:
		o.kind = kLock
		if g.one(8) {
			o.how = 1
		}
	case 7:
		o.kind, o.n = kDeep, 1+g.r.IntN(500)
	case 8:
		o.kind, o.n, o.how = kBurst, 1+g.r.IntN(400), g.r.IntN(3)
		if g.one(10) && g.large < largeMost {
			g.large++
			o.n = burstMost
		}
		o.kids = g.cheap()
		return o
	case 9:
		o.kind, o.how = kRunInside, g.r.IntN(3)
	case 10:
		o.kind = kGoInside
	default:
		g.group(o, kGroup, sc, depth)
		return o
	}
	o.kids = g.body(sc.enter(o), depth)
	return o
}

// cheap returns a body for tasks of which there are many.
func (g *generator) cheap() (ops []*op) {
	switch g.r.IntN(6) {
	case 0:
		return []*op{{kind: kYield, n: 1}}
	case 1:
		return []*op{{kind: kCheckpoint, n: 1 + g.r.IntN(100)}}
	case 2:
		return []*op{{kind: kBlock}}
	case 3:
		return []*op{{kind: kSleep, d: g.upTo(time.Millisecond)}}
	}
	return nil
}

// group makes o a group.
func (g *generator) group(o *op, k kind, sc scope, depth int) {
	o.kind, o.n = k, -1
	if g.one(2) {
		o.n = 1 + g.r.IntN(3)
	}
	for f := flagTry; f <= flagPropagate; f <<= 1 {
		if g.one(6) {
			o.fl |= f
		}
	}
	if k == kOutside {
		o.fl &^= flagPropagate // there is nobody to end
	} else if g.one(10) {
		o.fl |= flagOther
	}
	if g.one(5) {
		o.fl |= flagCancel << g.r.IntN(3)
		o.d = g.upTo(3 * time.Millisecond)
	}
	sc = sc.enter(o)
	for range 1 + g.r.IntN(4) {
		c := &op{kind: kChild}
		g.left--
		c.kids = g.body(sc.enter(c), depth+1)
		o.kids = append(o.kids, c)
	}
}

// quickGroups returns groups that are soon over.
func (g *generator) quickGroups() *op {
	o := &op{kind: kQuick, n: 1 + g.r.IntN(200), how: g.r.IntN(4)}
	if o.how == quickFlock {
		o.n, o.d = 1+o.n/10, g.upTo(100*time.Microsecond)
	}
	if g.quick += o.n * quickTasks(o); g.quick > quickMost {
		o.n = 1
	}
	return o
}

// hog returns a hog.
func (g *generator) hog() *op {
	o := &op{kind: kHog, d: g.upTo(3 * time.Millisecond)}
	if g.hogs += o.d; g.hogs > hogsMost {
		o.d = time.Microsecond
	}
	return o
}

// leaf returns an op without kids.
func (g *generator) leaf(sc scope) *op {
	if sc.cancelled && g.one(6) {
		return &op{kind: kSleepLong}
	}
	if sc.child && g.one(20) {
		return &op{kind: kJoinOwn}
	}
	switch g.choose(leafCases, g.leafCase) {
	case 0, 1, 2, 3:
		return &op{kind: kYield, n: 1 + g.r.IntN(5)}
	case 4, 5:
		return &op{kind: kCheckpoint, n: 1 + g.r.IntN(1000)}
	case 6, 7, 8:
		return &op{kind: kSleep, d: g.upTo(500 * time.Microsecond)}
	case 9, 10:
		return &op{kind: kBlock, how: g.r.IntN(4), d: g.upTo(2 * time.Millisecond)}
	case 11:
		return &op{kind: kNative, how: g.r.IntN(2), d: g.upTo(2 * time.Millisecond)}
	case 12:
		return g.hog()
	case 13:
		return &op{kind: kPair, n: 1 + g.r.IntN(20), how: g.r.IntN(2)}
	case 14:
		return &op{kind: kRecover}
	case 15:
		return g.quickGroups()
	default:
		return &op{kind: kLabel}
	}
}
